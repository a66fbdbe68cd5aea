import { afterAll, afterEach, describe, expect, setSystemTime, spyOn, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { deadlinePassed } from '../../src/lib/fault.ts'
import { NO_PARAMS, parseQuery } from '../../src/lib/params.ts'
import { WorkerPool } from '../../src/query/pool.ts'
import type { PreparedQuery } from '../../src/query/prepared.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import type { Child } from '../../src/workers/child.ts'
import { waitFor } from '../harness.ts'
import { sigkill } from '../life/processes.ts'
import { isKept, queryWorkers, ticks } from './query-workers.ts'
import { ask, grantWith, makeDataset, prepare, refusal } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-runner-'))
const runners: QueryRunner[] = []
const runnerOf = (size: number) => {
  const runner = new QueryRunner(size)
  runners.push(runner)
  return runner
}
afterEach(() => {
  for (const runner of runners.splice(0)) runner.close()
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const MILLION = 1_000_000
const columns = [
  { name: 'id', type: 'integer' as const },
  { name: 'code', type: 'integer' as const },
  { name: 'kind', type: 'integer' as const },
  { name: 'name', type: 'text' as const },
]
const rows = Array.from({ length: 400 }, (_, i) => [i, i % 97, i % 3, `n${i}`])
const make = (name: string, more: { rowCount?: number; primaryKey?: string[]; indexes?: string[][] } = {}) =>
  makeDataset(dir, { name: `m.${name}`, columns, rows, primaryKey: ['id'], indexes: [['code']], ...more })
const small = make('small')
const large = make('large', { rowCount: MILLION })
const pairs = make('pairs', { primaryKey: ['code', 'id'], indexes: [], rowCount: MILLION })
/** 300 rows of 10 kB */
const wide = makeDataset(dir, {
  name: 'm.wide',
  columns,
  rows: rows.slice(0, 300).map(row => [...row.slice(0, 3), 'x'.repeat(10_000)]),
  primaryKey: ['id'],
  indexes: [['code']],
})
/** few rows, by their number small: 9 MB */
const heavy = makeDataset(dir, {
  name: 'm.heavy',
  columns,
  rows: rows.slice(0, 100).map(row => [...row.slice(0, 3), 'x'.repeat(90_000)]),
  primaryKey: ['id'],
})
/** its key is never NULL, so that a place in its order is found */
const keyed = makeDataset(dir, {
  name: 'm.keyed',
  columns: columns.map(column => ({ ...column, nullable: column.name !== 'id' })),
  rows,
  primaryKey: ['id'],
  rowCount: MILLION,
})
/** 9 MB, by a key of texts: a list of its values finds them in their order */
const named = makeDataset(dir, {
  name: 'm.named',
  columns: [...columns.slice(1, 3), { name: 'name', type: 'text', nullable: false }, { name: 'body', type: 'text' }],
  rows: rows.slice(0, 100).map(row => [...row.slice(1, 4), 'x'.repeat(90_000)]),
  primaryKey: ['name'],
})
/** 125,000 rows, by a key of three columns */
const cube = makeDataset(dir, {
  name: 'm.cube',
  columns: columns.slice(0, 3).map(column => ({ ...column, nullable: false })),
  rows: Array.from({ length: 125_000 }, (_, i) => [i % 50, Math.floor(i / 50) % 50, Math.floor(i / 2500)]),
  primaryKey: ['id', 'code', 'kind'],
})
const datasets = [small, large, pairs, wide, heavy, keyed, named, cube]
const definition = (table: string, more: Partial<QueryDefinition> = {}): QueryDefinition => ({
  source: { schema: 'm', table },
  ...more,
})

describe('this process runs what is indexed and bounded, a worker the rest', () => {
  const runsHere = (query: QueryDefinition, params = '', changes = {}) => {
    const prepared = prepare(query, datasets, runnerOf(1))
    const here = prepared.here(prepared.ask(grantWith(changes), parseQuery(params)), reply => reply)
    here?.catch(() => {})
    return here !== undefined
  }
  const eq = (column: string) => ({ filters: [{ column, param: 'p', required: true }] })
  const joined = (source: string, table: string, on: { left: string; right: string }[]) =>
    definition(source, {
      joins: [{ schema: 'm', table, as: 'j', on }],
      filters: [{ column: 'j.name', value: 'nowhere' }],
    })

  test('a look-up by key', () => expect(runsHere(definition('large', eq('id')), 'p=5')).toBe(true))
  test('a look-up by an index', () => expect(runsHere(definition('large', eq('code')), 'p=5')).toBe(true))
  test('a page in the order of the key', () => expect(runsHere(definition('large'), 'offset=10')).toBe(true))
  test('anything in one small table', () => {
    expect(runsHere(definition('small', { ...eq('name'), order_by: [{ column: 'kind' }] }), 'p=n5')).toBe(true)
  })
  test('a small table joined by key', () => {
    expect(runsHere(joined('small', 'large', [{ left: 'code', right: 'id' }]))).toBe(true)
    const on = ['id', 'code'].map(name => ({ left: name, right: name }))
    expect(
      runsHere(
        definition('small', { joins: [{ schema: 'm', table: 'pairs', type: 'left', on }], columns: ['pairs.name'] }),
      ),
    ).toBe(true)
  })

  test('not: a filter without an index', () => expect(runsHere(definition('large', eq('name')), 'p=n5')).toBe(false))
  test('not: an index that covers one filter of two', () => {
    const filters = [...eq('code').filters, { column: 'name', value: 'n7' }]
    expect(runsHere(definition('large', { filters }), 'p=5')).toBe(false)
  })
  test('not: a row scope that no index covers', () => {
    expect(runsHere(definition('large', eq('id')), 'p=5', { rowScope: [['name', ['n5']]] })).toBe(false)
    expect(runsHere(definition('large'), '', { rowScope: [['name', ['n5']]] })).toBe(false)
  })
  test('not: a range, a sort, a deep page', () => {
    expect(runsHere(definition('large', { filters: [{ column: 'code', op: 'gt', value: 5 }] }))).toBe(false)
    expect(runsHere(definition('large', { order_by: [{ column: 'name' }] }))).toBe(false)
    expect(runsHere(definition('large'), 'offset=901')).toBe(false)
  })
  test('not: a page of many rows, or of wide ones, unless the table has not so many', () => {
    const paged = (table: string) => definition(table, { pagination: { max_limit: 100_000 } })
    expect(runsHere(paged('large'), 'limit=1000')).toBe(true)
    expect(runsHere(paged('large'), 'limit=1001')).toBe(false)
    expect(runsHere({ ...paged('large'), ...eq('code') }, 'p=5&limit=1001')).toBe(false)
    expect(runsHere({ ...paged('large'), ...eq('id') }, 'p=5&limit=1001')).toBe(true)
    expect(runsHere(paged('small'), 'limit=100000')).toBe(true)
    expect(runsHere(paged('wide'), 'limit=50')).toBe(true)
    expect(runsHere(paged('wide'), 'limit=150')).toBe(false)
    expect(runsHere({ ...paged('wide'), ...eq('code') }, 'p=5&limit=150')).toBe(false)
    expect(runsHere({ ...paged('wide'), ...eq('id') }, 'p=5&limit=150')).toBe(true)
  })
  test('a list of keys, which is as many rows; not: of wide ones, or as many places in an index as lists make together', () => {
    const among = (table: string, names: string[], total = false) =>
      definition(table, {
        filters: names.map(column => ({ column, op: 'in', param: column })),
        pagination: { max_limit: 100_000, total },
      })
    const list = (name: string, length: number) => Array.from({ length }, (_, i) => `${name}=${i}`).join('&')
    expect(runsHere(among('named', ['name']), `${list('name', 5)}&limit=200`)).toBe(true)
    expect(runsHere(among('named', ['name']), `${list('name', 50)}&limit=5`)).toBe(true)
    expect(runsHere(among('named', ['name']), `${list('name', 50)}&limit=200`)).toBe(false)
    expect(runsHere(among('named', ['name'], true), `${list('name', 5)}&limit=5`)).toBe(true)
    expect(runsHere(among('named', ['name'], true), `${list('name', 50)}&limit=5`)).toBe(false)
    const lists = (length: number) => ['id', 'code', 'kind'].map(name => list(name, length)).join('&')
    for (const total of [false, true]) {
      expect(runsHere(among('cube', ['id', 'code', 'kind'], total), lists(5))).toBe(true)
      expect(runsHere(among('cube', ['id', 'code', 'kind'], total), lists(40))).toBe(false)
    }
  })
  test('not: a filter that reads all of a table of few rows and many bytes', () => {
    expect(runsHere(definition('heavy', eq('name')), 'p=n5&limit=1')).toBe(false)
    expect(runsHere(definition('heavy', eq('id')), 'p=5')).toBe(true)
  })
  test("not: a caller's pattern, which can cost text times pattern a row; the author's may", () => {
    const filter = { column: 'name', op: 'like' as const }
    expect(runsHere(definition('small', { filters: [{ ...filter, param: 'p' }] }), 'p=%25')).toBe(false)
    expect(runsHere(definition('small', { filters: [{ ...filter, op: 'ilike', param: 'p' }] }), 'p=%25')).toBe(false)
    expect(runsHere(definition('small', { filters: [{ ...filter, param: 'p' }] }))).toBe(true)
    expect(runsHere(definition('small', { filters: [{ ...filter, value: 'n1%' }] }))).toBe(true)
  })
  test('not: a join that may find many rows for each, or whose source is large', () => {
    expect(runsHere(joined('small', 'large', [{ left: 'kind', right: 'code' }]))).toBe(false)
    expect(runsHere(joined('small', 'large', [{ left: 'name', right: 'name' }]))).toBe(false)
    expect(runsHere(joined('small', 'pairs', [{ left: 'code', right: 'code' }]))).toBe(false)
    expect(runsHere(joined('large', 'small', [{ left: 'code', right: 'id' }]))).toBe(false)
  })
  test('an aggregate or a total of a small table or of one row; not: of a large one, or of many bytes', () => {
    const counted = (table: string, more: Partial<QueryDefinition> = {}) =>
      definition(table, { columns: [{ fn: 'count' }], ...more })
    expect(runsHere(counted('small'))).toBe(true)
    expect(runsHere(counted('large', eq('id')), 'p=5')).toBe(true)
    expect(runsHere(counted('large'))).toBe(false)
    expect(runsHere(counted('large', eq('code')), 'p=5')).toBe(false)
    expect(runsHere(counted('heavy'))).toBe(false)
    expect(runsHere(definition('large', { columns: ['id'], distinct: true }))).toBe(false)
    const grouped = definition('wide', { columns: ['name', { fn: 'count' }], group_by: ['name'] })
    expect(runsHere(grouped, 'limit=50')).toBe(true)
    expect(runsHere(grouped, 'limit=150')).toBe(false)
    const totalled = (table: string, more = {}) => definition(table, { pagination: { total: true }, ...more })
    expect(runsHere(totalled('small'))).toBe(true)
    expect(runsHere(totalled('large', eq('id')), 'p=5')).toBe(true)
    expect(runsHere(totalled('large'))).toBe(false)
    expect(runsHere(totalled('heavy'))).toBe(false)
  })
  test('a page that begins at its cursor in the order of the key; not: of many rows', async () => {
    const query = definition('keyed', { pagination: { max_limit: 100_000 } })
    const prepared = prepare(query, datasets, runnerOf(1))
    const here = (params: string) => prepared.here(prepared.ask(grantWith(), parseQuery(params)), reply => reply)
    const { next } = (await here('limit=10'))!
    const page = await here(`limit=10&cursor=${next}`)
    expect(page!.rows.map(row => row.id)).toEqual(Array.from({ length: 10 }, (_, i) => i + 10))
    expect(here(`limit=1001&cursor=${next}`)).toBeUndefined()
  })
})

/** Answers after minutes, if ever: every row with every row, three times over, sorted. */
const endless = definition('small', {
  joins: ['a', 'b', 'c'].map(as => ({ schema: 'm', table: 'large', as, on: [{ left: 'kind', right: 'kind' }] })),
  order_by: [{ column: 'c.name' }, { column: 'b.name' }],
  columns: ['id'],
})
const quick = definition('large', { order_by: [{ column: 'name' }], columns: ['id'], pagination: { default_limit: 1 } })

const worker = (other?: number) => waitFor(() => queryWorkers().find(pid => pid !== other))
/** A runner with one worker that is up, and idle, and its process id. */
async function warm(): Promise<{ runner: QueryRunner; pid: number; slow: PreparedQuery; fast: PreparedQuery }> {
  await waitFor(() => (queryWorkers().length === 0 ? true : undefined))
  const runner = runnerOf(1)
  const fast = prepare(quick, datasets, runner)
  await ask(fast)
  return { runner, pid: (await worker())!, slow: prepare(endless, datasets, runner), fast }
}

describe.skipIf(process.platform !== 'linux')('workers', () => {
  test('a query that runs too long is 504 at its deadline, its process ends, look-ups go on and the next query is answered', async () => {
    const { runner, pid, slow, fast } = await warm()
    const lookup = prepare(definition('large', { filters: [{ column: 'id', param: 'id' }] }), datasets, runner)
    const start = performance.now()
    const late = refusal(() => ask(slow, '', undefined, Date.now() + 1000))
    let looked = 0
    let over = false
    const looking = (async () => {
      while (!over) {
        await ask(lookup, `id=${looked++ % 400}`)
        await Bun.sleep(1)
      }
    })()
    const fault = await late
    const took = performance.now() - start
    over = true
    await looking
    expect([fault.status, fault.message]).toEqual([504, 'The deadline for this request has passed.'])
    expect(took).toBeGreaterThan(950)
    expect(took).toBeLessThan(50_000) // of minutes
    expect(looked).toBeGreaterThan(10)
    await waitFor(() => (queryWorkers().includes(pid) ? undefined : true))
    expect((await ask(fast)).rows).toEqual([{ id: 0 }])
  })

  test('one that is done soon after its deadline, as it began just before, does not cost its worker', async () => {
    const statement = { sql: 'SELECT 1', sources: [], names: [], bigints: false }
    for (const isDoneSoon of [true, false]) {
      const asked: string[] = []
      let late = true
      const child = {
        alive: true,
        exited: new Promise(() => {}),
        async request(method: string) {
          asked.push(method)
          if (method === 'all' && !late) return []
          if (method === 'stop' && isDoneSoon) return undefined
          throw deadlinePassed()
        },
        kill() {
          child.alive = false
        },
      }
      let started = 0
      const pool = new WorkerPool(1, async () => {
        started++
        child.alive = true
        return child as unknown as Child
      })
      const all = () => pool.all(statement, [], { deadline: performance.now() + 100_000 })
      expect((await refusal(all)).status).toBe(504)
      late = false
      expect(await all()).toEqual([])
      expect([asked, started]).toEqual([['all', 'stop', 'all'], isDoneSoon ? 1 : 2])
    }
  })

  test('one that waits for a worker has its time, though the clock is set on meanwhile', async () => {
    const given: number[] = []
    const set = Promise.withResolvers<void>()
    const child = {
      alive: true,
      exited: new Promise(() => {}),
      async request(_op: string, _asked: unknown, { timeoutMs }: { timeoutMs: number }) {
        given.push(timeoutMs)
        await set.promise
        return []
      },
    }
    const pool = new WorkerPool(1, async () => child as unknown as Child)
    const statement = { sql: '', sources: [], names: [], bigints: false }
    const all = () => pool.all(statement, [], { deadline: performance.now() + 100_000 })
    const answers = [all(), all()]
    setSystemTime(Date.now() + 3_600_000)
    set.resolve()
    try {
      expect(await Promise.all(answers)).toEqual([[], []])
      expect(given.filter(ms => ms > 1)).toHaveLength(2)
    } finally {
      setSystemTime()
    }
  })

  test('one that waits too long for a worker is 504 at its deadline too', async () => {
    const { pid, fast } = await warm()
    process.kill(pid, 'SIGSTOP')
    const first = ask(fast)
    const start = performance.now()
    const fault = await refusal(() => ask(fast, '', undefined, Date.now() + 200))
    expect(fault.status).toBe(504)
    expect(performance.now() - start).toBeLessThan(50_000)
    process.kill(pid, 'SIGCONT')
    expect((await first).count).toBe(1)
  })

  test('a worker that is killed costs its query one retry that nobody sees', async () => {
    const { pid, fast } = await warm()
    process.kill(pid, 'SIGSTOP') // it takes the query and does not answer
    const answer = ask(fast)
    await Bun.sleep(20)
    process.kill(pid, 'SIGKILL')
    expect((await answer).rows).toEqual([{ id: 0 }])
  })

  test('and the second time 503, with when to come again and nothing of the inside', async () => {
    const { pid, slow } = await warm()
    const lost = refusal(() => ask(slow))
    await Bun.sleep(50)
    process.kill(pid, 'SIGKILL')
    const second = (await worker(pid))!
    // longer than it takes to start: it has the query
    await waitFor(() => ticks(second) > 60 || undefined)
    process.kill(second, 'SIGKILL')
    const fault = await lost
    expect([fault.status, fault.message, fault.headers]).toEqual([
      503,
      'The query worker was lost.',
      { 'retry-after': '1' },
    ])
  })

  test('workers that are killed under load, all at once and again and again, cost no query that waits its answer', async () => {
    const runner = runnerOf(2)
    const fast = prepare(quick, datasets, runner)
    await ask(fast)
    let over = false
    let answered = 0
    const refused: string[] = []
    const asking = Array.from({ length: 8 }, async () => {
      while (!over) {
        await ask(fast).then(
          () => answered++,
          error => refused.push(error.message),
        )
      }
    })
    for (let i = 0; i < 5; i++) {
      const before = answered
      const killed = queryWorkers()
      for (const pid of killed) sigkill(pid)
      // a query has one retry: those that lost their worker must have had it before the next round, and know of its end first
      await waitFor(() => (queryWorkers().some(pid => killed.includes(pid)) ? undefined : true))
      // (it waits a moment for that, in which a worker that was only starting answers others)
      await Bun.sleep(100)
      await waitFor(() => (answered > before + 20 ? true : undefined))
    }
    over = true
    await Promise.all(asking)
    expect(refused).toEqual([])
    expect(answered).toBeGreaterThan(100)
  })

  test('what a caller who has gone waited for gives up its place, and its worker', async () => {
    const { runner, pid, slow, fast } = await warm()
    const lookup = (signal: AbortSignal) =>
      refusal(() => fast.run(grantWith(), NO_PARAMS, Date.now() + 100_000, { signal }))
    const callers = Array.from({ length: 3 }, () => new AbortController())
    const running = refusal(() => slow.run(grantWith(), NO_PARAMS, Date.now() + 100_000, callers[0]))
    const waiting = callers.slice(1).map(caller => lookup(caller.signal))
    await Bun.sleep(50)
    callers[1]!.abort()
    expect(await waiting[0]).toMatchObject({ status: 499 })
    expect(queryWorkers()).toEqual([pid])
    const start = performance.now()
    callers[0]!.abort()
    callers[2]!.abort()
    expect([await running, await waiting[1]]).toMatchObject([{ status: 499 }, { status: 499 }])
    expect((await ask(fast)).rows).toEqual([{ id: 0 }])
    expect(performance.now() - start).toBeLessThan(50_000) // of the 100 s that it had
    expect(queryWorkers()).not.toContain(pid)
    await runner.release(large.file) // nothing reads it any more
    expect(await lookup(callers[0]!.signal)).toMatchObject({ status: 499 })
  })

  test('nor does the count of a total go on for a caller who has gone', async () => {
    const { runner, pid, fast } = await warm()
    const { order_by: _, ...unsorted } = endless
    const totalled = prepare({ ...unsorted, pagination: { default_limit: 1, total: true } }, datasets, runner)
    const statements = spyOn(runner.sqlite, 'all')
    const caller = new AbortController()
    const answer = refusal(() => totalled.run(grantWith(), NO_PARAMS, Date.now() + 100_000, caller))
    await waitFor(() => (statements.mock.calls.length === 2 ? true : undefined))
    await Bun.sleep(50)
    const start = performance.now()
    caller.abort()
    expect(await answer).toMatchObject({ status: 499 })
    expect((await ask(fast)).rows).toEqual([{ id: 0 }])
    expect(performance.now() - start).toBeLessThan(50_000) // of the 100 s that it had
    expect(queryWorkers()).not.toContain(pid)
  })

  test('a query that ends soon does not cost its worker when its caller goes', async () => {
    const { fast } = await warm()
    const leave = async () => {
      await ask(fast) // there is a worker
      const before = queryWorkers()
      const caller = new AbortController()
      const answer = fast.run(grantWith(), NO_PARAMS, Date.now() + 100_000, caller)
      caller.abort()
      const isAnswered = await answer.then(
        ({ count }) => count === 1,
        () => false,
      )
      await Bun.sleep(400)
      return { before, after: isAnswered ? queryWorkers() : [] }
    }
    expect(await isKept(leave)).toBe(true)
  })

  test('a retry has what is left of the deadline, no more', async () => {
    const { pid, fast } = await warm()
    process.kill(pid, 'SIGSTOP')
    const start = performance.now()
    const fault = refusal(() => ask(fast, '', undefined, Date.now() + 200))
    await Bun.sleep(195)
    try {
      process.kill(pid, 'SIGKILL')
    } catch {} // on a busy machine the deadline was quicker
    expect((await fault).status).toBe(504)
    expect(performance.now() - start).toBeLessThan(50_000)
  })

  test('a file is released when the last query that reads it, or waits to, has ended', async () => {
    const { runner, pid, fast } = await warm()
    const other = prepare(definition('pairs', { order_by: [{ column: 'name' }], columns: ['id'] }), datasets, runner)
    process.kill(pid, 'SIGSTOP')
    const ended: string[] = []
    const running = ask(fast).then(() => ended.push('running'))
    const waiting = ask(other).then(() => ended.push('waiting'))
    const released = [
      runner.release(large.file).then(() => ended.push('large')),
      runner.release(pairs.file).then(() => ended.push('pairs')),
      runner.release(small.file).then(() => ended.push('small')),
    ]
    await released[2]
    await Bun.sleep(50)
    expect(ended).toEqual(['small'])
    process.kill(pid, 'SIGCONT')
    await Promise.all([running, waiting, ...released])
    expect(ended.slice(0, 3).sort()).toEqual(['large', 'running', 'small'])
    expect(ended.indexOf('pairs')).toBeGreaterThan(2)
  })

  test('after a thousand that wait, the next is 503 at once; at the end all of them are', async () => {
    const { runner, pid, fast } = await warm()
    process.kill(pid, 'SIGSTOP')
    const statuses = Array.from({ length: 1001 }, () => refusal(() => ask(fast)).then(fault => fault.status))
    const start = performance.now()
    const fault = await refusal(() => ask(fast))
    expect([fault.status, fault.message]).toEqual([503, 'Too many queries are waiting.'])
    expect(performance.now() - start).toBeLessThan(50_000) // of the 100 s that it would wait
    runner.close()
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([503]))
  })
})

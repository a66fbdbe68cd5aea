/** Batches of rows from a query worker of their own: in order, whole, two at a time, and never after anybody wants them. */

import { heapStats } from 'bun:jsc'
import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreamLimits } from '../../src/query/engine.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { waitFor } from '../harness.ts'
import { isKept, queryWorkers, ticks } from './query-workers.ts'
import { makeDataset, refusal } from './table-fixture.ts'

const ROWS = 50_000
const dir = mkdtempSync(join(tmpdir(), 'callgate-stream-'))
const runners: QueryRunner[] = []
afterEach(async () => {
  for (const runner of runners.splice(0)) runner.close()
  await waitFor(() => (queryWorkers().length === 0 ? true : undefined))
})
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const big = makeDataset(dir, {
  name: 's.big',
  columns: [
    { name: 'id', type: 'integer' },
    { name: '__proto__', type: 'text' },
  ],
  rows: Array.from({ length: ROWS }, (_, i) => [i, `row ${i} ${'x'.repeat(i % 500)}`]),
  primaryKey: ['id'],
})
const everything = {
  sql: 'SELECT id, "__proto__" FROM d0.data ORDER BY id',
  sources: [big.file],
  names: ['id', '__proto__'],
  bigints: false,
}
const endless = {
  ...everything,
  sql: 'SELECT a.id FROM d0.data a, d0.data b, d0.data c ORDER BY b."__proto__", c."__proto__" DESC',
  names: ['id'],
}
/** One batch at once, then nothing for a long time. */
const slowLater = {
  ...everything,
  sql: `SELECT id FROM d0.data UNION ALL SELECT sum(a.id + b.id) FROM d0.data a, d0.data b WHERE a."__proto__" <> b."__proto__"`,
  names: ['id'],
}

const textOf = (row: Record<string, unknown>) => Object.values(row)[1] as string

function start(statement = everything, limits: Partial<StreamLimits> = {}) {
  const runner = new QueryRunner(1)
  runners.push(runner)
  return { runner, batches: runner.sqlite.stream(statement, [], { patienceMs: 100_000, ...limits }) }
}
/** One whose worker has started, and waits: what is short of time before that leaves its worker as it is. */
async function warm(): Promise<QueryRunner> {
  const { runner, batches } = start()
  for await (const _ of batches);
  return runner
}

describe.skipIf(process.platform !== 'linux')('a stream', () => {
  test('that has ended leaves nothing behind in the server while its worker lives on', async () => {
    const few = { ...everything, sql: `${everything.sql} LIMIT 1000` }
    const { runner } = start(few)
    const streamed = async () => {
      for await (const _ of runner.sqlite.stream(few, [], { patienceMs: 100_000 }));
    }
    const objects = () => {
      Bun.gc(true)
      return heapStats().objectTypeCounts.Object ?? 0
    }
    await streamed()
    const [before, [worker]] = [objects(), queryWorkers()]
    for (let i = 0; i < 100; i++) await streamed()
    expect(objects() - before).toBeLessThan(10_000)
    expect(queryWorkers()).toEqual([worker!])
  })

  test('what is asked before it is of the same state as its rows, and the next one sees what was written since', async () => {
    const file = join(dir, 'moving.live.sqlite')
    using db = new Database(file)
    db.run('PRAGMA journal_mode = WAL')
    db.run('CREATE TABLE data (id INTEGER PRIMARY KEY)')
    db.run(
      'WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000) INSERT INTO data SELECT i FROM s',
    )
    const all = { sql: 'SELECT id FROM d0.data ORDER BY id', sources: [file], names: ['id'], bigints: false }
    const count = { ...all, sql: 'SELECT count(*) AS n FROM d0.data', names: ['n'] }
    const { runner } = start()
    for (const [there, left] of [
      [5000, 4900],
      [4900, 4800],
    ] as const) {
      const stream = runner.sqlite.stream(all, [], { patienceMs: 100_000 }, { statement: count, values: [] })
      expect((await stream.next()).value).toEqual([{ n: there }])
      db.run('DELETE FROM data WHERE id IN (SELECT id FROM data LIMIT 100)')
      let rows = 0
      for await (const batch of stream) rows += batch.length
      expect(rows).toBe(there)
      expect(await runner.sqlite.all(count, [], { deadline: performance.now() + 100_000 })).toEqual([{ n: left }])
    }
    const none = { statement: { ...all, sql: 'SELECT id FROM d0.data WHERE id < 0' }, values: [] }
    const stream = runner.sqlite.stream(all, [], { patienceMs: 100_000 }, none)
    expect((await stream.next()).value).toEqual([])
    await stream.next()
    await stream.return() // in the midst of its rows
    db.run('DELETE FROM data WHERE id % 2 = 0')
    const after = runner.sqlite.stream(all, [], { patienceMs: 100_000 }, { statement: count, values: [] })
    expect((await after.next()).value).toEqual([{ n: 2400 }])
    expect((await after.next()).value![0]).toEqual({ id: 201 })
    await after.return()
  })

  test('has every row once, in order, in batches of at most a thousand rows or 256 KB', async () => {
    const { batches } = start()
    let at = 0
    for await (const rows of batches) {
      expect(rows.length).toBeLessThanOrEqual(1000)
      const bytes = rows.reduce((sum, row) => sum + textOf(row).length, 0)
      expect(bytes).toBeLessThan(257 * 1024)
      for (const row of rows) {
        expect(row.id).toBe(at)
        expect(textOf(row).startsWith(`row ${at} `)).toBe(true)
        at++
      }
    }
    expect(at).toBe(ROWS)
  })

  test('of no rows ends at once', async () => {
    const { batches } = start({ ...everything, sql: 'SELECT id FROM d0.data WHERE id < 0' })
    expect(await batches.next()).toEqual({ done: true, value: undefined })
  })

  test('makes one batch ahead of the one that is taken, and no more', async () => {
    const { batches } = start()
    await batches.next()
    const pid = queryWorkers()[0]!
    // it comes to rest with almost all of them still to be made
    const idle = await waitFor(async () => {
      const before = ticks(pid)
      await Bun.sleep(300)
      return ticks(pid) === before ? before : undefined
    })
    for (let i = 0; i < 30; i++) await batches.next()
    expect(ticks(pid)).toBeGreaterThan(idle)
    await batches.return()
  })

  test('that is left early gives its worker back, which answers the next', async () => {
    const { runner } = start()
    const all = () => runner.sqlite.stream(everything, [], { patienceMs: 100_000 })
    const leave = async () => {
      const batches = all()
      await batches.next()
      const before = queryWorkers()
      await batches.return()
      let count = 0
      for await (const rows of all()) count += rows.length
      expect(count).toBe(ROWS)
      return { before, after: queryWorkers() }
    }
    expect(await isKept(leave)).toBe(true)
  })

  test('holds up no statement, nor the file that others wait for', async () => {
    const { runner, batches } = start()
    await batches.next()
    const limits = { deadline: performance.now() + 100_000 }
    expect(await runner.sqlite.all({ ...everything, sql: 'SELECT 1 AS id' }, [], limits)).toEqual([{ id: 1 }])
    let released = false
    const releasing = runner.release(big.file).then(() => {
      released = true
    })
    await Bun.sleep(50)
    expect(released).toBe(false)
    await batches.return()
    await releasing
  })

  test('whose caller goes is over, and so is its worker when it does not end soon', async () => {
    const caller = new AbortController()
    const { batches } = start(endless, { signal: caller.signal, patienceMs: 100_000 })
    const first = refusal(() => batches.next())
    const pid = await waitFor(() => queryWorkers()[0])
    // longer than it takes to start: it is at the statement
    await waitFor(() => ticks(pid) > 60 || undefined)
    caller.abort()
    expect((await first).status).toBe(499)
    await waitFor(() => (queryWorkers().length === 0 ? true : undefined))
  }, 180_000)

  test('that takes too long to the first batch, or to a later one, is 504', async () => {
    const first = (await warm()).sqlite.stream(endless, [], { patienceMs: 400 })
    const begun = performance.now()
    expect((await refusal(() => first.next())).status).toBe(504)
    expect(performance.now() - begun).toBeLessThan(50_000)
    const batches = (await warm()).sqlite.stream(slowLater, [], { patienceMs: 700 })
    const late = await refusal(async () => {
      for await (const _ of batches);
    })
    expect(late.status).toBe(504)
    await waitFor(() => (queryWorkers().length === 0 ? true : undefined))
  })

  test('that is not taken gives up its worker', async () => {
    const batches = (await warm()).sqlite.stream(everything, [], { patienceMs: 2000 })
    await batches.next()
    await waitFor(() => (queryWorkers().length === 0 ? true : undefined))
    const refused = await refusal(async () => {
      for await (const _ of batches);
    })
    expect([refused.status, refused.message]).toEqual([504, 'The answer was not taken in time.'])
  })

  test('whose worker is killed half-way is 503, never a short answer', async () => {
    const { batches } = start()
    await batches.next()
    for (const pid of queryWorkers()) process.kill(pid, 'SIGKILL')
    const lost = await refusal(async () => {
      for await (const _ of batches);
    })
    expect([lost.status, lost.headers]).toEqual([503, { 'retry-after': '1' }])
  })

  test('a sum that the engine cannot hold is 422, with the worker as good as before', async () => {
    const sum = { ...everything, sql: 'SELECT sum(id + 9223372036854000000) AS id FROM d0.data' }
    const { runner, batches } = start(sum)
    expect((await refusal(() => batches.next())).code).toBe('sum_overflow')
    const workers = queryWorkers()
    expect((await runner.sqlite.stream(everything, [], { patienceMs: 100_000 }).next()).value).toBeDefined()
    expect(queryWorkers()).toEqual(workers)
  })
})

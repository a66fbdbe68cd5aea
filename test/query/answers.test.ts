/** A query's answers through the cache and in pieces, by themselves: what the front door cannot bring about. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseQuery } from '../../src/lib/params.ts'
import { type Answer, QueryAnswers, type StreamedAnswer } from '../../src/query/answers.ts'
import { AnswerCache } from '../../src/query/cache.ts'
import { compileQuery } from '../../src/query/compile.ts'
import type { Engine } from '../../src/query/engine.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { FORMATS, type Format } from '../../src/query/formats.ts'
import { PreparedQuery } from '../../src/query/prepared.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { waitFor } from '../harness.ts'
import { describedFiles } from './duck-fixture.ts'
import { grantWith, makeDataset, prepare, refusal, SECRET } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-answers-'))
const runner = new QueryRunner(1, { scratchDir: dir, connections: new Connections(() => '', 0) })
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const ROWS = 60_000
const big = makeDataset(dir, {
  name: 'a.big',
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'mail', type: 'text', sensitivity: 'high', mask: 'hash' },
    { name: 'price', type: 'decimal', precision: 9, scale: 2 },
  ],
  rows: Array.from({ length: ROWS }, (_, i) => [i, `person${i}@example.org`, i * 5]),
  primaryKey: ['id'],
})
const definition = {
  source: { schema: 'a', table: 'big' },
  pagination: { default_limit: 1000, max_limit: ROWS, total: true },
}
const soon = () => Date.now() + 100_000

const ask = async (answers: QueryAnswers, params: string, format: Format = 'json', signal?: AbortSignal) =>
  answers.answer(grantWith({ masked: true }), parseQuery(params), format, soon(), { signal })
async function textOf({ body }: Answer): Promise<string> {
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body as Uint8Array).toString()
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('an engine whose rows become text here gives the same bytes as one that makes it elsewhere', async () => {
  const { sqlite } = runner
  const plain: Engine = {
    all: (...asked) => sqlite.all(...asked),
    stream: (...asked) => sqlite.stream(...asked),
    advice: () => [],
  }
  const query = compileQuery(definition, () => big)
  const here = new PreparedQuery(query, { engineOf: () => plain } as unknown as QueryRunner, SECRET, 'one')
  const elsewhere = new PreparedQuery(query, runner, SECRET, 'one')
  const [one, other] = [here, elsewhere].map(p => new QueryAnswers(p, new AnswerCache(0), 0)) as [
    QueryAnswers,
    QueryAnswers,
  ]
  for (const format of FORMATS)
    for (const params of [
      '',
      'limit=3&offset=59998',
      'offset=60000',
      'limit=5000',
      `limit=${ROWS}`,
      'limit=40000&offset=5',
    ]) {
      const a = await ask(one, params, format)
      const mine = await textOf(a)
      const b = await ask(other, params, format)
      expect([a.etag, a.page]).toEqual([b.etag, b.page] as never)
      expect((await textOf(b)) === mine).toBe(true)
      expect(mine).not.toContain('person')
      const { length } = mine.split('\n')
      if (format === 'ndjson') expect(length - 1).toBe(Math.min(a.page!.limit, ROWS - a.page!.offset))
      else if (format === 'json') expect(JSON.parse(mine).total).toBe(ROWS)
    }
})

test('what is read is held for all statements of a call, and for no longer', async () => {
  let held = 0
  const holding: string[][] = []
  const within = <T>(asked: T): T => {
    expect(held).toBeGreaterThan(0)
    return asked
  }
  const { sqlite } = runner
  const engine: Engine = {
    all: (...asked) => within(sqlite.all(...asked)),
    stream: (...asked) => within(sqlite.stream(...asked)),
    advice: () => [],
    hold(sources) {
      held++
      holding.push(sources)
      return () => held--
    },
  }
  const prepared = new PreparedQuery(
    compileQuery(definition, () => big),
    { engineOf: () => engine } as unknown as QueryRunner,
    SECRET,
    'one',
  )
  for (const ttl of [0, 60]) {
    const answers = new QueryAnswers(prepared, new AnswerCache(1 << 20), ttl)
    for (const params of ['limit=5', 'limit=1500', `limit=${ROWS}`])
      for (const format of FORMATS) await textOf(await ask(answers, params, format))
  }
  await prepared.rows(prepared.ask(grantWith({}), parseQuery('limit=5')), { deadline: performance.now() + 100_000 })
  await refusal(async () => ask(new QueryAnswers(prepared, new AnswerCache(0), 0), '', 'json', AbortSignal.abort()))
  expect(held).toBe(0)
  expect(new Set(holding.flat())).toEqual(new Set([big.file]))
})

test('a page that is told of in headers is another one when there is a next', async () => {
  const prepared = prepare({ ...definition, filters: [{ column: 'id', op: 'lt', param: 'below' }] }, [big], runner)
  const answers = new QueryAnswers(prepared, new AnswerCache(0), 0)
  for (const format of FORMATS) {
    const [last, first] = [await ask(answers, 'limit=2&below=2', format), await ask(answers, 'limit=2&below=3', format)]
    if (format !== 'json') expect(await textOf(last)).toBe(await textOf(first))
    expect([last.page!.has_more, first.page!.has_more]).toEqual([false, true])
    expect(last.etag).not.toBe(first.etag!)
    expect((await ask(answers, 'limit=2&below=3', format)).etag).toBe(first.etag!)
  }
})

test('files in place that are written again are answered anew, however long an answer may be kept', async () => {
  const path = join(dir, 'places.csv')
  writeFileSync(path, 'id,town\n1,Ulm\n')
  const dataset = await describedFiles(dir, path, { name: 'a.places' })
  const prepared = prepare({ source: { schema: 'a', table: 'places' } }, [dataset], runner)
  const answers = new QueryAnswers(prepared, new AnswerCache(1 << 20), 3600)
  expect(await textOf(await ask(answers, '', 'ndjson'))).toBe('{"id":1,"town":"Ulm"}\n')
  expect((await ask(answers, '', 'ndjson')).age).toBe(0)
  writeFileSync(path, 'id,town\n1,Bonn\n2,Kiel\n')
  const anew = await waitFor(async () => {
    const answer = await ask(answers, '', 'ndjson')
    return answer.age === undefined ? answer : undefined
  })
  expect(await textOf(anew)).toBe('{"id":1,"town":"Bonn"}\n{"id":2,"town":"Kiel"}\n')
})

test('who asks for what is kept waits till its deadline, and goes, also while files are looked at', async () => {
  const looking: Engine = {
    all: (...asked) => runner.sqlite.all(...asked),
    stream: (...asked) => runner.sqlite.stream(...asked),
    advice: () => [],
    generation: () => new Promise(() => {}),
  }
  const query = compileQuery(definition, () => big)
  const prepared = new PreparedQuery(query, { engineOf: () => looking } as unknown as QueryRunner, SECRET, 'one')
  const answers = new QueryAnswers(prepared, new AnswerCache(1 << 20), 60)
  const asked = (deadline: number, signal?: AbortSignal) =>
    refusal(async () => answers.answer(grantWith({}), parseQuery(''), 'json', deadline, { signal }))
  expect((await asked(Date.now() + 10)).status).toBe(504)
  const caller = new AbortController()
  const gone = asked(soon(), caller.signal)
  caller.abort()
  expect((await gone).status).toBe(499)
})

describe('an answer that is too large to be kept', () => {
  const answers = new QueryAnswers(prepare(definition, [big], runner), new AnswerCache(1 << 20), 60)
  const all = (signal?: AbortSignal) => ask(answers, `limit=${ROWS}`, 'csv', signal)

  test('is streamed to who began it, and to who joined as its own', async () => {
    const [one, two] = await Promise.all([all().then(textOf), all().then(textOf)])
    expect([one.split('\r\n').length, one === two]).toEqual([ROWS + 2, true])
  })

  test('gives its worker back when nobody takes it: who began it has gone, or ends it before it is read', async () => {
    const leaving = new AbortController()
    const gone = refusal(() => all(leaving.signal))
    const joined = all()
    leaving.abort()
    expect((await gone).status).toBe(499)
    // one worker alone exports: this one has it only after the other has let it go
    expect((await textOf(await joined)).split('\r\n')).toHaveLength(ROWS + 2)
    ;((await all()) as StreamedAnswer).end()
    const later = new AbortController()
    await all(later.signal)
    later.abort()
    expect((await textOf(await all())).split('\r\n')).toHaveLength(ROWS + 2)
  })
})

import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { ask, grantWith, makeDataset, prepare, refusal } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-request-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const words = ['Apple', 'apple', 'APPLE', 'äpple', 'Äpple', '100%', '100x', 'a_c', 'abc', 'back\\slash', '', null]
const table = makeDataset(dir, {
  name: 'w.words',
  primaryKey: ['id'],
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'word', type: 'text' },
    { name: 'group', type: 'integer' },
    { name: 'day', type: 'date' },
  ],
  rows: words.map((word, i) => [
    i + 1,
    word,
    i % 5 === 4 ? null : i % 2,
    i % 3 === 0 ? null : `2024-01-0${1 + (i % 2)}`,
  ]),
})
const source = { schema: 'w', table: 'words' }
const query = (definition: Partial<QueryDefinition>) => prepare({ source, ...definition }, [table], runner)
const found = async (definition: Partial<QueryDefinition>, params = '') =>
  (await ask(query(definition), params)).rows.map(row => row.word)
const like = (op: 'like' | 'ilike', pattern: string) =>
  found({ filters: [{ column: 'word', op, param: 'p' }] }, new URLSearchParams({ p: pattern }).toString())

describe('patterns', () => {
  test('like minds case, ilike does not (in ASCII)', async () => {
    expect(await like('like', 'apple')).toEqual(['apple'])
    expect(await like('ilike', 'aPPle')).toEqual(['Apple', 'apple', 'APPLE'])
    expect(await like('like', 'A%')).toEqual(['Apple', 'APPLE'])
    expect(await like('ilike', '_PPLE')).toEqual(['Apple', 'apple', 'APPLE', 'äpple', 'Äpple'])
  })
  test('% and _ are themselves behind a backslash', async () => {
    expect(await like('like', '100\\%')).toEqual(['100%'])
    expect(await like('like', 'a\\_c')).toEqual(['a_c'])
    expect(await like('like', '100%')).toEqual(['100%', '100x'])
    expect(await like('like', 'back\\\\slash')).toEqual(['back\\slash'])
    expect(await like('like', 'back\\')).toEqual([])
  })
  test('a pattern is data: quotes and SQL in it match nothing', async () => {
    for (const p of ["' OR 1=1 --", '"; DROP TABLE data; --', "%' OR '1'='1"]) expect(await like('like', p)).toEqual([])
    expect(await like('like', '%')).toHaveLength(11)
  })
})

test('NULLs come last whatever the direction, and no comparison finds them', async () => {
  const order = async (direction: 'asc' | 'desc') =>
    (await ask(query({ order_by: [{ column: 'day', direction }] }))).rows.map(row => row.day)
  expect((await order('asc')).slice(-4)).toEqual([null, null, null, null])
  expect((await order('desc')).slice(-4)).toEqual([null, null, null, null])
  expect((await order('asc'))[0]).toBe('2024-01-01')
  expect((await order('desc'))[0]).toBe('2024-01-02')
  for (const op of ['ne', 'not_in', 'gte', 'lte'] as const) {
    const value = op === 'not_in' ? [7] : 7
    const { rows } = await ask(query({ filters: [{ column: 'group', op, value }] }))
    expect(rows.every(row => row.group !== null)).toBe(true)
  }
})

test('pages over ties are stable: together they are each row once', async () => {
  const prepared = query({ order_by: [{ column: 'group', direction: 'desc' }], columns: ['id'] })
  const seen: unknown[] = []
  for (let offset = 0; offset < 12; offset += 5) {
    const { rows, count, has_more } = await ask(prepared, `limit=5&offset=${offset}`)
    expect([count, has_more]).toEqual(offset === 10 ? [2, false] : [5, true])
    seen.push(...rows.map(row => row.id))
  }
  expect(seen).toEqual([2, 4, 6, 8, 12, 1, 3, 7, 9, 11, 5, 10])
})

describe('what a request may say', () => {
  const filters = [
    { column: 'id', param: 'id' },
    { column: 'group', op: 'in' as const, param: 'g' },
    { column: 'id', op: 'between' as const, param: ['from', 'to'] as [string, string] },
    { column: 'word', op: 'is_null' as const, param: 'none' },
    { column: 'day', param: '__proto__' },
  ]
  const prepared = query({ filters })
  const of = async (params: string) => (await ask(prepared, params)).rows.map(row => row.id)
  const answer = (params: string) => refusal(() => ask(prepared, params))

  test('an optional filter that is absent is left out', async () => expect(await of('')).toHaveLength(12))
  test('a repeated parameter is a list where the filter takes one', async () => {
    expect(await of('g=1')).toEqual([2, 4, 6, 8, 12])
    expect(await of('g=1&g=0&limit=3')).toEqual([1, 2, 3])
  })
  test('both ends of a range', async () => expect(await of('from=3&to=5')).toEqual([3, 4, 5]))
  test('is_null', async () => {
    expect(await of('none=true')).toEqual([12])
    expect(await of('none=false')).toHaveLength(11)
  })
  test('a parameter may be called as a prototype is', async () =>
    expect(await of('__proto__=2024-01-02')).toEqual([2, 6, 8, 12]))

  const REFUSED: [string, number, string][] = [
    ['ID=1', 400, 'ID is not a parameter of this endpoint.'],
    ['constructor=1', 400, 'constructor is not a parameter of this endpoint.'],
    [`${'x'.repeat(500)}=1`, 400, `${'x'.repeat(61)}... is not a parameter of this endpoint.`],
    ['%00%1b=1', 400, '?? is not a parameter of this endpoint.'],
    ['id=SECRET', 422, 'id must be an integer.'],
    ['id=', 422, 'id must be an integer.'],
    ['id=1&id=2', 422, 'id is given more than once.'],
    ['id=9223372036854775808', 422, 'id must be an integer.'],
    ['from=1', 422, 'The parameter to is missing.'],
    ['to=1', 422, 'The parameter from is missing.'],
    ['from=1&from=2&to=3', 422, 'from is given more than once.'],
    ['none=1', 422, 'none must be true or false.'],
    ['__proto__=2024-02-30', 422, '__proto__ must be a date (YYYY-MM-DD).'],
    [Array.from({ length: 501 }, () => 'g=1').join('&'), 422, 'g: at most 500 values.'],
    ['limit=1001', 422, 'limit must be a whole number from 1 to 1000.'],
    ['limit=0', 422, 'limit must be a whole number from 1 to 1000.'],
    ['limit=-1', 422, 'limit must be a whole number from 1 to 1000.'],
    ['limit=1&limit=2', 422, 'limit must be a whole number from 1 to 1000.'],
    ['limit=1e2', 422, 'limit must be a whole number from 1 to 1000.'],
    ['offset=1000000001', 422, 'offset must be a whole number from 0 to 1000000000.'],
    ['offset=1;DROP', 422, 'offset must be a whole number from 0 to 1000000000.'],
  ]
  for (const [params, status, message] of REFUSED)
    test(`refused: ${params.slice(0, 40)}`, async () => {
      const fault = await answer(params)
      expect([fault.status, fault.message]).toEqual([status, message])
      expect(JSON.stringify(fault.members)).not.toContain('SECRET')
    })

  test('a text too long to be meant, and one with a NUL, is refused', async () => {
    const text = query({ filters: [{ column: 'word', param: 'w', required: true }] })
    const why = async (w: string) => (await refusal(() => ask(text, new URLSearchParams({ w }).toString()))).message
    expect(await why('x'.repeat(4097))).toBe('w is longer than 4096 characters.')
    expect(await why('a\0b')).toBe('w must be a text.')
    expect((await ask(text, new URLSearchParams({ w: 'x'.repeat(4096) }).toString())).count).toBe(0)
    expect((await refusal(() => ask(text, ''))).message).toBe('The parameter w is missing.')
  })

  test('a decimal of more digits than the column has is told how many it has', async () => {
    const prices = makeDataset(dir, {
      name: 'w.prices',
      primaryKey: ['id'],
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'price', type: 'decimal', precision: 6, scale: 2 },
      ],
      rows: [[1, 249]],
    })
    const filters = [{ column: 'price', op: 'gte' as const, param: 'min' }]
    const dear = prepare({ source: { schema: 'w', table: 'prices' }, filters }, [prices], runner)
    expect((await ask(dear, 'min=2.490')).count).toBe(1)
    for (const min of ['2.499', '10000', '1e2'])
      expect((await refusal(() => ask(dear, `min=${min}`))).message).toBe(
        'min must be a decimal of at most 6 digits, at most 2 of them behind the point.',
      )
  })

  test('a default stands in for what is absent, one end of a range at a time', async () => {
    const ranged = query({
      filters: [{ column: 'id', op: 'between', param: ['a', 'b'], default: [2, 4] }],
      columns: ['id'],
    })
    const ids = async (params: string) => (await ask(ranged, params)).rows.map(row => row.id)
    expect(await ids('')).toEqual([2, 3, 4])
    expect(await ids('a=4')).toEqual([4])
    expect(await ids('b=2')).toEqual([2])
    const listed = query({ filters: [{ column: 'id', op: 'in', param: 'x', default: [1, 12] }], columns: ['id'] })
    expect((await ask(listed)).count).toBe(2)
    expect((await ask(listed, 'x=1')).count).toBe(1)
  })

  test('far beyond the end is an empty page, not an error', async () => {
    const reply = await ask(prepared, 'offset=1000000000')
    expect(reply).toMatchObject({ rows: [], count: 0, offset: 1_000_000_000, has_more: false })
  })
})

test('a grant that changes changes the answer: nothing of one caller is kept for another', async () => {
  const prepared = query({ columns: ['id', 'word'], filters: [{ column: 'id', value: 1 }] })
  const scoped = grantWith({ rowScope: [['id', [2]]] })
  expect((await ask(prepared)).count).toBe(1)
  expect((await ask(prepared, '', scoped)).count).toBe(0)
  expect((await ask(prepared, '', grantWith({ allowedColumns: new Set(['id']) }))).rows).toEqual([{ id: 1 }])
  expect((await ask(prepared, '', grantWith({ allowedColumns: new Set(['nothing']) }))).rows).toEqual([{}])
  expect((await ask(prepared)).rows).toEqual([{ id: 1, word: 'Apple' }])
})

import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { encodeDecimal } from '../../src/lib/decimal.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { ask, grantWith, makeDataset, prepare, refusal } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-aggregates-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const wide = (text: string) => encodeDecimal(text, 30, 2)
const columns = [
  { name: 'id', type: 'integer', nullable: false },
  { name: 'town', type: 'text' },
  { name: 'price', type: 'decimal', precision: 9, scale: 2 },
  { name: 'assets', type: 'decimal', precision: 30, scale: 2 },
  { name: 'visits', type: 'integer', wide: true },
  { name: 'weight', type: 'float' },
  { name: 'day', type: 'date' },
  { name: 'ok', type: 'boolean' },
  { name: 'boss', type: 'integer' },
  { name: 'photo', type: 'blob' },
] as const
const rows = [
  [1, 'Rome', 10, wide('-0.01'), 2n ** 62n, 0.5, '2024-02-29', 1, null, new Uint8Array([1])],
  [2, 'Rome', 20, wide(`9${'0'.repeat(27)}.99`), 2n ** 61n, 1.5, '2023-01-01', 0, 1, null],
  [3, 'Oslo', 5, wide(`-9${'9'.repeat(27)}.99`), 5n, null, null, 1, 1, null],
  [4, null, null, null, null, null, null, null, 2, null],
  [5, 'Oslo', 7, wide('1.00'), -6n, 4, '2025-12-31', 0, 9, null],
]
const people = makeDataset(dir, { name: 'm.people', columns: [...columns], rows, primaryKey: ['id'] })
/** the same, as if too large for this process */
const crowd = { ...people, name: 'm.crowd', rowCount: 1_000_000 }
const source = { schema: 'm', table: 'people' }
const run = (definition: Partial<QueryDefinition>, params = '') =>
  ask(prepare({ source, ...definition }, [people, crowd], runner), params)
const one = async (fn: string, column?: string) => {
  const { rows, columns } = await run({ columns: [{ fn, column, as: 'x' } as never] })
  expect(rows).toHaveLength(1)
  return [rows[0]!.x, columns[0]!.type]
}

describe('every aggregate is exact, of the type that it should be', () => {
  const cases: [string, string | undefined, unknown, string][] = [
    ['count', undefined, 5, 'integer'],
    ['count', 'town', 4, 'integer'],
    ['count', 'photo', 1, 'integer'],
    ['count_distinct', 'town', 2, 'integer'],
    ['sum', 'price', '0.42', 'decimal'],
    ['avg', 'price', 0.105, 'float'],
    ['sum', 'assets', `-${'9'.repeat(26)}8.01`, 'decimal'],
    ['sum', 'visits', String(2n ** 62n + 2n ** 61n - 1n), 'integer'],
    ['sum', 'boss', 13, 'integer'],
    ['avg', 'boss', 3.25, 'float'],
    ['sum', 'weight', 6, 'float'],
    ['avg', 'weight', 2, 'float'],
    ['min', 'town', 'Oslo', 'text'],
    ['max', 'town', 'Rome', 'text'],
    ['min', 'day', '2023-01-01', 'date'],
    ['max', 'day', '2025-12-31', 'date'],
    ['min', 'ok', false, 'boolean'],
    ['max', 'price', '0.20', 'decimal'],
    ['min', 'assets', `-9${'9'.repeat(27)}.99`, 'decimal'],
    ['max', 'visits', String(2n ** 62n), 'integer'],
    ['min', 'visits', -6, 'integer'],
  ]
  for (const [fn, column, value, type] of cases)
    test(`${fn} of ${column ?? 'rows'}`, async () => expect(await one(fn, column)).toEqual([value, type]))

  test('the average of wide decimals is a float near it', async () => {
    const [average] = await one('avg', 'assets')
    expect(average as number).toBeCloseTo(-2.5e26, -20)
  })
  test('of no rows counts are 0 and the others null', async () => {
    const fns = ['count', 'count_distinct', 'sum', 'avg', 'min', 'max'] as const
    const filters = [{ column: 'town', value: 'Paris' }]
    const { rows } = await run({ columns: fns.map(fn => ({ fn, column: 'assets', as: fn })), filters })
    expect(rows).toEqual([{ count: 0, count_distinct: 0, sum: null, avg: null, min: null, max: null }])
    expect((await run({ columns: ['town', { fn: 'count' }], group_by: ['town'], filters })).rows).toEqual([])
  })
  test('without "as" an aggregate is called by what it is', async () => {
    const { columns } = await run({ columns: [{ fn: 'count' }, { fn: 'sum', column: 'price' }] })
    expect(columns.map(c => c.name)).toEqual(['count', 'sum_price'])
  })
})

test('a sum that 64 bits do not hold is said so, here and in a worker, and never a wrong number', async () => {
  for (const table of ['people', 'crowd']) {
    const definition: QueryDefinition = {
      source: { schema: 'm', table },
      columns: [{ fn: 'sum', column: 'visits', as: 's' }],
      joins: [{ ...source, as: 'other', on: [{ left: 'town', right: 'town' }] }],
    }
    const fault = await refusal(() => ask(prepare(definition, [people, crowd], runner)))
    expect([fault.status, fault.code]).toEqual([422, 'sum_overflow'])
    expect(fault.message).not.toMatch(/SELECT|SQLite/)
  }
})

test('groups, NULL among them, come by their order, each once, with having on what they add up to', async () => {
  const definition: Partial<QueryDefinition> = {
    columns: ['town', { fn: 'count', as: 'n' }, { fn: 'sum', column: 'price', as: 'total' }],
    group_by: ['town'],
    having: [{ column: 'n', op: 'gte', param: 'least' }],
    order_by: [{ column: 'total', direction: 'desc' }],
    pagination: { total: true },
  }
  const all = await run(definition)
  expect(all.rows).toEqual([
    { town: 'Rome', n: 2, total: '0.30' },
    { town: 'Oslo', n: 2, total: '0.12' },
    { town: null, n: 1, total: null },
  ])
  expect([all.total, all.has_more]).toEqual([3, false])
  expect(await run(definition, 'least=2&limit=1')).toMatchObject({
    rows: [{ town: 'Rome' }],
    total: 2,
    has_more: true,
    next: expect.any(String),
  })
  expect((await refusal(() => run(definition, 'least=many'))).message).toBe('least must be an integer.')
  const { order_by: _order, ...plain } = definition
  expect((await run(plain)).rows.map(row => row.town)).toEqual(['Oslo', 'Rome', null])
})

test('an aggregate over a table that is too large for this process runs in a worker, with the same answer', async () => {
  const definition: Partial<QueryDefinition> = {
    columns: ['town', { fn: 'sum', column: 'assets', as: 's' }],
    group_by: ['town'],
    pagination: { total: true },
  }
  const here = await run(definition)
  expect(await run({ ...definition, source: { schema: 'm', table: 'crowd' } })).toEqual(here)
})

test('a table is joined with itself by its alias', async () => {
  const { rows } = await run({
    columns: ['id', { column: 'chief.town', as: 'where' }, { column: 'top.id', as: 'top' }],
    joins: [
      { ...source, as: 'chief', on: [{ left: 'boss', right: 'id' }] },
      { ...source, as: 'top', type: 'left', on: [{ left: 'chief.boss', right: 'id' }] },
    ],
  })
  expect(rows).toEqual([
    { id: 2, where: 'Rome', top: null },
    { id: 3, where: 'Rome', top: null },
    { id: 4, where: 'Rome', top: 1 },
  ])
  const grouped = await run({
    columns: ['chief.id', { fn: 'count', as: 'staff' }],
    joins: [{ ...source, as: 'chief', on: [{ left: 'boss', right: 'id' }] }],
    group_by: ['chief.id'],
  })
  expect(grouped.rows).toEqual([
    { 'chief.id': 1, staff: 2 },
    { 'chief.id': 2, staff: 1 },
  ])
})

test('distinct rows come once, and are counted once', async () => {
  const answer = await run({ distinct: true, columns: ['town', 'ok'], pagination: { total: true } }, 'limit=3')
  expect(answer.rows).toEqual([
    { town: 'Oslo', ok: false },
    { town: 'Oslo', ok: true },
    { town: 'Rome', ok: false },
  ])
  expect([answer.total, answer.has_more]).toEqual([5, true])
})

describe('the request chooses among the orders that are allowed', () => {
  const definition: Partial<QueryDefinition> = {
    columns: ['id'],
    order_by: [{ param: 'sort', allow: ['town', 'price'], default: '-price' }],
  }
  const ids = async (params: string) => (await run(definition, params)).rows.map(row => row.id)
  test('ascending, descending, several, or the default', async () => {
    expect(await ids('sort=town')).toEqual([3, 5, 1, 2, 4])
    expect(await ids('sort=-town')).toEqual([1, 2, 3, 5, 4])
    expect(await ids('sort=town&sort=-price')).toEqual([5, 3, 2, 1, 4])
    expect(await ids('')).toEqual([2, 1, 5, 3, 4])
  })
  test('anything else is 422, and says what is', async () => {
    for (const sort of ['id', 'TOWN', '--town', '-', '', 'town,price', 'town; DROP TABLE data', '"town"'])
      expect((await refusal(() => run(definition, new URLSearchParams({ sort }).toString()))).message).toBe(
        'sort must be one of town, -town, price, -price.',
      )
    expect((await refusal(() => run(definition, 'sort=town&sort=-town'))).message).toBe('sort names a column twice.')
  })
})

describe('what a key may not see raw it may not have counted, grouped, made distinct or ordered by', () => {
  const hidden = {
    ...people,
    columns: people.columns.map(c => (c.name === 'town' ? { ...c, sensitivity: 'high' as const } : c)),
  }
  const table = { ...hidden, name: 'm.people' }
  const definitions: [string, Partial<QueryDefinition>, string?][] = [
    ['group_by', { columns: [{ fn: 'count', as: 'n' }], group_by: ['town'] }],
    ['count', { columns: [{ fn: 'count', column: 'town' }] }],
    ['count_distinct', { columns: [{ fn: 'count_distinct', column: 'town' }] }],
    ['max', { columns: ['id', { fn: 'max', column: 'town' }], group_by: ['id'] }],
    ['distinct', { distinct: true, columns: ['town'] }],
    [
      'a joined column',
      {
        joins: [{ ...source, as: 'other', on: [{ left: 'id', right: 'id' }] }],
        columns: [{ fn: 'min', column: 'other.town' }],
      },
    ],
    ['an order', { columns: ['id'], order_by: [{ param: 'sort', allow: ['town', 'id'] }] }, 'sort=-town'],
  ]
  const grants = {
    masked: grantWith({ masked: true }),
    'above its cap': grantWith({ sensitivityMax: 'medium' }),
    'left out': grantWith({ allowedColumns: new Set(['id', 'other.id']) }),
  }
  for (const [what, definition, params = ''] of definitions)
    for (const [how, grant] of Object.entries(grants))
      test(`${what}: ${how}`, async () => {
        const prepared = prepare({ source, ...definition }, [table], runner)
        const fault = await refusal(() => ask(prepared, params, grant))
        expect(fault.status).toBe(403)
        expect(fault.message).not.toMatch(/Rome|Oslo/)
      })

  test('rows may be counted, under the row scope; other orders and the default are free', async () => {
    const count = prepare({ source, columns: [{ fn: 'count', as: 'n' }] }, [table], runner)
    expect((await ask(count, '', grantWith({ masked: true }))).rows).toEqual([{ n: 5 }])
    expect((await ask(count, '', grantWith({ rowScope: [['town', ['Oslo']]] }))).rows).toEqual([{ n: 2 }])
    const sorted = prepare(
      {
        source,
        columns: ['id'],
        order_by: [{ param: 'sort', allow: ['town', 'id'], default: 'town' }],
        pagination: { total: true },
      },
      [table],
      runner,
    )
    expect((await ask(sorted, 'sort=-id&limit=1', grantWith({ masked: true }))).rows).toEqual([{ id: 5 }])
    const scoped = await ask(sorted, '', grantWith({ masked: true, rowScope: [['town', ['Oslo']]] }))
    expect([scoped.rows, scoped.total]).toEqual([[{ id: 3 }, { id: 5 }], 2])
  })
})

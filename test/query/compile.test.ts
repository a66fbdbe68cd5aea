import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Column } from '../../src/catalog/column.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { Fault } from '../../src/lib/fault.ts'
import { compileQuery } from '../../src/query/compile.ts'
import { lookupQuery } from '../../src/query/lookup.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { ask, makeDataset, prepare } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-compile-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const column = (name: string, type: Column['type'], more: Partial<Column> = {}) => ({ name, type, ...more })
const flights = makeDataset(dir, {
  name: 'marts.flights',
  primaryKey: ['id'],
  columns: [
    column('id', 'integer'),
    column('carrier', 'text'),
    column('delay', 'float'),
    column('raw', 'blob'),
    column('extra', 'json'),
    column('price', 'decimal', { precision: 9, scale: 2 }),
    column('day', 'date'),
    column('ok', 'boolean'),
    column('at', 'timestamptz'),
  ],
  rows: [[1, 'UA', 2.5, new Uint8Array([0, 255]), '{"a":1}', 1250, '2024-02-29', 1, '2024-02-29T10:00:00']],
})
const airlines = makeDataset(dir, {
  name: 'marts.airlines',
  columns: [
    column('carrier', 'text'),
    column('name', 'text'),
    column('price', 'decimal', { precision: 30, scale: 2 }),
    column('number', 'integer'),
  ],
  rows: [['UA', 'United', `p${'0'.repeat(26)}1250`, 1]],
})
const datasets: Dataset[] = [flights, airlines]
const source = { schema: 'marts', table: 'flights' }
const compile = (definition: Partial<QueryDefinition>) =>
  compileQuery({ source, ...definition } as QueryDefinition, name => datasets.find(d => d.name === name))

/** What the definition is refused with: always a 422 of one line. */
function refused(definition: Partial<QueryDefinition>): string {
  try {
    compile(definition)
  } catch (error) {
    expect(error).toBeInstanceOf(Fault)
    expect((error as Fault).status).toBe(422)
    expect((error as Fault).message).not.toContain('\n')
    return (error as Fault).message
  }
  throw new Error('it compiled')
}

describe('a definition that does not fit is refused with what is wrong', () => {
  const filter = (f: object) => ({ filters: [f] }) as Partial<QueryDefinition>
  const join = (on: object, more: object = {}) =>
    ({ joins: [{ schema: 'marts', table: 'airlines', on: [on], ...more }] }) as Partial<QueryDefinition>
  const cases: [string, Partial<QueryDefinition>, string][] = [
    [
      'an unknown dataset',
      { source: { schema: 'marts', table: 'nothing' } },
      'The project has no dataset marts.nothing.',
    ],
    [
      'an unknown joined dataset',
      { joins: [{ schema: 'x', table: 'y', on: [{ left: 'a', right: 'b' }] }] },
      'The project has no dataset x.y.',
    ],
    ['an unknown column', { columns: ['nope'] }, 'columns: there is no column nope in flights.'],
    ['a column in another case', { columns: ['Carrier'] }, 'columns: there is no column Carrier in flights.'],
    ['a prototype member as a column', { columns: ['__proto__'] }, 'columns: there is no column __proto__ in flights.'],
    ['an unknown order', { order_by: [{ column: 'nope' }] }, 'order_by: there is no column nope in flights.'],
    [
      'two answers of one name',
      { columns: ['id', { column: 'carrier', as: 'id' }] },
      'Two columns of the answer are called id; name one with "as".',
    ],
    [
      'half a surrogate pair',
      { columns: [{ column: 'carrier', as: 'x\ud800' }] },
      'columns: x\ufffd cannot be the name of a column.',
    ],
    ['a NUL', { columns: [{ column: 'carrier', as: 'x\0y' }] }, 'columns: x?y cannot be the name of a column.'],
    [
      'two tables of one name',
      join({ left: 'carrier', right: 'carrier' }, { as: 'flights' }),
      'Two tables are called flights; give one of them another name with "as".',
    ],
    [
      'a self-join without a name',
      { joins: [{ ...source, on: [{ left: 'id', right: 'id' }] }] },
      'Two tables are called flights; give one of them another name with "as".',
    ],
    [
      'a join on two types',
      join({ left: 'carrier', right: 'number' }),
      'The join with airlines compares carrier (text) with number (integer).',
    ],
    [
      'a join on blobs',
      { joins: [{ ...source, as: 'b', on: [{ left: 'raw', right: 'raw' }] }] },
      'The join with b compares raw (blob) with raw (blob).',
    ],
    [
      'a join on decimals that are stored otherwise',
      join({ left: 'price', right: 'price' }),
      'The join with airlines compares price (decimal with scale 2) with price (decimal(30,2)).',
    ],
    [
      'a join whose right side is no column of it',
      join({ left: 'carrier', right: 'id' }),
      'join: there is no column id in airlines.',
    ],
    [
      'a join whose left side comes later',
      join({ left: 'airlines.carrier', right: 'carrier' }),
      'join: there is no column airlines.carrier in flights.',
    ],
    [
      'a filter on an unknown column',
      filter({ column: 'nope', value: 1 }),
      'filters: there is no column nope in flights.',
    ],
    [
      'a comparison with a blob',
      filter({ column: 'raw', value: 'x' }),
      'The filter on raw: a blob column takes only is_null.',
    ],
    [
      'a comparison with json',
      filter({ column: 'extra', param: 'x' }),
      'The filter on extra: a json column takes only is_null.',
    ],
    [
      'like on a number',
      filter({ column: 'delay', op: 'like', param: 'x' }),
      'The filter on delay: like goes with text columns.',
    ],
    [
      'a reserved parameter',
      filter({ column: 'carrier', param: 'limit' }),
      'The filter on carrier: limit is a reserved parameter name.',
    ],
    [
      'a reserved second parameter',
      filter({ column: 'id', op: 'between', param: ['a', 'format'] }),
      'The filter on id: format is a reserved parameter name.',
    ],
    [
      'one parameter twice',
      {
        filters: [
          { column: 'id', param: 'p' },
          { column: 'carrier', param: 'p' },
        ],
      },
      'Two filters take the parameter p.',
    ],
    [
      'one parameter for both ends',
      filter({ column: 'id', op: 'between', param: ['p', 'p'] }),
      'Two filters take the parameter p.',
    ],
    [
      'a value of another type',
      filter({ column: 'id', value: 'SECRET' }),
      'The filter on id: the value must be an integer.',
    ],
    [
      'a fraction for an integer',
      filter({ column: 'id', value: 1.5 }),
      'The filter on id: the value must be an integer.',
    ],
    [
      'a day that is none',
      filter({ column: 'day', value: '2024-02-30' }),
      'The filter on day: the value must be a date (YYYY-MM-DD).',
    ],
    ['null as a value', filter({ column: 'carrier', value: null }), 'The filter on carrier: the value must be a text.'],
    ['a list for one', filter({ column: 'carrier', value: ['a'] }), 'The filter on carrier: eq takes one value.'],
    ['one for a list', filter({ column: 'carrier', op: 'in', value: 'a' }), 'The filter on carrier: in takes a list.'],
    [
      'an empty list',
      filter({ column: 'carrier', op: 'in', value: [] }),
      'The filter on carrier: every value must be a text.',
    ],
    [
      'three ends',
      filter({ column: 'id', op: 'between', value: [1, 2, 3] }),
      'The filter on id: between takes a pair.',
    ],
    [
      'is_null with a text',
      filter({ column: 'raw', op: 'is_null', value: 'true' }),
      'The filter on raw: is_null takes true or false.',
    ],
    [
      'a default of another type',
      filter({ column: 'id', param: 'p', default: 'x' }),
      'The filter on id: default: the value must be an integer.',
    ],
    [
      'a plain column beside an aggregate',
      { columns: ['carrier', { fn: 'count' }] },
      'columns: carrier is neither an aggregate nor in group_by, so a group has no one value of it.',
    ],
    [
      'a plain column that is not grouped by',
      { columns: ['carrier', 'day'], group_by: ['day'] },
      'columns: carrier is neither an aggregate nor in group_by, so a group has no one value of it.',
    ],
    [
      'all columns, grouped',
      { group_by: ['carrier'] },
      'columns: id is neither an aggregate nor in group_by, so a group has no one value of it.',
    ],
    [
      'an unknown group',
      { columns: [{ fn: 'count' }], group_by: ['nope'] },
      'group_by: there is no column nope in flights.',
    ],
    [
      'groups of json',
      { columns: [{ fn: 'count' }], group_by: ['extra'] },
      'group_by: extra: a json column cannot be grouped by.',
    ],
    [
      'a sum of texts',
      { columns: [{ fn: 'sum', column: 'carrier' }] },
      'columns: sum of carrier: a column of type text has no sum.',
    ],
    [
      'an average of days',
      { columns: [{ fn: 'avg', column: 'day' }] },
      'columns: avg of day: a column of type date has no avg.',
    ],
    [
      'the least blob',
      { columns: [{ fn: 'min', column: 'raw' }] },
      'columns: min of raw: a column of type blob has no order.',
    ],
    [
      'two aggregates of one name',
      { columns: [{ fn: 'count' }, { fn: 'count', column: 'id', as: 'count' }] },
      'Two columns of the answer are called count; name one with "as".',
    ],
    [
      'an order by what a group has many of',
      { columns: [{ fn: 'count' }], group_by: ['carrier'], order_by: [{ column: 'day' }] },
      'order_by: day is neither an aggregate of the answer nor in group_by.',
    ],
    [
      'having a column',
      { columns: ['carrier', { fn: 'count' }], group_by: ['carrier'], having: [{ column: 'carrier', value: 'UA' }] },
      'The having filter on carrier: having takes aggregates by their alias; a column goes into filters.',
    ],
    [
      'having without aggregates',
      { having: [{ column: 'count', value: 1 }] },
      'The having filter on count: having takes aggregates by their alias; a column goes into filters.',
    ],
    [
      'having a value of another type',
      { columns: [{ fn: 'count', as: 'n' }], having: [{ column: 'n', op: 'gt', value: 'many' }] },
      'The having filter on n: the value must be an integer.',
    ],
    [
      'one parameter for a filter and for having',
      {
        columns: [{ fn: 'count', as: 'n' }],
        filters: [{ column: 'id', param: 'p' }],
        having: [{ column: 'n', param: 'p' }],
      },
      'Two filters take the parameter p.',
    ],
    [
      'distinct groups',
      { distinct: true, columns: [{ fn: 'count' }] },
      'distinct does not go with group_by or aggregates: groups are distinct already.',
    ],
    ['distinct json', { distinct: true, columns: ['extra'] }, 'distinct: extra: a json column cannot be compared.'],
    [
      'distinct rows in the order of what is left out',
      { distinct: true, columns: ['carrier'], order_by: [{ column: 'day' }] },
      'order_by: day is not in the answer, so distinct rows have no one value of it.',
    ],
    [
      'an order that means two things',
      { columns: ['id', { column: 'day', as: '-id' }], order_by: [{ param: 'sort', allow: ['id', '-id'] }] },
      'order_by: -id is allowed twice.',
    ],
    [
      'a default that is not allowed',
      { order_by: [{ param: 'sort', allow: ['id'], default: 'day' }] },
      'order_by: the default day is not among what is allowed.',
    ],
    [
      'an unknown choice',
      { order_by: [{ param: 'sort', allow: ['x'] }] },
      'order_by: there is no column x in flights.',
    ],
    [
      'a reserved parameter for the order',
      { order_by: [{ param: 'cursor', allow: ['id'] }] },
      'order_by: cursor is a reserved parameter name.',
    ],
    [
      'a parameter for a filter and the order',
      { filters: [{ column: 'id', param: 'p' }], order_by: [{ param: 'p', allow: ['id'] }] },
      'order_by: the parameter p has another meaning already.',
    ],
    [
      'an order by a sum of wide decimals',
      {
        joins: [{ schema: 'marts', table: 'airlines', on: [{ left: 'carrier', right: 'carrier' }] }],
        columns: [{ fn: 'sum', column: 'airlines.price', as: 's' }],
        order_by: [{ column: 's' }],
      },
      'order_by: s: a sum of decimals of more than 18 digits cannot be ordered by.',
    ],
    [
      'a default over the maximum',
      { pagination: { default_limit: 20, max_limit: 10 } },
      'pagination: default_limit is above max_limit.',
    ],
  ]
  for (const [what, definition, message] of cases) test(what, () => expect(refused(definition)).toBe(message))

  test('and its own text is cut short and shorn of control characters', () => {
    const message = refused({ columns: [`\u001b[31m${'x'.repeat(190)}`] })
    expect(message).toMatch(/^columns: there is no column \?\[31mx{56,60}\.\.\. in flights\.$/)
  })
})

test('without pagination a page is 100 and at most 1000; a definition can change either', () => {
  const limits = (pagination?: QueryDefinition['pagination']) => {
    const { defaultLimit, maxLimit } = compile({ pagination })
    return [defaultLimit, maxLimit]
  }
  expect(limits()).toEqual([100, 1000])
  expect(limits({ max_limit: 10 })).toEqual([10, 10])
  expect(limits({ default_limit: 5 })).toEqual([5, 1000])
  expect(limits({ default_limit: 5000 })).toEqual([5000, 5000])
  expect(limits({ default_limit: 7, max_limit: 9 })).toEqual([7, 9])
})

test('a lookup is the query with one required equality, and its max_results is page and maximum', () => {
  expect(lookupQuery({ id: 'f', kind: 'lookup', dataset: 'marts.flights', key_column: 'id' })).toEqual({
    source,
    filters: [{ column: 'id', op: 'eq', param: 'id', required: true }],
    pagination: { default_limit: 100, max_limit: 100 },
  })
  const other = lookupQuery({
    id: 'f',
    kind: 'lookup',
    dataset: 'marts.flights',
    key_column: 'carrier',
    key_param: 'c',
    columns: ['id'],
    max_results: 3,
  })
  expect(other).toMatchObject({
    columns: ['id'],
    filters: [{ column: 'carrier', param: 'c' }],
    pagination: { default_limit: 3, max_limit: 3 },
  })
  expect(() => lookupQuery({ id: 'f', kind: 'lookup', dataset: 'flights', key_column: 'id' })).toThrow(
    "flights is not a dataset's name",
  )
})

test('a join may be on decimals that are stored alike, and then finds its rows', async () => {
  const wide = makeDataset(dir, {
    name: 'marts.wide',
    columns: [column('price', 'decimal', { precision: 18, scale: 2 }), column('note', 'text')],
    rows: [[1250, 'found']],
  })
  const definition: QueryDefinition = {
    source,
    joins: [{ schema: 'marts', table: 'wide', on: [{ left: 'price', right: 'price' }] }],
    columns: ['price', 'wide.note'],
  }
  const reply = await ask(prepare(definition, [flights, wide], runner))
  expect(reply.rows).toEqual([{ price: '12.50', 'wide.note': 'found' }])
})

test('ten tables from ten files can be joined', async () => {
  const tables = Array.from({ length: 9 }, (_, i) =>
    makeDataset(dir, {
      name: `many.t${i}`,
      primaryKey: ['id'],
      columns: [column('id', 'integer'), column('v', 'text')],
      rows: [[1, `v${i}`]],
    }),
  )
  const definition: QueryDefinition = {
    source,
    joins: tables.map((_, i) => ({
      schema: 'many',
      table: `t${i}`,
      type: 'left' as const,
      on: [{ left: 'id', right: 'id' }],
    })),
    columns: ['id', ...tables.map((_, i) => `t${i}.v`)],
  }
  const reply = await ask(prepare(definition, [flights, ...tables], runner))
  expect(Object.values(reply.rows[0]!)).toEqual([1, ...tables.map((_, i) => `v${i}`)])
})

test('names that mean something to SQL or to JavaScript are names like any other, here and in a worker', async () => {
  const names = ['__proto__', 'constructor', 'a"b', '"; DROP TABLE data; --', "'", '0', 'rowid', ':p', '?']
  const columns = names.map(name => column(name, 'text', { sensitivity: 'medium', mask: 'last4' }))
  for (const rowCount of [undefined, 1_000_000]) {
    const odd = makeDataset(dir, { name: 'odd.t', columns, rows: [names.map((_, i) => `protected${i}`)], rowCount })
    const filters = names.map((name, i) => ({ column: name, value: `protected${i}` }))
    const order_by = names.map(name => ({ column: name }))
    const prepared = prepare({ source: { schema: 'odd', table: 't' }, filters, order_by }, [odd], runner)
    const raw = await ask(prepared)
    expect(raw.rows.map(row => names.map(name => row[name]))).toEqual([names.map((_, i) => `protected${i}`)])
    const { adminGrant } = await import('../../src/catalog/grant.ts')
    const masked = await ask(prepared, '', { ...adminGrant(1), masked: true })
    expect(masked.rows.map(row => names.map(name => row[name]))).toEqual([names.map((_, i) => `***ted${i}`)])
    expect(Object.keys(masked.rows[0]!).sort()).toEqual([...names].sort())
  }
  expect(({} as Record<string, unknown>).protected0).toBeUndefined()
})

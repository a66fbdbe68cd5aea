/**
 * The same tables in every engine, the same definitions, requests, keys and policies: what the embedded store answers, each
 * answers, to the byte. (What the embedded store answers is held to its promises by the other tests of this folder.)
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dataset, EngineName } from '../../src/catalog/datasets.ts'
import type { Grant } from '../../src/catalog/grant.ts'
import type { Filter, QueryDefinition } from '../../src/catalog/query-definition.ts'
import { Fault } from '../../src/lib/fault.ts'
import { compileQuery } from '../../src/query/compile.ts'
import { Connections } from '../../src/query/engines/postgres/connections.ts'
import { orderTerms } from '../../src/query/order.ts'
import { viewOf } from '../../src/query/policy.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { buildStatement } from '../../src/query/sql.ts'
import type { StoredValue } from '../../src/query/values.ts'
import { makeFilesDataset } from './duck-fixture.ts'
import { connectionsTo, makeTableDataset } from './postgres-fixture.ts'
import { noPostgres, startPostgres } from './postgres-server.ts'
import { ask, grantWith, makeDataset, prepare, type TableSpec } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-engines-'))
const skipped = noPostgres()
if (skipped) console.warn(`postgres: skipped, as ${skipped}`)
const server = skipped ? undefined : await startPostgres('icu')
const runner = new QueryRunner(2, {
  scratchDir: dir,
  connections: server ? connectionsTo(server) : new Connections(() => '', 0),
})
afterAll(async () => {
  runner.close()
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const INT64 = 2n ** 63n
const row = (...cells: StoredValue[]) => cells
/** Every type, at its edges, with NULLs; values that repeat, so that they group. */
const edges: TableSpec = {
  name: 'e.edges',
  primaryKey: ['id'],
  columns: [
    { name: 'id', type: 'integer', nullable: false },
    { name: 'wide', type: 'integer', wide: true },
    { name: 'float', type: 'float' },
    { name: 'price', type: 'decimal', precision: 9, scale: 2 },
    { name: 'exact', type: 'decimal', precision: 18, scale: 6 },
    { name: 'huge', type: 'decimal', precision: 38, scale: 10 },
    { name: 'yes', type: 'boolean' },
    { name: 'Text', type: 'text' },
    { name: 'day', type: 'date' },
    { name: 'at time', type: 'time' },
    { name: 'moment', type: 'timestamp' },
    { name: 'zoned', type: 'timestamptz' },
    { name: 'bytes', type: 'blob' },
    { name: 'json', type: 'json' },
    { name: 'mail', type: 'text', sensitivity: 'high', mask: 'email' },
    { name: 'born', type: 'date', sensitivity: 'medium', mask: 'year' },
    { name: 'pin', type: 'integer', sensitivity: 'critical', mask: 'hash' },
    { name: 'town', type: 'text', sensitivity: 'medium' },
  ],
  rows: [
    row(
      1,
      INT64 - 1n,
      1.7976931348623157e308,
      9999999_99n,
      999999999999_999999n,
      `p${'9'.repeat(38)}`,
      1,
      '',
      '0000-01-01',
      '00:00:00',
      '0000-01-01T00:00:00',
      '9999-12-31T23:59:59.999999',
      new Uint8Array([0, 255, 1]),
      '{"a":[1,2.50,{"b":null}],"n":12345678901234567890}',
      'ann@example.org',
      '1980-02-29',
      7_000_001,
      'Paris',
    ),
    row(
      2,
      -INT64,
      5e-324,
      -9999999_99n,
      -999999999999_999999n,
      `n${'0'.repeat(38)}`,
      0,
      'a',
      '9999-12-31',
      '23:59:59.999999',
      '9999-12-31T23:59:59.999999',
      '0001-01-01T00:00:00',
      new Uint8Array(),
      '[]',
      'bob@example.org',
      '1990-12-31',
      7_000_002,
      'Rome',
    ),
    row(
      3,
      2n ** 53n,
      -0.5,
      1n,
      1n,
      `p${'0'.repeat(37)}1`,
      1,
      'B',
      '2024-02-29',
      '12:30:00.5',
      '2024-02-29T12:30:00.25',
      '2024-02-29T12:30:00.000001',
      new Uint8Array([1]),
      '"x"',
      null,
      null,
      null,
      null,
    ),
    row(
      4,
      2n ** 53n - 1n,
      0,
      0n,
      0n,
      `p${'0'.repeat(38)}`,
      null,
      'b',
      '1969-12-31',
      '01:02:03',
      '1969-12-31T23:59:59.999999',
      '1970-01-01T00:00:00',
      null,
      'null',
      'dee@example.org',
      '1980-02-29',
      7_000_004,
      'Rome',
    ),
    row(
      5,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      'eve@example.org',
      '1985-06-15',
      7_000_005,
      'Oslo',
    ),
    row(
      6,
      -1n,
      Number.POSITIVE_INFINITY,
      1n,
      500000n,
      `n${'9'.repeat(37)}8`,
      1,
      'É',
      '2024-02-29',
      '12:30:00.5',
      '2024-02-29T12:30:00.25',
      '2024-02-29T12:30:00.000001',
      new Uint8Array([1]),
      '{}',
      'fay@example.org',
      '1990-12-31',
      7_000_006,
      'Paris',
    ),
    row(
      7,
      0n,
      Number.NEGATIVE_INFINITY,
      250n,
      250n,
      `p${'0'.repeat(30)}12345678`,
      0,
      'é',
      '2024-03-01',
      '12:30:00',
      '2024-02-29T12:30:00',
      '2024-02-29T12:30:00',
      new Uint8Array([254]),
      '{"k":"\u00e9"}',
      'gus@example.org',
      '1985-06-15',
      7_000_007,
      null,
    ),
    row(
      8,
      1n,
      1e21,
      250n,
      250n,
      `p${'0'.repeat(30)}12345678`,
      0,
      'a%b_c\\d',
      '2024-03-01',
      '12:30:00',
      '2024-02-29T12:30:00',
      '2024-02-29T12:30:00',
      new Uint8Array([254]),
      '7',
      'ann@example.org',
      '1980-02-29',
      7_000_008,
      'Oslo',
    ),
    row(
      9,
      1n,
      0.1,
      250n,
      250n,
      `p${'0'.repeat(30)}12345678`,
      1,
      '😀x',
      '2024-03-01',
      '12:30:00',
      '2024-02-29T12:30:00',
      '2024-02-29T12:30:00',
      new Uint8Array([254]),
      'true',
      'ian@example.org',
      '1980-02-29',
      7_000_009,
      'Rome',
    ),
    row(
      10,
      1n,
      0.1,
      -1n,
      -1n,
      `n${'9'.repeat(37)}8`,
      1,
      'it\'s "quoted"; --',
      '2024-03-01',
      '12:30:00',
      '2024-02-29T12:30:00',
      '2024-02-29T12:30:00',
      new Uint8Array([254]),
      '[1]',
      'jan@example.org',
      null,
      7_000_010,
      'Rome',
    ),
  ],
}
/** Several rows for some of the ids, none for others; a key of two columns; a name in another case than in `edges`. */
const visits: TableSpec = {
  name: 'e.visits',
  primaryKey: ['edge', 'no'],
  columns: [
    { name: 'edge', type: 'integer', nullable: false },
    { name: 'no', type: 'integer', nullable: false },
    { name: 'town', type: 'text' },
    { name: 'spent', type: 'decimal', precision: 12, scale: 2 },
    { name: 'weight', type: 'float' },
  ],
  rows: [
    [1, 1, 'Rome', 1050n, 0.5],
    [1, 2, 'Oslo', 250n, 1.25],
    [1, 3, null, null, null],
    [2, 1, 'Rome', -300n, 8],
    [4, 1, 'Paris', 0n, 0.25],
    [4, 2, 'rome', 99999999_99n, -4],
    [99, 1, 'Rome', 1n, 2],
  ],
}
const bare: TableSpec = { name: 'e.bare', columns: visits.columns.slice(2), rows: visits.rows.map(r => r.slice(2)) }
const nobody: TableSpec = { ...visits, name: 'e.nobody', rows: [] }

const MAKERS: Record<EngineName, (spec: TableSpec) => Dataset | Promise<Dataset>> = {
  sqlite: spec => makeDataset(dir, spec),
  duckdb: spec => makeFilesDataset(dir, spec),
  postgres: spec => makeTableDataset(server!, spec),
}
/** Texts of which no cursor can hold one. */
const essays: TableSpec = {
  name: 'e.essays',
  primaryKey: ['id'],
  columns: [
    { name: 'id', type: 'integer', nullable: false },
    { name: 'essay', type: 'text' },
  ],
  rows: ['long a', 'b', 'long c', 'long d', null, 'e', 'long f'].map((essay, i) =>
    row(i, essay?.startsWith('long') ? essay.slice(5).repeat(5000) : essay),
  ),
}
const tables = [edges, visits, bare, nobody, essays]
const datasets = new Map<EngineName, Dataset[]>()
const ENGINES = (Object.keys(MAKERS) as EngineName[]).filter(engine => engine !== 'postgres' || server)
for (const engine of ENGINES) {
  const made: Dataset[] = []
  for (const spec of tables) made.push(await MAKERS[engine](spec))
  datasets.set(engine, made)
}

interface Case {
  name: string
  definition: QueryDefinition
  params?: string
  grant?: Partial<Grant>
  /** walks all pages by their cursors */
  walk?: number
}
const from = (table: string, more: Partial<QueryDefinition> = {}): QueryDefinition => ({
  source: { schema: 'e', table },
  ...more,
})
const id = { columns: ['id'] }
const names = edges.columns.map(c => c.name)
const comparable = edges.columns.filter(c => c.type !== 'blob' && c.type !== 'json').map(c => c.name)
const seen = comparable.filter(name => edges.columns.find(c => c.name === name)!.sensitivity === undefined)

/** Request texts for each column: some that are there, some that are not, some at the ends of the type. */
const TEXTS: Record<string, string[]> = {
  id: ['3', '-9223372036854775808'],
  wide: ['9223372036854775807', '-9223372036854775808', '9007199254740992', '1', '+1'],
  float: ['0', '0.1', '1e21', '1.7976931348623157e308', '5e-324', '-1e-5'],
  price: ['0.01', '-9999999.99', '9999999.99', '2.5', '+2.50', '.01'],
  exact: ['0.00025', '999999999999.999999', '-0.000001'],
  huge: ['0.0012345678', '9999999999999999999999999999.9999999999', '-0.0000000001', '0'],
  yes: ['true', 'false', '1'],
  Text: ['', 'a', 'B', 'é', '😀x', 'it\'s "quoted"; --', '\\', "' OR 1=1 --"],
  day: ['2024-02-29', '0000-01-01', '9999-12-31', '2000-01-01'],
  'at time': ['12:30', '12:30:00.5', '23:59:59.999999', '00:00'],
  moment: ['2024-02-29T12:30:00.25', '2024-02-29', '0000-01-01', '9999-12-31T23:59:59.999999'],
  zoned: [
    '2024-02-29T12:30:00.000001Z',
    '2024-02-29T14:30:00.000001+02:00',
    '1970-01-01',
    '9999-12-31T23:59:59.999999Z',
  ],
}

const filters = (): Case[] =>
  seen.flatMap(column =>
    (['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as const).flatMap(op =>
      TEXTS[column]!.map(text => ({
        name: `${column} ${op} ${text}`,
        definition: from('edges', { ...id, filters: [{ column, op, param: 'p' }] }),
        params: String(new URLSearchParams({ p: text })),
      })),
    ),
  )
const lists = (): Case[] =>
  seen.flatMap(column => {
    const [a, b = a] = TEXTS[column]!
    const of = (filter: Partial<Filter>, params: [string, string][]): Case => ({
      name: `${column} ${filter.op} ${params.map(([, text]) => text)}`,
      definition: from('edges', { ...id, filters: [{ column, ...filter }] }),
      params: String(new URLSearchParams(params)),
    })
    return [
      of({ op: 'in', param: 'p' }, [
        ['p', a!],
        ['p', b!],
      ]),
      of({ op: 'not_in', param: 'p' }, [
        ['p', a!],
        ['p', b!],
      ]),
      of({ op: 'between', param: ['p', 'q'] }, [
        ['p', a!],
        ['q', b!],
      ]),
      of({ op: 'between', param: ['p', 'q'] }, [
        ['p', b!],
        ['q', a!],
      ]),
    ]
  })
const nulls = (): Case[] =>
  names.flatMap(column =>
    ['true', 'false'].map(p => ({
      name: `${column} is_null ${p}`,
      definition: from('edges', { ...id, filters: [{ column, op: 'is_null', param: 'p' }] }),
      params: `p=${p}`,
    })),
  )
const patterns = (): Case[] =>
  (['like', 'ilike'] as const).flatMap(op =>
    ['%', '', 'A', 'a%', '%\\%b\\_c\\\\%', 'a\\', '_', '__', 'É', '%"%', 'b', "%'%"].map(text => ({
      name: `Text ${op} ${text}`,
      definition: from('edges', { ...id, filters: [{ column: 'Text', op, param: 'p' }] }),
      params: String(new URLSearchParams({ p: text })),
    })),
  )
const orders = (): Case[] =>
  names.flatMap(column =>
    (['asc', 'desc'] as const).map(direction => ({
      name: `by ${column} ${direction}`,
      definition: from('edges', {
        columns: ['id', column === 'id' ? 'wide' : column],
        order_by: [{ column, direction }],
      }),
      walk: 3,
    })),
  )
const aggregates = (): Case[] => [
  {
    name: 'an average of integers whose sum is beyond what a float holds exactly',
    definition: from('edges', {
      columns: [{ fn: 'avg', column: 'wide', as: 'average' }],
      filters: [{ column: 'id', op: 'in', value: [1, 2, 3, 4, 8] }],
    }),
  },
  ...seen.flatMap(column => {
    const { type, precision = 0 } = edges.columns.find(c => c.name === column)!
    // the average of decimals that the embedded store keeps as text is near, not exact
    const exact = column === 'id' || (type === 'decimal' && precision <= 18)
    const sums = exact ? (['sum', 'avg'] as const) : type === 'decimal' ? (['sum'] as const) : []
    const fns = ['count', 'count_distinct', 'min', 'max', ...sums] as const
    const columns = fns.map(fn => ({ fn, column, as: fn }))
    return [
      { name: `of all ${column}`, definition: from('edges', { columns }) },
      {
        name: `of no ${column}`,
        definition: from('edges', { columns, filters: [{ column: 'id', op: 'lt', value: 0 }] }),
      },
      { name: `of ${column} by yes`, definition: from('edges', { columns: ['yes', ...columns], group_by: ['yes'] }) },
      {
        name: `of rows by ${column}`,
        definition: from('edges', { columns: [column, { fn: 'count', as: 'n' }], group_by: [column] }),
        walk: 2,
      },
      {
        name: `of rows by ${column}, by how many`,
        definition: from('edges', {
          columns: [column, { fn: 'count', as: 'n' }, { fn: 'max', column: 'wide', as: 'most' }],
          group_by: [column],
          order_by: [
            { column: 'n', direction: 'desc' },
            { column: 'most', direction: 'desc' },
          ],
          having: [{ column: 'n', op: 'gte', param: 'least' }],
        }),
        params: 'least=1',
        walk: 2,
      },
      ...(['min', 'max'] as const).flatMap(fn =>
        TEXTS[column]!.map(text => ({
          name: `of groups by their ${fn} of ${column}: ${text}`,
          definition: from('edges', {
            columns: ['day', { fn, column, as: 'end' }],
            group_by: ['day'],
            having: [{ column: 'end', op: fn === 'min' ? 'lte' : 'eq', param: 'p' }],
            order_by: [{ column: 'end', direction: 'desc' }],
          }),
          params: String(new URLSearchParams({ p: text })),
          walk: 1,
        })),
      ),
      { name: `distinct ${column}`, definition: from('edges', { columns: [column], distinct: true }), walk: 2 },
    ]
  }),
]
const joins = (): Case[] => {
  const visited = { schema: 'e', table: 'visits', on: [{ left: 'id', right: 'edge' }] }
  const columns = ['id', 'visits.no', 'visits.town', 'visits.spent']
  return [
    { name: 'inner', definition: from('edges', { columns, joins: [visited] }), walk: 2 },
    { name: 'left', definition: from('edges', { columns, joins: [{ ...visited, type: 'left' as const }] }), walk: 4 },
    {
      name: 'left, scoped in its ON',
      definition: from('edges', { columns, joins: [{ ...visited, type: 'left' as const }] }),
      grant: { rowScope: [['town', ['Rome', null]]] },
    },
    {
      name: 'by two columns',
      definition: from('edges', {
        columns,
        joins: [{ ...visited, on: [...visited.on, { left: 'town', right: 'town' }] }],
      }),
    },
    ...seen.map(column => ({
      name: `with itself by ${column}`,
      definition: from('edges', {
        columns: ['id', 'o.id'],
        joins: [{ schema: 'e', table: 'edges', as: 'o', on: [{ left: column, right: column }] }],
      }),
      walk: 7,
    })),
    {
      name: 'several, grouped',
      definition: from('edges', {
        joins: [visited, { schema: 'e', table: 'nobody', type: 'left' as const, on: [{ left: 'id', right: 'edge' }] }],
        columns: [
          'yes',
          'visits.town',
          { fn: 'sum', column: 'visits.spent', as: 'spent' },
          { fn: 'avg', column: 'visits.weight', as: 'w' },
        ],
        group_by: ['yes', 'visits.town'],
        having: [{ column: 'spent', op: 'gt', value: '-5.5' }],
        order_by: [{ column: 'spent', direction: 'desc' }],
      }),
      walk: 1,
    },
  ]
}
const policies = (): Case[] => {
  const all = { definition: from('edges') }
  const scoped = (rowScope: Grant['rowScope']) => ({
    ...all,
    name: `scope ${JSON.stringify(rowScope)}`,
    grant: { rowScope },
  })
  const many = (column: string, ...values: (string | number | boolean | null)[]) => [
    { ...scoped([[column, Array(25).fill(values).flat()]]), name: `scope of many values of ${column}` },
  ]
  return [
    { ...all, name: 'unmasked' },
    { ...all, name: 'masked', grant: { masked: true } },
    { ...all, name: 'masked, up to medium', grant: { masked: true, sensitivityMax: 'medium' } },
    { ...all, name: 'unmasked, up to low', grant: { sensitivityMax: 'low' } },
    { ...all, name: 'some columns', grant: { allowedColumns: new Set(['id', 'born', 'edges.wide', 'bytes']) } },
    scoped([['town', ['Rome']]]),
    scoped([['town', [null, 'Oslo']]]),
    scoped([
      ['id', [1, '2', 'x']],
      ['yes', [true]],
    ]),
    scoped([['price', ['2.50', 0]]]),
    scoped([['day', ['2024-02-29', '0000-01-01']]]),
    scoped([['zoned', ['2024-02-29T12:30:00Z']]]),
    scoped([['wide', ['9223372036854775807', 'no number']]]),
    // so many values that they may be asked in another way
    ...many('wide', '9223372036854775807', 'no number', null),
    ...many('float', '0.1', '1e21', '-0.5'),
    ...many('price', '2.50', 0),
    ...many('huge', '9'.repeat(28)),
    ...many('yes', true),
    ...many('Text', '', 'a%b_c\\d', 'it\'s "quoted"; --', '😀x', 'NULL', '{}', 'É'),
    ...many('day', '0000-01-01', '2024-02-29'),
    ...many('at time', '12:30:00.5'),
    ...many('moment', '0000-01-01T00:00:00', '2024-02-29T12:30:00'),
    ...many('zoned', '0001-01-01T00:00:00Z', '2024-02-29T12:30:00Z'),
    {
      name: 'a filter on what is masked',
      definition: from('edges', { filters: [{ column: 'mail', param: 'm' }] }),
      params: 'm=x',
      grant: { masked: true },
    },
    {
      name: 'an order by what is blocked',
      definition: from('edges', { ...id, order_by: [{ column: 'pin', direction: 'desc' }] }),
      grant: { sensitivityMax: 'low' },
      walk: 3,
    },
    {
      name: 'a fixed filter on what is masked',
      definition: from('edges', { ...id, filters: [{ column: 'mail', op: 'like', value: 'a%' }] }),
      grant: { masked: true },
    },
  ]
}
const paging = (): Case[] => [
  { name: 'all columns', definition: from('edges') },
  { name: 'an offset', definition: from('edges', id), params: 'limit=3&offset=8' },
  { name: 'an offset past the end', definition: from('edges', id), params: 'offset=1000' },
  { name: 'a total', definition: from('edges', { ...id, pagination: { total: true, default_limit: 2 } }) },
  {
    name: 'a total of groups',
    definition: from('edges', { columns: ['town'], group_by: ['town'], pagination: { total: true, default_limit: 2 } }),
  },
  {
    name: 'a total of distinct rows',
    definition: from('edges', { columns: ['town', 'yes'], distinct: true, pagination: { total: true } }),
  },
  { name: 'a table of no rows', definition: from('nobody', { pagination: { total: true } }) },
  {
    name: 'an aggregate of a table of no rows',
    definition: from('nobody', { columns: [{ fn: 'count' }, { fn: 'sum', column: 'spent' }] }),
  },
  {
    name: 'a chosen order',
    definition: from('edges', { ...id, order_by: [{ param: 'sort', allow: ['Text', 'price', 'day'] }] }),
    params: 'sort=-price&sort=Text',
    walk: 4,
  },
  {
    name: 'an order with NULLs in the cursor',
    definition: from('edges', {
      columns: ['id', 'yes', 'born'],
      order_by: [{ column: 'yes', direction: 'desc' }, { column: 'born' }],
    }),
    walk: 1,
  },
  { name: 'a key of two columns', definition: from('visits'), walk: 2 },
  ...(['asc', 'desc'] as const).map(direction => ({
    name: `texts that are too long for a cursor, ${direction}`,
    definition: from('essays', { ...id, order_by: [{ column: 'essay', direction }] }),
    walk: 1,
  })),
  {
    name: 'an alias with a dot, a quote and a letter of another script',
    definition: from('edges', {
      columns: [
        { column: 'id', as: 'a."b"' },
        { column: 'wide', as: 'ж'.repeat(60) },
        { column: 'yes', as: '__proto__' },
      ],
    }),
  },
  {
    name: 'names that differ in case only',
    definition: from('edges', {
      columns: [
        { column: 'id', as: 'x' },
        { column: 'wide', as: 'X' },
      ],
    }),
  },
  {
    name: 'a table without a key, counted',
    definition: from('bare', { columns: ['town', { fn: 'count', as: 'n' }], group_by: ['town'] }),
  },
]

const GROUPS: Record<string, Case[]> = {
  filters: filters(),
  'lists and ranges': lists(),
  NULL: nulls(),
  patterns: patterns(),
  orders: orders(),
  aggregates: aggregates(),
  joins: joins(),
  policies: policies(),
  paging: paging(),
}

/** What a client reads, page after page; of a refusal what it says. */
async function answers(engine: EngineName, { definition, params = '', grant = {}, walk }: Case): Promise<unknown> {
  try {
    const prepared = prepare(definition, datasets.get(engine)!, runner)
    if (!walk) return await ask(prepared, params, grantWith(grant))
    const pages: unknown[] = []
    let cursor = ''
    do {
      const { next, ...page } = await ask(prepared, `${params}&limit=${walk}${cursor}`, grantWith(grant))
      pages.push({ ...page, hasNext: next !== undefined })
      cursor = next === undefined ? '' : `&cursor=${encodeURIComponent(next)}`
      if (pages.length > 100) throw new Error('the pages do not end')
    } while (cursor)
    return pages
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { status: error.status, code: error.code, message: error.message }
  }
}

/** A table's rows as one statement. */
function statementOf(table: string, engine: EngineName) {
  const query = compileQuery(from(table), name => datasets.get(engine)!.find(d => d.name === name))
  const bound = { filters: [], order: orderTerms(query), chosen: '', limit: 1000, offset: 0 }
  const statement = buildStatement(viewOf(query, grantWith()), bound)
  return { statement, values: statement.bind(bound) }
}

const withoutCursor = (answer: unknown): unknown => {
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return answer
  const { next, ...rest } = answer as { next?: string }
  return { ...rest, hasNext: next !== undefined }
}

for (const engine of ENGINES.filter(engine => engine !== 'sqlite'))
  describe(`${engine} answers as the embedded store does`, () => {
    for (const [group, cases] of Object.entries(GROUPS))
      test(`${group}: ${cases.length} requests`, async () => {
        for (const one of cases) {
          const [wanted, found] = [await answers('sqlite', one), await answers(engine, one)]
          expect([one.name, withoutCursor(found)]).toEqual([one.name, withoutCursor(wanted)])
        }
      })

    test('a stream gives the rows that a page does', async () => {
      for (const table of ['edges', 'visits', 'nobody']) {
        const prepared = prepare(from(table), datasets.get(engine)!, runner)
        const rows: unknown[] = []
        const { statement, values } = statementOf(table, engine)
        for await (const batch of runner.engineOf({ engine }).stream(statement, values, { patienceMs: 100_000 }))
          rows.push(...batch)
        expect(rows).toHaveLength((await ask(prepared)).count)
        const whole = await runner
          .engineOf({ engine })
          .all(statement, values, { deadline: performance.now() + 100_000 })
        expect(rows).toEqual(whole)
      }
    })
  })
if (skipped) test.skip(`postgres answers as the embedded store does (${skipped})`, () => {})

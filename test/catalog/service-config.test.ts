import { describe, expect, test } from 'bun:test'
import { checkServiceConfig, naming } from '../../src/catalog/service-config.ts'
import { conflict, type Fault, unprocessable } from '../../src/lib/fault.ts'
import { refused } from './catalog-fixture.ts'

const source = { schema: 'm', table: 't' }
const sql = (query: object) => ({ endpoints: [{ id: 'e', kind: 'sql', query: { source, ...query } }] })
const filter = (f: object) => sql({ filters: [{ column: 'c', ...f }] })
const model = (m: object) => ({ endpoints: [{ id: 'e', kind: 'model', ...m }] })

describe('a draft of good shape is taken, whatever it refers to', () => {
  const good: [string, unknown][] = [
    ['nothing', {}],
    ['no endpoints', { endpoints: [] }],
    ['members of another kind', { endpoints: [], theme: { a: 1 }, __unknown: true }],
    [
      'sql',
      sql({
        columns: ['a', { column: 'b', as: 'x' }],
        order_by: [{ column: 'a', direction: 'desc' }],
        pagination: { default_limit: 1, max_limit: 2 },
      }),
    ],
    ['joins', sql({ joins: [{ schema: 'm', table: 'u', as: 'u', type: 'left', on: [{ left: 'a', right: 'b' }] }] })],
    [
      'filters',
      sql({
        filters: [
          { column: 'a', param: 'p', required: true },
          { column: 'b', op: 'between', param: ['x', 'y'] },
          { column: 'c', op: 'in', value: [1, 'a', true] },
        ],
      }),
    ],
    [
      'aggregates',
      sql({
        columns: ['a', { fn: 'count', as: 'n' }, { fn: 'sum', column: 'b' }],
        group_by: ['a'],
        having: [{ column: 'n', op: 'gte', param: 'least', description: 'at least so many', example: 3 }],
        order_by: [
          { column: 'a' },
          { param: 'sort', allow: ['n'], default: '-n', description: 'by number', example: '-n' },
        ],
        pagination: { total: true },
      }),
    ],
    ['distinct', sql({ distinct: true, columns: ['a'] })],
    [
      'lookup',
      { endpoints: [{ id: 'l', kind: 'lookup', dataset: 'm.t', key_column: 'id', columns: ['a'], max_results: 5 }] },
    ],
    ['model by name', model({ model: 'm', version: 2, output: 'probabilities', strict: true })],
    ['model by id', model({ model_id: 3 })],
    [
      'function',
      { endpoints: [{ id: 'f', kind: 'function', handler: 'export default () => 1', grants: { endpoints: ['*'] } }] },
    ],
    [
      'ids that mean something to JavaScript',
      {
        endpoints: [
          { id: '__proto__', kind: 'function' },
          { id: 'constructor', kind: 'function' },
        ],
      },
    ],
  ]
  for (const [what, config] of good) test(what, () => expect(() => checkServiceConfig(config)).not.toThrow())
})

describe('a draft of bad shape is refused, naming the endpoint and the place, never the value', () => {
  const bad: [string, unknown, string][] = [
    ['no object', [], '422 config: expected object.'],
    ['endpoints that are no list', { endpoints: {} }, '422 config: endpoints: expected array.'],
    ['no id', { endpoints: [{ kind: 'sql' }] }, '422 config: endpoints[0].id is missing.'],
    ['no kind', { endpoints: [{ id: 'a' }] }, '422 config: endpoints[0].kind is missing.'],
    [
      'an unknown kind',
      { endpoints: [{ id: 'a', kind: 'SECRET' }] },
      '422 config: endpoints[0].kind must be one of sql, lookup, table, model, function.',
    ],
    [
      'SQL for a query',
      { endpoints: [{ id: 'a', kind: 'sql', query: 'SELECT SECRET' }] },
      '422 endpoint a: query is an object ({source, columns, filters, ...}), not a text of SQL.',
    ],
    [
      'an id twice',
      {
        endpoints: [
          { id: 'a', kind: 'function' },
          { id: 'a', kind: 'function' },
        ],
      },
      '409 Two endpoints have the id a; an id is unique within its service.',
    ],
    ['a reserved id', { endpoints: [{ id: 'runs', kind: 'function' }] }, '409 The endpoint id runs is reserved.'],
    ['no query', { endpoints: [{ id: 'e', kind: 'sql' }] }, '422 endpoint e: query is missing.'],
    ['an unknown member', sql({ sql: 'SELECT 1' }), '422 endpoint e: query.sql is not a known field.'],
    [
      'a prototype as a member',
      sql(JSON.parse('{"__proto__x":1}')),
      '422 endpoint e: query.__proto__x is not a known field.',
    ],
    [
      'a limit of none',
      sql({ pagination: { max_limit: 0 } }),
      '422 endpoint e: query.pagination.max_limit: expected integer to be greater or equal to 1.',
    ],
    [
      'an unknown operator',
      filter({ op: 'SECRET', value: 1 }),
      expect.stringMatching(/^422 endpoint e: query\.filters\[0\]\.op must be one of eq, ne, /) as never,
    ],
    [
      'an object as a value',
      filter({ value: { $ne: 'SECRET' } }),
      '422 endpoint e: query.filters[0].value must be one of: string, number, boolean, null, array.',
    ],
    [
      'neither param nor value',
      filter({}),
      '422 endpoint e: the filter on c takes its value from either param or value.',
    ],
    [
      'both',
      filter({ param: 'p', value: 1 }),
      '422 endpoint e: the filter on c takes its value from either param or value.',
    ],
    [
      'required without a param',
      filter({ value: 1, required: true }),
      '422 endpoint e: the filter on c: required and default go with param.',
    ],
    [
      'required with a default',
      filter({ param: 'p', required: true, default: 1 }),
      '422 endpoint e: the filter on c is required, so it has no default.',
    ],
    [
      'between with one param',
      filter({ op: 'between', param: 'p' }),
      '422 endpoint e: the filter on c: between takes two params.',
    ],
    [
      'two params with eq',
      filter({ param: ['a', 'b'] }),
      '422 endpoint e: the filter on c: two params go with between.',
    ],
    [
      'a sum of nothing',
      sql({ columns: [{ fn: 'sum', as: 's' }] }),
      '422 endpoint e: query.columns[0] names no column; only count does without one.',
    ],
    [
      'an unknown aggregate',
      sql({ columns: [{ fn: 'SECRET', column: 'a' }] }),
      '422 endpoint e: query.columns[0].fn must be one of count, count_distinct, sum, avg, min, max.',
    ],
    [
      'a field that is misspelt in one of two forms',
      sql({ columns: [{ fn: 'count', az: 'n' }] }),
      '422 endpoint e: query.columns[0].az is not a known field.',
    ],
    ['neither of two forms', sql({ columns: [5] }), '422 endpoint e: query.columns[0] must be one of: string, object.'],
    [
      'having neither param nor value',
      sql({ having: [{ column: 'n' }] }),
      '422 endpoint e: the filter on n takes its value from either param or value.',
    ],
    [
      'an order by nothing',
      sql({ order_by: [{}] }),
      '422 endpoint e: query.order_by[0] names either a column or a param.',
    ],
    [
      'an order by both',
      sql({ order_by: [{ column: 'a', param: 's', allow: ['a'] }] }),
      '422 endpoint e: query.order_by[0] names either a column or a param.',
    ],
    [
      'a choice that nobody makes',
      sql({ order_by: [{ column: 'a', allow: ['a'] }] }),
      '422 endpoint e: query.order_by[0]: allow, default, description and example go with param.',
    ],
    [
      'a param without a choice',
      sql({ order_by: [{ param: 's' }] }),
      '422 endpoint e: query.order_by[0]: param goes with allow; the request gives the direction.',
    ],
    [
      'a param with a direction',
      sql({ order_by: [{ param: 's', allow: ['a'], direction: 'desc' }] }),
      '422 endpoint e: query.order_by[0]: param goes with allow; the request gives the direction.',
    ],
    [
      'ten joins',
      sql({
        joins: Array.from({ length: 10 }, (_, i) => ({ ...source, as: `j${i}`, on: [{ left: 'a', right: 'b' }] })),
      }),
      '422 endpoint e: query.joins: expected array length to be less or equal to 9.',
    ],
    [
      'a join on nothing',
      sql({ joins: [{ ...source, on: [] }] }),
      '422 endpoint e: query.joins[0].on: expected array length to be greater or equal to 1.',
    ],
    ['a model without a name', model({}), '422 endpoint e: a model endpoint names either model or model_id.'],
    [
      'a model by both',
      model({ model: 'm', model_id: 1 }),
      '422 endpoint e: a model endpoint names either model or model_id.',
    ],
    [
      'a version of an id',
      model({ model_id: 1, version: 2 }),
      '422 endpoint e: version goes with model, not with model_id.',
    ],
    [
      'a lookup without its dataset',
      { endpoints: [{ id: 'l', kind: 'lookup', key_column: 'id' }] },
      '422 endpoint l: dataset is missing.',
    ],
  ]
  for (const [what, config, message] of bad)
    test(what, () => {
      const said = refused(() => checkServiceConfig(config))
      expect(said).toEqual(message)
      expect(said).not.toContain('SECRET')
    })

  test('a name in a message is cut short and shorn of control characters', () => {
    const said = refused(() => checkServiceConfig(filter({ column: `\u001b[31m\n${'x'.repeat(150)}` })))
    expect(said).toMatch(/^422 endpoint e: the filter on \?\[31m\?x+\.\.\. takes its value/)
    expect(said.length).toBeLessThan(150)
  })
})

test('what refuses within an endpoint names it once, in its text and as a member, with status, code and members kept', () => {
  const of = (error: unknown) => {
    try {
      return naming('e', () => {
        throw error
      })
    } catch (thrown) {
      return thrown as Fault
    }
  }
  const named = of(unprocessable('No.', { row: 1 }, 'x')) as Fault
  expect([named.status, named.code, named.message]).toEqual([422, 'x', 'endpoint e: No.'])
  expect(named.members).toEqual({ row: 1, endpoint: 'e' })
  expect((of(of(conflict('No.'))) as Fault).message).toBe('endpoint e: No.')
  const plain = new Error('no fault')
  expect(of(plain)).toBe(plain as never)
})

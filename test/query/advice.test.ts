import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { QueryDefinition } from '../../src/catalog/query-definition.ts'
import { QueryRunner } from '../../src/query/runner.ts'
import { grantWith, makeDataset, prepare } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-advice-'))
const runner = new QueryRunner(1)
afterAll(() => {
  runner.close()
  rmSync(dir, { recursive: true, force: true })
})

const columns = (['id', 'day', 'town', 'shop', 'price'] as const).map(name => ({
  name,
  type: 'integer' as const,
  nullable: name !== 'id',
}))
const rows = Array.from({ length: 20_001 }, (_, i) => [i, i % 700, i % 300, i % 900, i])
const sales = makeDataset(dir, { name: 'm.sales', columns, rows, primaryKey: ['id'], indexes: [['town', 'day']] })
const few = makeDataset(dir, { name: 'm.few', columns, rows: rows.slice(0, 50), primaryKey: ['id'] })
const sorted = makeDataset(dir, { name: 'm.sorted', columns, rows, primaryKey: ['id'], indexes: [['price'], ['shop']] })
const source = { schema: 'm', table: 'sales' }
const advice = (definition: Partial<QueryDefinition>) =>
  prepare({ source, ...definition }, [sales, few, sorted], runner).advice(grantWith())
const indexes = (definition: Partial<QueryDefinition>) =>
  advice(definition).map(text => / an index on (.+) is missing\.$/.exec(text)?.[1]?.split(', ') ?? [])
const required = (column: string, op: 'eq' | 'gte' = 'eq') => ({ column, op, param: column, required: true })

test('a publish warns of what every call scans, and names the index from the filters: equalities, then a range', () => {
  expect(advice({ filters: [required('shop')] })).toEqual([
    'every call reads all 20,001 rows of m.sales; an index on shop is missing.',
  ])
  expect(indexes({ filters: [required('day', 'gte'), { column: 'shop', value: 3 }] })).toEqual([['shop', 'day']])
  expect(indexes({ filters: [{ column: 'price', param: 'p', default: 3 }] })).toEqual([['price']])
  expect(indexes({ order_by: [{ column: 'price', direction: 'desc' }], filters: [] })).toEqual([['price']])
  expect(
    indexes({
      source: { schema: 'm', table: 'few' },
      joins: [{ ...source, on: [{ left: 'shop', right: 'shop' }] }],
    }),
  ).toEqual([['shop']])
})

test('an aggregate or a total over all of a large table warns, though no index would help', () => {
  expect(advice({ columns: [{ fn: 'count' }] })).toEqual([
    'every call reads all 20,001 rows of m.sales; no index would spare that.',
  ])
  expect(indexes({ pagination: { total: true } })).toEqual([[]])
  expect(indexes({ columns: ['shop', { fn: 'count' }], group_by: ['shop'], filters: [required('price')] })).toEqual([
    ['price'],
  ])
})

test('what an index finds, a page in key order, a filter that may be left out and a small table warn of nothing', () => {
  const quiet: Partial<QueryDefinition>[] = [
    {},
    { filters: [required('id')] },
    { source: { schema: 'm', table: 'sorted' }, filters: [required('shop')] },
    { source: { schema: 'm', table: 'sorted' }, order_by: [{ column: 'price' }] },
    { source: { schema: 'm', table: 'sorted' }, order_by: [{ column: 'price', direction: 'desc' }] },
    { filters: [required('town')] },
    { filters: [required('town'), required('day', 'gte')] },
    { filters: [{ column: 'shop', param: 'shop' }] },
    { order_by: [{ param: 'sort', allow: ['price'] }] },
    { columns: [{ fn: 'sum', column: 'price' }], filters: [required('town')] },
    { source: { schema: 'm', table: 'few' }, filters: [required('shop')] },
    { joins: [{ ...source, as: 'o', on: [{ left: 'id', right: 'id' }] }] },
  ]
  for (const definition of quiet) expect([definition, indexes(definition)]).toEqual([definition, []])
})

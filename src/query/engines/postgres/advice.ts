import { type Query, readsAll } from '../../query.ts'
import type { BoundRequest } from '../../request.ts'
import { isBytewise, isPlainText } from './types.ts'

const FOUND_BY_INDEX = new Set(['eq', 'in', 'lt', 'lte', 'gt', 'gte', 'between'])

/**
 * Whether no index of a table begins with a column that a filter or its join finds rows by, nor with the first of the
 * order where a page of it is all that is asked for. (A range or an order of texts that the database does not compare
 * byte by byte is found by no index.)
 */
export function isReadWhole(query: Query, bound: BoundRequest, table: number): boolean {
  const { dataset, join } = query.tables[table]!
  const indexes = [...(dataset.primaryKey ? [dataset.primaryKey] : []), ...dataset.indexes]
  const begins = new Set(indexes.map(([first]) => first!))
  const filters = query.filters.filter((f, i) => bound.filters[i] !== undefined && !f.aggregate)
  const narrowed = filters.some(
    f =>
      f.table === table &&
      begins.has(f.column.name) &&
      FOUND_BY_INDEX.has(f.op) &&
      (f.op === 'eq' || f.op === 'in' || f.column.type !== 'text' || (isPlainText(f.column) && isBytewise(f.column))),
  )
  if (narrowed || join?.on.some(({ right }) => begins.has(right.column.name))) return false
  if (table > 0 || readsAll(query) || filters.length > 0) return true
  const [first] = bound.order
  if (!first) return true
  const ordered = first.tie || first.column.type !== 'text' || isBytewise(first.column)
  return first.table !== 0 || !ordered || !begins.has(first.column.name)
}

import type { Column } from '../../../catalog/column.ts'
import { type Query, readsAll } from '../../query.ts'
import type { BoundRequest } from '../../request.ts'
import { collated, isBytewise, typeOf } from './types.ts'

const FOUND_BY_INDEX = new Set(['eq', 'in', 'lt', 'lte', 'gt', 'gte', 'between'])

/**
 * Whether no index of a table begins with a column that a filter or its join finds rows by, nor with the first of the
 * order where a page of it is all that is asked for.
 */
export function isReadWhole(query: Query, bound: BoundRequest, table: number): boolean {
  const { dataset, join } = query.tables[table]!
  const indexes = [...(dataset.primaryKey ? [dataset.primaryKey] : []), ...dataset.indexes]
  const begins = new Set(indexes.map(([first]) => first!))
  const filters = query.filters.filter((f, i) => bound.filters[i] !== undefined && !f.aggregate)
  const narrowed = filters.some(
    ({ table: of, op, column }) =>
      of === table && FOUND_BY_INDEX.has(op) && begins.has(inIndex(column, op === 'eq' || op === 'in')),
  )
  if (narrowed || join?.on.some(({ right }) => begins.has(right.column.name))) return false
  if (table > 0 || readsAll(query) || filters.length > 0) return true
  const [first] = bound.order
  return first?.table !== 0 || !begins.has(inIndex(first.column, false))
}

/** Where texts are ordered, they are compared byte by byte, for which the column's own way is not always the same. */
export function inIndex(column: Column, asItIs: boolean): string {
  const bytes = column.type !== 'text' || isBytewise(column) || typeOf(column) === 'uuid'
  return asItIs || bytes ? column.name : collated(column.name, 'C')
}

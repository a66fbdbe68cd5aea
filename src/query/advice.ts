/** What a publish is warned of: large tables that every call reads whole, and the index that would spare it. */
import type { Column } from '../catalog/column.ts'
import { shown } from '../lib/text.ts'
import { type ColumnRef, type Query, readsAll } from './query.ts'
import type { BoundRequest } from './request.ts'

/** Rows of a table that is read whole in less time than a worker takes to answer, if they are not wide. */
export const SMALL_TABLE = 20_000

/** What a column is called in an index that serves for it: to find values that it equals (`asItIs`), or in the order of answers. */
type InIndex = (column: Column, asItIs: boolean) => string

/**
 * @param bound a request with the filters that every call has
 * @param isReadWhole whether a table of the query is read whole for it, as its engine plans
 * @returns a text for each large table that every call reads whole: what would spare that
 */
export function adviceOf(
  query: Query,
  bound: BoundRequest,
  isReadWhole: (table: number) => boolean,
  inIndex: InIndex = column => column.name,
): string[] {
  return query.tables.flatMap(({ dataset }, table) => {
    if (dataset.rowCount <= SMALL_TABLE || !isReadWhole(table)) return []
    const wanted = wantedIndex(query, bound, table, inIndex)
    const known = [...(dataset.primaryKey ? [dataset.primaryKey] : []), ...dataset.indexes]
    const index = known.some(names => wanted.every(name => names.slice(0, wanted.length).includes(name))) ? [] : wanted
    const size = dataset.rowCount.toLocaleString('en-US')
    const remedy =
      index.length > 0 ? `an index on ${index.map(shown).join(', ')} is missing.` : 'no index would spare that.'
    return `every call reads all ${size} rows of ${dataset.name}; ${remedy}`
  })
}

const EQUALITIES = new Set(['eq', 'in'])
const RANGES = new Set(['lt', 'lte', 'gt', 'gte', 'between'])

/** The columns of an index that finds what the filters ask for: equalities first, then one range; else the join's, else the order's. */
function wantedIndex(query: Query, bound: BoundRequest, table: number, inIndex: InIndex): string[] {
  const present = query.filters.filter((f, i) => f.table === table && !f.aggregate && bound.filters[i] !== undefined)
  const named = (refs: readonly ColumnRef[], asItIs: boolean) => [
    ...new Set(refs.filter(r => r.table === table).map(r => inIndex(r.column, asItIs))),
  ]
  const joined = query.tables[table]!.join?.on.map(({ right }) => right) ?? []
  const equal = named([...joined, ...present.filter(f => EQUALITIES.has(f.op))], true)
  const [range] = named(
    present.filter(f => RANGES.has(f.op)),
    false,
  )
  if (range !== undefined && !equal.includes(range)) return [...equal, range]
  if (equal.length > 0 || present.length > 0 || readsAll(query)) return equal
  const turn = bound.order.findIndex(term => term.direction !== bound.order[0]!.direction)
  return named(turn < 0 ? bound.order : bound.order.slice(0, turn), false)
}

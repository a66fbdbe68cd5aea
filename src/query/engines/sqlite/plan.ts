/** What SQLite's own plan of a statement (EXPLAIN QUERY PLAN) says of its cost. */
import { statSync } from 'node:fs'
import { SMALL_TABLE } from '../../advice.ts'
import { type Query, readsAll, type Table } from '../../query.ts'
import type { BoundRequest } from '../../request.ts'
import type { Statement } from '../../sql.ts'

const SMALL_TABLE_BYTES = 8_000_000
/** What an answer may hold, by the average of its tables, that is made while all other calls wait. */
const CHEAP_ROWS = 1000
const CHEAP_BYTES = 1 << 20

/**
 * How many rows this process may find for it, those that a page skips among them; 0: none, it is for a worker. It may
 * where every table is searched by an index on equality that covers the filters, or small, and nothing is sorted; a
 * join finds at most one row for each of a small source. (A scan of a large table that only pages in key order is
 * bounded by its offset and limit, or begins at its cursor. An aggregate or a count is bounded by nothing but a key.)
 * Wide rows cost as much as many, so the tables' average width counts too; and each combination of the values of lists is
 * looked for by itself.
 */
export function cheapRows(steps: string[], statement: Statement, query: Query): number {
  const { tables } = query
  const rows = Math.min(CHEAP_ROWS, Math.floor(CHEAP_BYTES / Math.max(1, rowBytes(query))))
  if (statement.places > SMALL_TABLE || !isBounded(steps, statement, query, rows)) return 0
  const keyed = tables.length === 1 && findsOneRow(steps[0] ?? '', query)
  const most = keyed ? statement.places : tables[0]!.dataset.rowCount
  return most <= rows ? Number.POSITIVE_INFINITY : rows
}

/** What a row of the query takes, in bytes, by the average of its tables. */
export const rowBytes = ({ tables }: Query): number =>
  tables.reduce((sum, t) => sum + bytesOf(t.dataset.file) / Math.max(1, t.dataset.rowCount), 0)

/** Whether a table is scanned for every call, by the plans of all its statements. */
export function isReadWhole(steps: string[], query: Query, bound: BoundRequest, table: number): boolean {
  // a bare count(*) says the table's name, not its alias
  const own = steps.filter(step =>
    new RegExp(`^(SCAN|SEARCH) (t${table}\\b${table === 0 ? '|data\\b' : ''})`).test(step),
  )
  const scanned = own.some(step => step.startsWith('SCAN') || step.includes(' AUTOMATIC '))
  if (!scanned) return false
  // a page in the order of a key or an index ends when it is full
  const filtered = query.filters.some((f, i) => bound.filters[i] !== undefined && !f.aggregate)
  // (rows that are alike in the first terms are sorted among themselves: LAST TERM)
  const sorted = steps.some(step => step.startsWith('USE TEMP B-TREE') && !step.includes(' LAST '))
  return table > 0 || readsAll(query) || filtered || sorted
}

function isBounded(
  steps: string[],
  { conditions, places: lists, after, whole }: Statement,
  query: Query,
  rows: number,
): boolean {
  const [source, ...joined] = query.tables as [Table, ...Table[]]
  if (joined.length === 0 && isSmall(source)) return true
  if (steps.some(step => step.includes('TEMP B-TREE'))) return false
  const [step = '', ...others] = steps
  if (joined.length > 0)
    return isSmall(source) && /^S(CAN|EARCH) t0\b/.test(step) && others.every(s => findsOneRow(s, query))
  if (whole) return others.length === 0 && findsOneRow(step, query) && lists <= Math.max(1, rows)
  if (conditions + after === 0) return step.startsWith('SCAN')
  const covered = /\(([^)]*)\)/.exec(step)?.[1]?.split(' AND ') ?? []
  // a cursor of one value is found in the index behind the equalities; of more, rows alike in the first may be many
  const places = after === 1 && !covered.at(-1)?.endsWith('=?') ? covered.slice(0, -1) : covered
  return (
    after <= 1 &&
    (after === 0 || places.length < covered.length) &&
    step.startsWith('SEARCH') &&
    places.length === conditions &&
    places.every(term => term.endsWith('=?'))
  )
}

const isSmall = ({ dataset }: Table) => dataset.rowCount <= SMALL_TABLE && bytesOf(dataset.file) <= SMALL_TABLE_BYTES
const bytesOf = (file: string) => statSync(file).size

/** Whether a step of a plan finds a row (of a list of values, one for each) by its table's key: an integer key is the rowid, another the index data_key. */
function findsOneRow(step: string, { tables }: Query): boolean {
  const match = /^SEARCH t(\d+) USING (?:INTEGER PRIMARY KEY|(?:COVERING )?INDEX (data_key)) \((.*)\)/.exec(step)
  if (!match) return false
  const [, table, key, terms] = match as unknown as [string, string, string | undefined, string]
  if (!key) return terms === 'rowid=?'
  const covered = terms.split(' AND ')
  return (
    covered.length === tables[Number(table)]?.dataset.primaryKey?.length && covered.every(term => term.endsWith('=?'))
  )
}

/** What the README says of a query, worked out the slow way over plain arrays: no SQL, nothing of src. */
import { createHmac } from 'node:crypto'
import type { Column } from '../../src/catalog/column.ts'
import type { Grant } from '../../src/catalog/grant.ts'
import type { Operator } from '../../src/catalog/query-definition.ts'
import type { PlannedAggregate } from './reference-groups.ts'
import type { Cell, Value, WorldTable } from './world-fixture.ts'

export interface Ref {
  table: number
  column: number
}
export interface PlannedCondition {
  op: Operator
  /** undefined: the filter is left out; a boolean for is_null */
  values: Value[] | boolean | undefined
}
export type PlannedFilter = Ref & PlannedCondition
export interface PlannedOrder {
  /** a column, or an aggregate by its name */
  by: Ref | string
  descending: boolean
}
/** A query whose names are resolved, with the values of one request. */
export interface Planned {
  tables: { alias: string; table: WorldTable; left?: boolean; on?: { left: Ref; right: Ref }[] }[]
  outputs: (Ref & { name: string })[]
  filters: PlannedFilter[]
  order: PlannedOrder[]
  /** rows are answered once each */
  distinct?: boolean
  /** of a grouped query, which has no `outputs`: its columns are groups and, by name, aggregates */
  groups?: Ref[]
  aggregates?: PlannedAggregate[]
  columns?: (Ref | string)[]
  /** the names of `columns` in the answer */
  names?: string[]
  having?: (PlannedCondition & { name: string })[]
}

type Joined = Cell[][]
const TIERS = ['low', 'medium', 'high', 'critical']
export function compareValues({ order: a }: Value, { order: b }: Value): number {
  if (Buffer.isBuffer(a)) return Buffer.compare(a, b as Buffer)
  return a < (b as number) ? -1 : a > (b as number) ? 1 : 0
}
const same = (a: Cell, b: Cell) => a !== null && b !== null && compareValues(a, b) === 0

export const columnOf = (query: Planned, ref: Ref): Column => query.tables[ref.table]!.table.columns[ref.column]!

/** The rows of the tables joined, in scope and filtered. */
export function joinedRows(query: Planned, grant: Grant): Joined[] {
  let rows: Joined[] = query.tables[0]!.table.rows.filter(row => inScope(query, grant, 0, row)).map(row => [row])
  for (const [index, { table, left, on }] of query.tables.entries()) {
    if (index === 0) continue
    rows = rows.flatMap(row => {
      const found = table.rows.filter(
        other =>
          on!.every(pair => same(row[pair.left.table]![pair.left.column]!, other[pair.right.column]!)) &&
          inScope(query, grant, index, other),
      )
      if (found.length === 0 && left) return [[...row, table.columns.map(() => null)]]
      return found.map(other => [...row, other])
    })
  }
  return rows.filter(row => query.filters.every(filter => passes(filter, row[filter.table]![filter.column]!)))
}

/** Rows in the order in which they must come, in runs within which any order will do (copies of a row by its joins). */
export function expectedRuns(query: Planned, grant: Grant, secret: Uint8Array): { names: string[]; runs: string[][] } {
  const rows = joinedRows(query, grant)
  rows.sort((a, b) => byOrder(query, a, b))
  const outputs = query.outputs.filter(output => seen(query, grant, output))
  const show = (row: Joined) =>
    JSON.stringify(outputs.map(o => shownCell(grant, columnOf(query, o), row[o.table]![o.column]!, secret)))
  const runs: string[][] = []
  rows.forEach((row, i) => {
    if (i > 0 && (rows[i - 1]![0] === row[0] || byOrder(query, rows[i - 1]!, row) === 0)) runs.at(-1)!.push(show(row))
    else runs.push([show(row)])
  })
  return { names: outputs.map(o => o.name), runs }
}

/** Whether a caller may filter on it: it is seen, and raw. */
export const mayFilter = (query: Planned, grant: Grant, ref: Ref): boolean =>
  seen(query, grant, ref) && !blocked(grant, columnOf(query, ref)) && !masked(grant, columnOf(query, ref))

const blocked = (grant: Grant, column: Column) =>
  TIERS.indexOf(column.sensitivity) > TIERS.indexOf(grant.sensitivityMax)
const masked = (grant: Grant, column: Column) => grant.masked && column.sensitivity !== 'low'

function seen(query: Planned, grant: Grant, ref: Ref): boolean {
  const { name } = columnOf(query, ref)
  const allowed = grant.allowedColumns
  return !allowed || allowed.has(`${query.tables[ref.table]!.alias}.${name}`) || (ref.table === 0 && allowed.has(name))
}

function inScope(query: Planned, grant: Grant, table: number, row: Cell[]): boolean {
  return grant.rowScope.every(([name, values]) => {
    const at = query.tables[table]!.table.columns.findIndex(c => c.name === name)
    if (at < 0) return true
    const cell = row[at]!
    const { type } = query.tables[table]!.table.columns[at]!
    if (type === 'blob' || type === 'json') return cell === null && values.includes(null)
    return values.some(value => (value === null ? cell === null : cell !== null && scopeNames(String(value), cell)))
  })
}

/** A boolean in a scope as its column writes it; `1` and `0` are taken for it too. */
export const scopeText = (value: Value) => (typeof value.out === 'boolean' ? String(value.out) : value.text)

/** The scope's value may be written for another table, whose column of this name has another type: `3` is `3.00`. */
function scopeNames(given: string, value: Value): boolean {
  if (typeof value.out === 'boolean') return given === String(value.out) || given === (value.out ? '1' : '0')
  const numbers = !Buffer.isBuffer(value.order) && /^-?\d+(\.\d+)?$/.test(given) && given.length < 16
  return given === value.text || (numbers && Number(given) === Number(value.text))
}

export function passes({ op, values }: PlannedCondition, cell: Cell): boolean {
  if (values === undefined) return true
  if (typeof values === 'boolean') return (cell === null) === values
  if (cell === null) return false
  const c = (i: number) => compareValues(cell, values[i]!)
  switch (op) {
    case 'eq':
      return c(0) === 0
    case 'ne':
      return c(0) !== 0
    case 'lt':
      return c(0) < 0
    case 'lte':
      return c(0) <= 0
    case 'gt':
      return c(0) > 0
    case 'gte':
      return c(0) >= 0
    case 'in':
      return values.some(v => compareValues(cell, v) === 0)
    case 'not_in':
      return values.every(v => compareValues(cell, v) !== 0)
    case 'between':
      return c(0) >= 0 && c(1) <= 0
    case 'like':
      return like(values[0]!.text, cell.text)
    case 'ilike':
      return like(asciiLower(values[0]!.text), asciiLower(cell.text))
    default:
      throw new Error(op)
  }
}

const asciiLower = (text: string) => text.replace(/[A-Z]/g, c => c.toLowerCase())

function like(pattern: string, text: string): boolean {
  if (/(^|[^\\])(\\\\)*\\$/.test(pattern)) return false // it ends in the middle of an escape
  const source = [...pattern.matchAll(/\\(.)|(.)/gsu)].map(([, escaped, plain]) => {
    if (plain === '%') return '[\\s\\S]*'
    if (plain === '_') return '[\\s\\S]'
    return (escaped ?? plain)!.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, 'u').test(text)
}

function byOrder(query: Planned, a: Joined, b: Joined): number {
  for (const { by, descending } of query.order) {
    const { table, column } = by as Ref
    const [x, y] = [a[table]![column]!, b[table]![column]!]
    if (x === null && y === null) continue
    if (x === null) return 1
    if (y === null) return -1
    const order = compareValues(x, y)
    if (order !== 0) return descending ? -order : order
  }
  const { table } = query.tables[0]!
  if (!table.primaryKey) {
    if (!table.heap) return table.rows.indexOf(a[0]!) - table.rows.indexOf(b[0]!)
    return byColumns(table, a[0]!, b[0]!)
  }
  return compareValues(a[0]![0]!, b[0]![0]!)
}

/** By all columns that can be compared, each ascending. */
function byColumns({ columns }: WorldTable, a: Cell[], b: Cell[]): number {
  for (const [i, { type }] of columns.entries()) {
    const [x, y] = [a[i]!, b[i]!]
    if (type === 'blob' || type === 'json' || (x === null && y === null)) continue
    if (x === null) return 1
    if (y === null) return -1
    const order = compareValues(x, y)
    if (order !== 0) return order
  }
  return 0
}

function shownCell(grant: Grant, column: Column, cell: Cell, secret: Uint8Array): unknown {
  if (blocked(grant, column)) return '[BLOCKED]'
  if (cell === null) return null
  return masked(grant, column) ? maskedValue(column.mask ?? 'redact', cell.out, secret) : cell.out
}

function maskedValue(mask: NonNullable<Column['mask']>, out: unknown, secret: Uint8Array): unknown {
  const text = typeof out === 'string' ? out : JSON.stringify(out)
  const characters = Array.from(text)
  switch (mask) {
    case 'redact':
      return '***'
    case 'null':
      return null
    case 'email':
      return text.lastIndexOf('@') < 1 ? '***' : `${characters[0]}***${text.slice(text.lastIndexOf('@'))}`
    case 'last4':
      return characters.length > 4 ? `***${characters.slice(-4).join('')}` : '***'
    case 'initials':
      return (text.match(/\S+/g) ?? []).map(word => `${Array.from(word)[0]}.`).join(' ')
    case 'year':
      return /^[0-9]{4}($|-)/.test(text) ? text.slice(0, 4) : '***'
    case 'hash':
      return createHmac('sha256', secret).update(text).digest('hex').slice(0, 16)
  }
}

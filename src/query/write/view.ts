/** A table as one caller may write it: what `policy.ts` makes of the caller's Grant, as plain data for the writing process. */
import type { Column } from '../../catalog/column.ts'
import type { Dataset, EngineName } from '../../catalog/datasets.ts'
import type { Treatment, View } from '../policy.ts'
import type { StoredValue } from '../values.ts'

interface SeenColumn {
  column: Column
  treatment: Treatment
}

export interface RowScope {
  column: Column
  values: StoredValue[]
  orNull: boolean
}

export interface WriteView {
  engine: EngineName
  /** what the caller sees of a row, in the answer's order; it may write what it sees raw */
  seen: SeenColumn[]
  /** columns that the endpoint has and the caller does not see at all */
  hidden: string[]
  /** columns that no row is without and that the caller cannot write */
  unreachable: string[]
  key: KeyColumns | null
  /** conditions that a row must meet, before and after a write */
  scope: RowScope[]
}

interface KeyColumns {
  columns: Column[]
  /** whether the caller sees all of them raw: else it can name no row, and is told none */
  raw: boolean
  /** a single integer, which the embedded store gives to a row that comes without one, never the same twice */
  auto: boolean
}

/** @param view of the query that lists the table, with every column that the endpoint has, under its own name */
export function writeViewOf({ query, outputs, scope }: View): WriteView {
  const { dataset } = query.tables[0]!
  const seen = outputs.map(({ column, treatment }) => ({ column, treatment }))
  const raw = new Set(seen.filter(s => s.treatment === 'raw').map(s => s.column.name))
  const columns = pathKey(dataset)
  const key = columns && { columns, raw: columns.every(({ name }) => raw.has(name)), auto: givesKeys(dataset) }
  const given = (column: Column) => column.given !== undefined || (key?.auto && column.name === key.columns[0]!.name)
  return {
    engine: dataset.engine,
    seen,
    hidden: query.outputs.map(o => o.column.name).filter(name => !seen.some(s => s.column.name === name)),
    unreachable: dataset.columns.filter(c => !c.nullable && !raw.has(c.name) && !given(c)).map(c => c.name),
    key,
    scope: scope.map(({ column, values, orNull }) => ({ column, values, orNull })),
  }
}

/** What rows are found by below their table's path; null: by nothing, as where it is JSON, which is written in many ways. */
function pathKey({ columns, primaryKey }: Pick<Dataset, 'columns' | 'primaryKey'>): Column[] | null {
  const key = primaryKey?.map(name => columns.find(c => c.name === name)!)
  return key && !key.some(({ type }) => type === 'json') ? key : null
}

/** Whether the embedded store gives keys to new rows: those that are one integer. */
export function givesKeys({ engine, columns, primaryKey }: TableForm): boolean {
  if (engine !== 'sqlite' || primaryKey?.length !== 1) return false
  return columns.find(c => c.name === primaryKey[0])?.type === 'integer'
}

interface TableForm {
  engine: EngineName
  columns: readonly Pick<Column, 'name' | 'type'>[]
  primaryKey: readonly string[] | null
}

/** The one value that a scope leaves a column, if it leaves it one: what a new row gets there that does not name it. */
export const fixedBy = ({ values, orNull }: RowScope): StoredValue | undefined =>
  values.length === 1 && !orNull ? values[0] : undefined

/** What a new row gets in a scope's column that it does not name, or cannot; undefined: what the database gives it. */
export const unnamed = (scope: RowScope): StoredValue | undefined => {
  const { given } = scope.column
  return given === 'always' ? undefined : (fixedBy(scope) ?? (given ? undefined : null))
}

/** What values of scopes are written as, made once for all rows of a body. */
const INSIDE = new WeakMap<RowScope, ReadonlySet<string>>()

/** Whether a stored value is inside a scope. */
export function within(scope: RowScope, value: StoredValue): boolean {
  if (value === null) return scope.orNull
  const { column, values } = scope
  const inside = INSIDE.get(scope) ?? new Set(values.map(v => written(column, v)))
  INSIDE.set(scope, inside)
  return inside.has(written(column, value))
}

/** Whether two values of a column are equal to its engine. */
export const isSame = (column: Column, a: StoredValue, b: StoredValue): boolean =>
  written(column, a) === written(column, b)

/** A value as all that are equal to it. Integers come as number or bigint, which are written alike. */
const written = ({ type, scale }: Column, value: StoredValue): string =>
  type === 'decimal' && scale === undefined ? shortest(String(value)) : String(value)

/** A decimal without the zeros that say nothing, which a column without a scale keeps. */
const shortest = (decimal: string): string =>
  decimal
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
    .replace(/^-0$/, '0')

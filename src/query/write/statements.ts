/** The statements on single rows of a table. Identifiers come from the catalog only, values are bound. */
import { identifier } from '../../lib/sql.ts'
import type { StoredValue } from '../values.ts'
import type { RowScope, WriteView } from './view.ts'

export interface BoundStatement {
  sql: string
  values: StoredValue[]
}

const list = (names: readonly string[]) => names.map(identifier).join(', ')

/** What the caller sees of the row of this key, if it is in its scope; a blocked value never leaves the engine. */
export function selectRow(view: WriteView, key: readonly StoredValue[]): BoundStatement {
  const columns = seenColumns(view)
  const { sql, values } = inScope(view, key)
  return { sql: `SELECT ${columns.length ? list(columns) : '1'} FROM data WHERE ${sql}`, values }
}

/** Takes the values of `columns`; gives what the caller sees of the row back, or of many rows their keys. */
export function insertRow(view: WriteView, columns: readonly string[], giving: 'row' | 'key'): string {
  const back = giving === 'row' ? seenColumns(view) : (view.key?.columns.map(c => c.name) ?? [])
  const values = columns.length ? `(${list(columns)}) VALUES (${columns.map(() => '?').join(', ')})` : 'DEFAULT VALUES'
  return `INSERT INTO data ${values} RETURNING ${back.length ? list(back) : '1'}`
}

export function updateRow(
  view: WriteView,
  key: readonly StoredValue[],
  changes: readonly { column: { name: string }; value: StoredValue }[],
): BoundStatement {
  const { sql, values } = inScope(view, key)
  const sets = changes.map(({ column }) => `${identifier(column.name)} = ?`).join(', ')
  return { sql: `UPDATE data SET ${sets} WHERE ${sql}`, values: [...changes.map(c => c.value), ...values] }
}

export function deleteRow(view: WriteView, key: readonly StoredValue[]): BoundStatement {
  const { sql, values } = inScope(view, key)
  return { sql: `DELETE FROM data WHERE ${sql}`, values }
}

function inScope({ key, scope }: WriteView, values: readonly StoredValue[]): BoundStatement {
  const conditions = [...key!.columns.map(c => `${identifier(c.name)} = ?`), ...scope.map(condition)]
  return { sql: conditions.join(' AND '), values: [...values, ...scope.flatMap(s => s.values)] }
}

function condition({ column, values, orNull }: RowScope): string {
  const name = identifier(column.name)
  const among = values.length ? `${name} IN (${values.map(() => '?').join(', ')})` : '0'
  return orNull ? `(${among} OR ${name} IS NULL)` : among
}

const seenColumns = ({ seen }: WriteView) => seen.flatMap(s => (s.treatment === 'blocked' ? [] : [s.column.name]))

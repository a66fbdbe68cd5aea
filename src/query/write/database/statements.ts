/** The statements on rows of a database's table. Identifiers come from the catalog only, values are bound. */
import { type SQL, sql } from 'drizzle-orm'
import type { Column } from '../../../catalog/column.ts'
import type { TableLocation } from '../../../catalog/datasets.ts'
import { scopeCondition } from '../../conditions.ts'
import { postgresDialect as dialect } from '../../engines/postgres/dialect.ts'
import type { Query } from '../../query.ts'
import type { StoredValue } from '../../values.ts'
import type { Change } from '../rows.ts'
import type { WriteView } from '../view.ts'
import { type Chunk, rowJson } from './rows.ts'

export interface DatabaseStatement {
  sql: string
  values: StoredValue[]
}

const written = (statement: SQL): DatabaseStatement => {
  const { sql: text, params } = dialect.text(statement)
  return { sql: text, values: params as StoredValue[] }
}

const term = (column: Column) => ({ table: 0, column })
const named = (names: readonly string[]) =>
  sql.join(
    names.map(name => sql.identifier(name)),
    sql`, `,
  )
const seenColumns = ({ seen }: WriteView) => seen.flatMap(s => (s.treatment === 'blocked' ? [] : [s.column]))

/** The columns that a statement answers with, in order. */
export const answeredColumns = (view: WriteView, giving: 'row' | 'key'): Column[] =>
  giving === 'row' ? seenColumns(view) : (view.key?.columns ?? [])

const selected = (columns: Column[]): SQL[] => columns.map(column => dialect.selected(term(column)))

function tableOf(query: Query): { name: SQL; from: SQL; rowType: SQL } {
  const { schema, table } = query.tables[0]!.dataset.location as TableLocation
  const name = sql`${sql.identifier(schema)}.${sql.identifier(table)}`
  return { name, from: dialect.from(query, 0, []), rowType: sql`CAST(NULL AS ${name})` }
}

/** JSON as rows of the table's own type: every type takes its values as the server writes them. */
const records = (query: Query, json: string): SQL =>
  sql`json_populate_recordset(${tableOf(query).rowType}, CAST(CAST(${json} AS text) AS json))`

function inScope(view: WriteView): SQL {
  const conditions = view.scope.map(scope => scopeCondition(dialect, { ...scope, table: 0 }))
  return conditions.length ? sql.join(conditions, sql` AND `) : sql`true`
}

function place(view: WriteView, key: readonly StoredValue[]): SQL {
  const conditions = view.key!.columns.map((column, i) => {
    const value = dialect.bound('eq', term(column), key[i]!)
    return sql`${dialect.key(term(column))} = ${dialect.keySlot(term(column), sql`${value}`)}`
  })
  return sql.join([...conditions, inScope(view)], sql` AND `)
}

/** What the caller sees of the row of this key, if it is in its scope. */
export function selectRow(query: Query, view: WriteView, key: StoredValue[], locking: boolean): DatabaseStatement {
  const columns = selected(seenColumns(view))
  const list = columns.length ? sql.join(columns, sql`, `) : sql`1`
  const lock = locking ? sql` FOR UPDATE` : sql``
  return written(sql`SELECT ${list} FROM ${tableOf(query).from} WHERE ${place(view, key)}${lock}`)
}

/** Adds rows in their order. Each answers whether it is in the caller's scope, and then what is asked for. */
export function insertRows(
  query: Query,
  view: WriteView,
  { columns, rows }: Pick<Chunk, 'columns' | 'rows'>,
  giving: 'row' | 'key',
): DatabaseStatement {
  const { from } = tableOf(query)
  const back = sql.join([sql`(${inScope(view)})`, ...selected(answeredColumns(view, giving))], sql`, `)
  if (columns.length === 0) return written(sql`INSERT INTO ${from} DEFAULT VALUES RETURNING ${back}`)
  const source = sql`ROWS FROM (${records(query, `[${rows.join()}]`)}) WITH ORDINALITY`
  return written(
    sql`INSERT INTO ${from} (${named(columns)}) SELECT ${named(columns)} FROM ${source} ORDER BY ordinality RETURNING ${back}`,
  )
}

export function updateRow(query: Query, view: WriteView, key: StoredValue[], changes: Change[]): DatabaseStatement {
  const given = changes.filter(change => change.value !== undefined)
  const names = named(given.map(change => change.column.name))
  const sets = changes
    .filter(change => change.value === undefined)
    .map(change => sql`${sql.identifier(change.column.name)} = DEFAULT`)
  if (given.length) sets.unshift(sql`(${names}) = (SELECT ${names} FROM ${records(query, `[${rowJson(given)}]`)})`)
  return written(
    sql`UPDATE ${tableOf(query).from} SET ${sql.join(sets, sql`, `)} WHERE ${place(view, key)} RETURNING true`,
  )
}

export const deleteRow = (query: Query, view: WriteView, key: StoredValue[]): DatabaseStatement =>
  written(sql`DELETE FROM ${tableOf(query).from} WHERE ${place(view, key)}`)

/** Fails where the row's value for a column, and no other, is none of it. */
export const tryValue = (query: Query, column: string, row: string): DatabaseStatement =>
  written(
    sql`SELECT count(${sql.identifier(column)}) FROM json_populate_record(${tableOf(query).rowType},
      json_build_object(CAST(${column} AS text), CAST(CAST(${row} AS text) AS json) -> CAST(${column} AS text)))`,
  )

/** The columns of a unique index of the table, by its name. */
export function indexColumns(query: Query, index: string): DatabaseStatement {
  const { schema, table } = query.tables[0]!.dataset.location as TableLocation
  return written(
    sql`SELECT a.attname FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
      WHERE n.nspname = CAST(${schema} AS text) AND c.relname = CAST(${table} AS text) AND x.relname = CAST(${index} AS text)
        AND i.indexprs IS NULL`,
  )
}

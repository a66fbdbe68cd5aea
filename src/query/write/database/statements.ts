/** The statements on rows of a database's table. Identifiers come from the catalog only, values are bound. */
import { type SQL, sql } from 'drizzle-orm'
import type { Column } from '../../../catalog/column.ts'
import type { TableLocation } from '../../../catalog/datasets.ts'
import { parseExact, stringifyLossless } from '../../../lib/json.ts'
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

type DatabaseName = Pick<TableLocation, 'schema' | 'table'>

const written = (statement: SQL): DatabaseStatement => {
  const { sql: text, params } = dialect.text(statement)
  return { sql: text, values: params as StoredValue[] }
}

const term = (column: Column) => ({ table: 0, column })
const named = (names: readonly string[], of?: string) =>
  sql.join(
    names.map(name => (of ? sql`${sql.identifier(of)}.${sql.identifier(name)}` : sql.identifier(name))),
    sql`, `,
  )
const seenColumns = ({ seen }: WriteView) => seen.flatMap(s => (s.treatment === 'blocked' ? [] : [s.column]))

/** The columns that a statement answers with, in order. */
export const answeredColumns = (view: WriteView, giving: 'row' | 'key'): Column[] =>
  giving === 'row' ? seenColumns(view) : (view.key?.columns ?? [])

const selected = (columns: Column[]): SQL[] => columns.map(column => dialect.selected(term(column)))

const fromOf = (query: Query): SQL => dialect.from(query, 0, [])
const jsonOf = (json: string): SQL => sql`CAST(CAST(${json} AS text) AS json)`

/**
 * JSON as a row of the table's own type: every type takes its values as the server writes them. What it does not name is NULL, and
 * not looked at: of a row that is NULL as a whole, domains that are never NULL would refuse it.
 */
function record(query: Query, json: SQL): SQL {
  const { schema, table } = query.tables[0]!.dataset.location as TableLocation
  const type = sql`${sql.identifier(schema)}.${sql.identifier(table)}`
  return sql`json_populate_record(CAST(ROW((CAST(NULL AS ${type})).*) AS ${type}), ${json})`
}

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
  return written(sql`SELECT ${list} FROM ${fromOf(query)} WHERE ${place(view, key)}${lock}`)
}

/** Adds rows in their order. Each answers whether it is in the caller's scope, and then what is asked for. */
export function insertRows(
  query: Query,
  view: WriteView,
  { columns, rows }: Pick<Chunk, 'columns' | 'rows'>,
  giving: 'row' | 'key',
): DatabaseStatement {
  const from = fromOf(query)
  const back = sql.join([sql`(${inScope(view)})`, ...selected(answeredColumns(view, giving))], sql`, `)
  if (columns.length === 0) return written(sql`INSERT INTO ${from} DEFAULT VALUES RETURNING ${back}`)
  const source = sql`json_array_elements(${jsonOf(`[${rows.join()}]`)}) WITH ORDINALITY AS given (json, place),
    ${record(query, sql`given.json`)} AS made`
  return written(
    sql`INSERT INTO ${from} (${named(columns)}) SELECT ${named(columns, 'made')} FROM ${source}
      ORDER BY given.place RETURNING ${back}`,
  )
}

export function updateRow(query: Query, view: WriteView, key: StoredValue[], changes: Change[]): DatabaseStatement {
  const given = changes.filter(change => change.value !== undefined)
  const names = given.map(change => change.column.name)
  const sets = changes
    .filter(change => change.value === undefined)
    .map(change => sql`${sql.identifier(change.column.name)} = DEFAULT`)
  if (given.length)
    sets.unshift(
      sql`(${named(names)}) = (SELECT ${named(names, 'made')} FROM ${record(query, jsonOf(rowJson(given)))} AS made)`,
    )
  return written(sql`UPDATE ${fromOf(query)} SET ${sql.join(sets, sql`, `)} WHERE ${place(view, key)} RETURNING true`)
}

export const deleteRow = (query: Query, view: WriteView, key: StoredValue[]): DatabaseStatement =>
  written(sql`DELETE FROM ${fromOf(query)} WHERE ${place(view, key)}`)

/** Fails where the row's value for a column, and no other, is none of it: the server is not shown the others. */
export function tryValue(query: Query, column: string, row: string): DatabaseStatement {
  const json = stringifyLossless({ [column]: (parseExact(row) as Record<string, unknown>)[column] })
  return written(sql`SELECT count(made.${sql.identifier(column)}) FROM ${record(query, jsonOf(json))} AS made`)
}

/** The columns of a unique index, of the table or of a part of it: a partition has indexes of its own. */
export function indexColumns(query: Query, index: string, of: Partial<DatabaseName>): DatabaseStatement {
  const { schema, table } = query.tables[0]!.dataset.location as TableLocation
  return written(
    sql`SELECT a.attname FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
      WHERE n.nspname = CAST(${of.schema ?? schema} AS text) AND c.relname = CAST(${of.table ?? table} AS text)
        AND x.relname = CAST(${index} AS text) AND i.indexprs IS NULL AND EXISTS (
          WITH RECURSIVE whole AS (
            SELECT c.oid UNION SELECT h.inhparent FROM pg_catalog.pg_inherits h JOIN whole ON h.inhrelid = whole.oid)
          SELECT FROM whole JOIN pg_catalog.pg_class t ON t.oid = whole.oid
            JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace
          WHERE s.nspname = CAST(${schema} AS text) AND t.relname = CAST(${table} AS text))`,
  )
}

import { Database } from 'bun:sqlite'
import type { DuckDBBlobValue, DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { tooDeep } from '../../lib/json.ts'
import { identifier } from '../../lib/sql.ts'
import { DEEPEST_JSON } from '../values.ts'
import { readable } from './duck.ts'
import { strictJson } from './json-scan.ts'
import type { ColumnPlan } from './probe.ts'
import type { Source } from './source.ts'
import { wrong } from './wrong.ts'

interface Table {
  columns: ColumnPlan[]
  primaryKey?: string[]
  indexes: string[][]
}

/**
 * Writes all rows into a new SQLite file with the one table `data`. A single integer key is the rowid itself; any other
 * key is a unique index beside a table in the file's order: WITHOUT ROWID looked up 20 % faster on narrow rows, but took
 * 1.5 to 2.3 times as long to build and loses its gain as rows grow wide. Nothing is safe on disk until the caller syncs
 * the file: an unfinished one is thrown away, so no journal is written (OFF is not allowed by Bun's SQLite).
 * @throws Fault 422 a primary key that occurs twice, or a JSON value that nests too deep, with its row
 */
export async function writeTable(
  path: string,
  table: Table,
  source: Source,
  connection: DuckDBConnection,
  onProgress: (rows: number, phase: 'writing' | 'indexing') => void,
): Promise<number> {
  const db = new Database(path, { create: true, readwrite: true, strict: true })
  try {
    for (const pragma of [
      'page_size = 4096',
      'journal_mode = MEMORY',
      'synchronous = OFF',
      'locking_mode = EXCLUSIVE',
      'cache_size = -65536',
    ])
      db.run(`PRAGMA ${pragma}`)
    const { primaryKey } = table
    db.run(tableSql(table))
    const rows = await copyRows(db, table, source, connection, onProgress)
    onProgress(rows, 'indexing')
    if (primaryKey && integerKey(table) === undefined) await uniqueKey(db, table, primaryKey, source)
    for (const sql of indexSql(table)) db.run(sql)
    db.run('ANALYZE')
    return rows
  } finally {
    db.close()
  }
}

/** The one table of a data file. */
export function tableSql(table: Pick<Table, 'columns' | 'primaryKey'>): string {
  const rowidKey = integerKey(table)
  const definitions = table.columns.map(
    ({ stored, sqlite }) => `${identifier(stored.name)} ${sqlite}${stored.name === rowidKey ? ' PRIMARY KEY' : ''}`,
  )
  return `CREATE TABLE data (${definitions.join(', ')}) STRICT`
}

const namesOf = (names: string[]) => names.map(identifier).join(', ')
const keySql = (key: string[]) => `CREATE UNIQUE INDEX data_key ON data (${namesOf(key)})`
const indexSql = ({ indexes }: Pick<Table, 'indexes'>) =>
  indexes.map((names, i) => `CREATE INDEX data_${i + 1} ON data (${namesOf(names)})`)

/** What stands beside the table: its key, where that is not the rowid, and its indexes. */
export const allIndexesSql = (table: Table): string[] => [
  ...(table.primaryKey && integerKey(table) === undefined ? [keySql(table.primaryKey)] : []),
  ...indexSql(table),
]

const integerKey = ({ columns, primaryKey }: Pick<Table, 'columns' | 'primaryKey'>) =>
  primaryKey?.length === 1 && columns.find(column => column.stored.name === primaryKey[0])?.sqlite === 'INTEGER'
    ? primaryKey[0]
    : undefined

const TAKEN = 'the primary key is already taken by an earlier row'

async function copyRows(
  db: Database,
  { columns, primaryKey }: Table,
  source: Source,
  connection: DuckDBConnection,
  onProgress: (rows: number, phase: 'writing') => void,
): Promise<number> {
  const insert = db.prepare(`INSERT INTO data VALUES (${columns.map(() => '?').join(', ')})`)
  const selected = columns.map(({ select, stored }) => (stored.type === 'text' ? readable(select) : select))
  const result = await connection.stream(`SELECT ${selected.join(', ')} FROM ${source.relation}`).catch(async error => {
    throw await source.explain(error)
  })
  let rows = 0
  const values: unknown[] = new Array(columns.length)
  db.run('BEGIN')
  for (;;) {
    const chunk = await result.fetchChunk().catch(async error => {
      throw await source.explain(error)
    })
    if (!chunk || chunk.rowCount === 0) break
    const vectors = columns.map((_, i) => chunk.getColumnVector(i))
    for (let r = 0; r < chunk.rowCount; r++) {
      for (let c = 0; c < columns.length; c++) {
        const value = vectors[c]!.getItem(r)
        const { type, name: column } = columns[c]!.stored
        if (value === null || (typeof value !== 'object' && type !== 'json')) {
          values[c] = value
          continue
        }
        values[c] = bindable(value, columns[c]!)
        if (type === 'json' && values[c] !== null && tooDeep(values[c] as string, DEEPEST_JSON))
          throw wrong(`a JSON value of more than ${DEEPEST_JSON} levels`, {
            unit: source.unit,
            row: await source.place(rows + r + 1),
            column,
          })
      }
      try {
        insert.run(...(values as never[]))
      } catch (error) {
        if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error
        throw wrong(TAKEN, { unit: source.unit, row: await source.place(rows + r + 1), column: primaryKey }, error)
      }
    }
    rows += chunk.rowCount
    onProgress(rows, 'writing')
  }
  db.run('COMMIT')
  return rows
}

function bindable(value: DuckDBValue, column: ColumnPlan): unknown {
  return column.stored.type === 'json' ? strictJson(String(value)) : (value as DuckDBBlobValue).bytes
}

async function uniqueKey(db: Database, { columns }: Table, key: string[], source: Source): Promise<void> {
  const on = namesOf(key)
  try {
    db.run(keySql(key))
  } catch (error) {
    if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error
    const names = columns.map(column => column.stored.name.toLowerCase())
    const rowid = ['rowid', '_rowid_', 'oid'].find(name => !names.includes(name))
    const first = rowid
      ? db
          .query<{ row: number }, []>(
            `SELECT min(row) AS row FROM (SELECT ${rowid} AS row, row_number() OVER (PARTITION BY ${on} ORDER BY ${rowid}) AS copy FROM data) WHERE copy > 1`,
          )
          .get()
      : undefined
    throw wrong(
      TAKEN,
      { unit: source.unit, row: first ? await source.place(first.row) : undefined, column: key },
      error,
    )
  }
}

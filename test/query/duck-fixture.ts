/** Tables of a test as files that DuckDB reads in place. */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Column, ColumnType, DeclaredType } from '../../src/catalog/column.ts'
import type { Dataset } from '../../src/catalog/datasets.ts'
import { decodeDecimal } from '../../src/lib/decimal.ts'
import { identifier, literal } from '../../src/lib/sql.ts'
import { describeFiles } from '../../src/query/engines/duckdb/describe.ts'
import { findFiles } from '../../src/query/engines/duckdb/files.ts'
import { openDuckdb } from '../../src/query/ingest/duck.ts'
import type { StoredValue } from '../../src/query/values.ts'
import type { TableSpec } from './table-fixture.ts'

const TYPES: Record<ColumnType, (column: TableSpec['columns'][number]) => string> = {
  integer: () => 'BIGINT',
  float: () => 'DOUBLE',
  decimal: ({ precision, scale }) => `DECIMAL(${precision}, ${scale})`,
  boolean: () => 'BOOLEAN',
  text: () => 'VARCHAR',
  date: () => 'DATE',
  time: () => 'TIME',
  timestamp: () => 'TIMESTAMP',
  timestamptz: () => 'TIMESTAMPTZ',
  blob: () => 'BLOB',
  json: () => 'JSON',
}

/** A value that the embedded store keeps, as SQL takes it from text. */
export function textOf({ type, precision = 38, scale = 0 }: Partial<Column>, value: StoredValue): string {
  if (type === 'decimal') return decodeDecimal(value as bigint, precision, scale)
  if (type === 'boolean') return value ? 'true' : 'false'
  return type === 'timestamptz' ? `${value}Z` : String(value)
}

let made = 0

/** A parquet file (or, by `format`, another kind) and what is found in it. */
export async function makeFiles(
  dir: string,
  spec: TableSpec,
  path = join(dir, `files ${++made}.parquet`),
): Promise<string> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const columns = spec.columns.map(c => `${identifier(c.name)} ${TYPES[c.type](c)}`)
    await connection.run(`CREATE TABLE data (${columns.join(', ')})`)
    const places = spec.columns.map((c, i) =>
      c.type === 'blob' ? `$${i + 1}` : `CAST($${i + 1} AS ${TYPES[c.type](c)})`,
    )
    const insert = await connection.prepare(`INSERT INTO data SELECT ${places.join(', ')}`)
    for (const row of spec.rows) {
      for (const [i, value] of row.entries())
        if (value === null) insert.bindNull(i + 1)
        else if (value instanceof Uint8Array) insert.bindBlob(i + 1, value)
        else insert.bindVarchar(i + 1, textOf(spec.columns[i]!, value))
      await insert.run()
    }
    await connection.run(`COPY data TO ${literal(path)} (FORMAT parquet)`)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
  return path
}

/** Describes files as a manifest would, with policy of their columns by name. */
export async function describedFiles(
  dir: string,
  path: string,
  spec: Pick<TableSpec, 'name' | 'primaryKey' | 'rowCount'> & {
    columns?: TableSpec['columns']
    types?: Record<string, DeclaredType>
  },
): Promise<Dataset> {
  const files = findFiles(path)
  const connection = await openDuckdb(dir, { paths: files.paths })
  try {
    const request = { path, types: spec.types ?? {}, primaryKey: spec.primaryKey ?? null, propose: false }
    const { columns, location, rowCount } = await describeFiles(connection, files, request)
    return {
      id: 10_000 + ++made,
      projectId: 1,
      formerColumns: [],
      name: spec.name,
      engine: 'duckdb',
      description: '',
      source: null,
      sourceHash: files.version,
      origin: null,
      writable: false,
      refresh: null,
      refreshState: null,
      location,
      file: '',
      generation: 1,
      columns: columns.map(column => {
        const { sensitivity = 'low', mask } = spec.columns?.find(c => c.name === column.name) ?? {}
        return { ...column, sensitivity, ...(mask ? { mask } : {}) }
      }),
      primaryKey: spec.primaryKey ?? null,
      indexes: [],
      rowCount: spec.rowCount ?? rowCount,
      createdAt: '',
      updatedAt: '',
    }
  } finally {
    connection.closeSync()
  }
}

export const makeFilesDataset = async (dir: string, spec: TableSpec): Promise<Dataset> =>
  describedFiles(dir, await makeFiles(dir, spec), spec)

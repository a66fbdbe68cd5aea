import type { DuckDBConnection } from '@duckdb/node-api'
import { identifier } from '../../lib/sql.ts'
import { rowsOf } from './duck.ts'
import type { SourceColumn } from './source.ts'

/** The columns that the folders of a relation's files are (`year=2024`), besides those of the files themselves. */
export async function hiveColumns(
  connection: DuckDBConnection,
  relation: string,
  own: string[],
): Promise<SourceColumn[]> {
  const described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${relation}`)
  return described
    .map(([name, type]) => ({ name: String(name), type: String(type) }))
    .filter(({ name }) => !own.includes(name))
    .map(({ name, type }) => ({ name, value: identifier(name), from: 'native', type }))
}

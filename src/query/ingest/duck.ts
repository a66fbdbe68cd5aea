import { totalmem } from 'node:os'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { loadDuckdb } from '../../workers/native.ts'

/** The name, in the working directory, under which the file is read; nothing else can be. */
export const INPUT = 'input'

const MIN_MEMORY = 512 * 2 ** 20

/**
 * An in-memory DuckDB that can read the file `input` of the working directory and write below `scratch` (what does not
 * fit in memory), and nothing else: no extensions from outside, no other file, no network, no change of these settings.
 */
export async function openDuckdb(scratch: string): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await loadDuckdb()
  const memory = Math.max(MIN_MEMORY, Math.min(totalmem(), process.constrainedMemory() || Infinity) / 4)
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_persistent_secrets: 'false',
    temp_directory: scratch,
    home_directory: scratch,
    extension_directory: scratch,
    secret_directory: scratch,
    memory_limit: `${Math.floor(memory / 2 ** 20)}MiB`,
    threads: String(Math.max(1, navigator.hardwareConcurrency)),
    preserve_insertion_order: 'true',
  })
  const connection = await instance.connect()
  for (const setting of [
    "TimeZone = 'UTC'",
    'enable_progress_bar = true',
    'enable_progress_bar_print = false',
    `allowed_paths = [${literal(INPUT)}]`,
    'enable_external_access = false',
    'lock_configuration = true',
  ])
    await connection.run(`SET ${setting}`)
  return connection
}

/** The rows of a small result. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<DuckDBValue[][]> {
  return (await connection.runAndReadAll(sql)).getRows()
}

export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
/** A quoted identifier, for DuckDB and SQLite alike. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`

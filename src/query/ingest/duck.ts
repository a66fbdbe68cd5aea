import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { usableCpus, usableMemory } from '../../lib/machine.ts'
import { literal } from '../../lib/sql.ts'
import { loadDuckdb } from '../../workers/native.ts'

/** The name, in the working directory, under which the file is read; nothing else can be. */
export const INPUT = 'input'

/** A csv file of a few megabytes may take more than half of it. */
const MIN_MEMORY = 512 * 2 ** 20

/** Bytes that a DuckDB may take which reads whole files, of those that this process may use. */
export const readingMemory = (usable = usableMemory()) => Math.max(MIN_MEMORY, usable / 4)

/** What a DuckDB may read, and how much of the machine it may take. */
export interface Allowed {
  paths?: string[]
  /** default: `readingMemory` */
  memoryBytes?: number
  threads?: number
  /** of `scratch`; default: what DuckDB takes, nearly all of the disk */
  scratchBytes?: number
  /** rows need not come in the order of the files by themselves: values are then looked for in long lists faster */
  anyOrder?: boolean
}

/**
 * An in-memory DuckDB that can read what it is allowed to and write below `scratch` (what does not fit in memory), and
 * nothing else: no extensions from outside, no other file, no network, no change of these settings.
 */
export async function openDuckdb(scratch: string, allowed: Allowed): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await loadDuckdb()
  const memory = allowed.memoryBytes ?? readingMemory()
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
    threads: String(allowed.threads ?? usableCpus()),
    preserve_insertion_order: 'true',
    // a block of a file that is kept may be older than the file
    enable_external_file_cache: 'false',
    ...(allowed.scratchBytes === undefined
      ? {}
      : { max_temp_directory_size: `${Math.floor(allowed.scratchBytes / 2 ** 20)}MiB` }),
  })
  const connection = await instance.connect()
  for (const setting of [
    "TimeZone = 'UTC'",
    'enable_progress_bar = true',
    'enable_progress_bar_print = false',
    `allowed_paths = [${(allowed.paths ?? []).map(literal).join(', ')}]`,
    // a list of five values and more becomes a join, and what is joined comes in any order
    ...(allowed.anyOrder ? [] : ["disabled_optimizers = 'in_clause'"]),
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

/** SQL: a text as it is to be read from DuckDB, whose binding takes a byte order mark off the beginning of any text. */
export const readable = (text: string) => `if(starts_with(${text}, chr(65279)), chr(65279) || ${text}, ${text})`

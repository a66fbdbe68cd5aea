import { symlinkSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { DeclaredType, FileFormat, StoredColumn } from '../../catalog/column.ts'
import { sha256Of } from '../../lib/digest.ts'
import { diskTrouble, Fault, unavailable } from '../../lib/fault.ts'
import { statOf, sync } from '../../lib/file.ts'
import type { OnProgress } from '../../lib/progress.ts'
import { openCsv } from './csv-source.ts'
import { INPUT, openDuckdb } from './duck.ts'
import { openJson } from './json-source.ts'
import { checkKeys, chooseKey } from './key.ts'
import { openParquet } from './parquet-source.ts'
import { planColumns } from './plan.ts'
import { proposeTiers } from './propose.ts'
import type { Input, Source } from './source.ts'
import { writeTable } from './write.ts'
import { wrong } from './wrong.ts'

/** What the parent asks of the child: all paths absolute, `scratch` an empty directory of this import's own. */
export interface Job {
  source: string
  format: FileFormat
  building: string
  primaryKey?: string[]
  chooseKey: boolean
  indexes: string[][]
  types: Record<string, DeclaredType>
  scratch: string
}

/** What an import found. */
export interface JobResult {
  columns: StoredColumn[]
  rowCount: number
  primaryKey?: string[]
  /** of the file before it was read: when it changes meanwhile, a later start sees that it differs */
  sha256: string
}

const REPORT_MS = 100
/** The share of the whole that the passes before writing take, roughly. */
const READING = 0.3
const WRITING = 0.6
const FINISHING = 0.98

/**
 * The whole import, in the child: settle types and key, write the SQLite file, sync it. The parent renames it.
 * @throws Fault 422 what is wrong with the file; Fault 503 no memory or disk left for it
 */
export async function runJob(job: Job, report: OnProgress): Promise<JobResult> {
  try {
    return await run(job, reporter(report))
  } catch (error) {
    throw shortageOf(error) ?? error
  }
}

async function run(job: Job, tell: Tell): Promise<JobResult> {
  if (!statOf(job.source)?.isFile()) throw wrong('there is no such file')
  process.chdir(job.scratch)
  const sha256 = await sha256Of(job.source)
  const path = await place(job)
  const connection = await openDuckdb(job.scratch, { paths: [INPUT] })
  tell('reading', 0, 0)
  const polling = setInterval(() => tell('reading', 0, (connection.progress.percentage / 100) * READING), REPORT_MS)
  try {
    const source = await openSource(job.format, { names: [INPUT], paths: [path] }, connection)
    const { columns, rowCount, primaryKey } = await settle(job, source, connection)
    clearInterval(polling)
    const table = { columns, primaryKey, indexes: job.indexes }
    const rows = await writeTable(job.building, table, source, connection, (rows, phase) =>
      tell(phase, rows, READING + WRITING * Math.min(1, rows / Math.max(1, rowCount))),
    )
    if (rows !== rowCount) throw wrong('the file changed while it was read')
    tell('finishing', rows, FINISHING)
    sync(job.building)
    return { columns: columns.map(column => column.stored), rowCount, primaryKey, sha256 }
  } finally {
    clearInterval(polling)
  }
}

async function settle(job: Job, source: Source, connection: DuckDBConnection) {
  try {
    const planned = await planColumns(connection, source, job.types)
    const { rowCount } = planned
    const columns = await proposeTiers(connection, source, planned.columns, rowCount)
    await checkKeys(connection, source, columns, job.primaryKey, job.indexes)
    const chosen = job.chooseKey && !job.primaryKey ? await chooseKey(connection, source, columns, rowCount) : undefined
    return { columns, rowCount, primaryKey: job.primaryKey ?? chosen }
  } catch (error) {
    throw error instanceof Fault ? error : await source.explain(error)
  }
}

type Tell = (phase: string, rows: number, fraction: number) => void

/** Reports ten times a second, and every new phase; the fraction never falls. */
function reporter(report: OnProgress): Tell {
  let last = { at: 0, phase: '', fraction: 0 }
  return (phase, rows, fraction) => {
    const at = performance.now()
    if (phase === last.phase && at - last.at < REPORT_MS) return
    last = { at, phase, fraction: Math.max(last.fraction, fraction) }
    report({ rows, phase, fraction: last.fraction })
  }
}

/** The file under a name that no pattern or quote can be in. A byte order mark, which DuckDB's JSON trips over, goes. */
async function place(job: Job): Promise<string> {
  const file = Bun.file(job.source)
  const start = new Uint8Array(await file.slice(0, 3).arrayBuffer())
  if (start.length === 0) throw wrong('the file is empty')
  const marked = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf
  if (marked && (job.format === 'json' || job.format === 'ndjson')) await copyFrom(file.slice(3), INPUT)
  else symlinkSync(job.source, INPUT)
  return `${job.scratch}/${INPUT}`
}

async function copyFrom(from: Blob, to: string): Promise<void> {
  const writer = Bun.file(to).writer()
  for await (const chunk of from.stream()) {
    writer.write(chunk)
    await writer.flush()
  }
  await writer.end()
}

export function openSource(format: FileFormat, input: Input, connection: DuckDBConnection): Promise<Source> {
  if (format === 'parquet') return openParquet(connection, input)
  if (format === 'json' || format === 'ndjson') return openJson(connection, input, format)
  return openCsv(connection, input, format)
}

/** No fault of the file's, though it may be said to be: the machine has not enough memory or room on disk. */
export const shortageOf = (error: unknown): Fault | undefined =>
  shortage(error) ?? (error instanceof Fault ? shortage(error.cause) : undefined)

function shortage(error: unknown): Fault | undefined {
  const { message = '' } = (error ?? {}) as { message?: string }
  if (/^Out of Memory/i.test(message))
    return unavailable('To read the file takes more memory than there is.', 60, error)
  if (/No space left|disk is full/i.test(message))
    return unavailable('There is no room left on the disk to read the file.', 60, error)
  return diskTrouble(error)
}

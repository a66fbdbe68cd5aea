import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DeclaredType, FileFormat } from '../../catalog/column.ts'
import { unavailable } from '../../lib/fault.ts'
import { syncFolder } from '../../lib/file.ts'
import type { OnProgress, Progress } from '../../lib/progress.ts'
import { Child, lostAs } from '../../workers/child.ts'
import { Stillness } from '../../workers/still.ts'
import type { Job, JobResult } from './job.ts'

export interface ImportRequest {
  /** The file to read, an absolute path. */
  source: string
  format: FileFormat
  /** The SQLite file to make, an absolute path that does not exist yet. It is built under `target + '.building'`. */
  target: string
  /** One column, or several that are unique together. */
  primaryKey?: string | string[]
  /** Without a primaryKey: the first unique column without nulls becomes it, `id` before all others; none is fine. */
  chooseKey?: boolean
  indexes?: string[][]
  /**
   * Declared types, by column; they win over inferred ones and take more spellings (leading zeros, `+`, 0 and 1 for
   * booleans; base64 for blobs). An empty text is then no value, but in a text column.
   */
  types?: Record<string, DeclaredType>
  /** Where the import makes a directory of its own for what does not fit in memory; nothing is written elsewhere. */
  scratchDir: string
}

const EXTENSIONS: [string, FileFormat][] = [
  ['.csv.gz', 'csv.gz'],
  ['.csv', 'csv'],
  ['.tsv', 'tsv'],
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
  ['.json', 'json'],
  ['.parquet', 'parquet'],
]

/** The format that a file's name says, in any case; undefined for one that is not taken in. */
export function formatOf(fileName: string): FileFormat | undefined {
  const name = fileName.toLowerCase()
  return EXTENSIONS.find(([extension]) => name.endsWith(extension))?.[1]
}

/**
 * Reads a file into a new SQLite file, an immutable generation, in a child process of its own. When it resolves, the
 * target is whole and on disk; when it rejects or is aborted, nothing of it is left. What a killed Callgate leaves is
 * `target + '.building'`, removed by the next import to the same target, and a directory `import-*` in the scratchDir.
 * @throws Fault 422 `import_failed`: what is wrong with the file, with `row` and `column` in its members where they are
 *   known (lines from 1 for csv and tsv, the header being line 1; records from 1 for the others); Fault 503 the process
 *   ended (out of memory, most likely), or stood still; the signal's reason
 */
export async function importFile(
  request: ImportRequest,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<JobResult> {
  signal?.throwIfAborted()
  if (await stat(request.target).catch(() => undefined)) throw new Error('the target of an import exists already')
  const building = `${request.target}.building`
  await mkdir(dirname(request.target), { recursive: true })
  await mkdir(request.scratchDir, { recursive: true })
  const scratch = await mkdtemp(join(request.scratchDir, 'import-'))
  let finished = false
  try {
    await discard(building)
    const result = await inChild(request, building, scratch, onProgress, signal)
    signal?.throwIfAborted()
    await rename(building, request.target)
    await syncFolder(dirname(request.target))
    finished = true
    return result
  } finally {
    if (!finished) await discard(building)
    await rm(scratch, { recursive: true, force: true })
  }
}

const lost = lostAs('The import process ended before it was done.')
const stoodStill = (cause: unknown) => unavailable('The import stood still for a minute, and was ended.', 60, cause)

async function inChild(
  request: ImportRequest,
  building: string,
  scratch: string,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<JobResult> {
  const env = { HOME: scratch, TMPDIR: scratch, SQLITE_TMPDIR: scratch }
  const child = await Child.start('import', {}, { env }).catch(lost)
  const end = () => child.kill()
  signal?.addEventListener('abort', end)
  const stillness = new Stillness(child)
  const tell = (progress: Progress) => {
    // to have a large file on disk may take a slow one long, in which nothing else is done
    if (progress.phase === 'finishing') stillness.stop()
    onProgress?.(progress)
  }
  try {
    signal?.throwIfAborted()
    const { primaryKey } = request
    const job: Job = {
      source: request.source,
      format: request.format,
      building,
      scratch,
      primaryKey: primaryKey === undefined ? undefined : [primaryKey].flat(),
      chooseKey: request.chooseKey ?? false,
      indexes: request.indexes ?? [],
      types: request.types ?? {},
    }
    return await child.request<JobResult>('import', job, { onProgress: progress => tell(progress as Progress) })
  } catch (error) {
    signal?.throwIfAborted()
    throw stillness.ended ? stoodStill(error) : lost(error)
  } finally {
    stillness.stop()
    signal?.removeEventListener('abort', end)
    child.kill()
    await child.exited
  }
}

async function discard(building: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(building + suffix, { force: true })
}

import { statfsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unavailable } from '../../../lib/fault.ts'
import { usableCpus, usableMemory } from '../../../lib/machine.ts'
import { Child, lostAs } from '../../../workers/child.ts'
import { Stillness } from '../../../workers/still.ts'
import type { Described, DescribeRequest } from './describe.ts'
import type { WorkerLimits } from './reader.ts'

const MIN_MEMORY = 256 * 2 ** 20
/** Of the memory, where it describes files: as much as an import takes. */
const DESCRIBING = 1 / 4

/**
 * A process of DuckDB's, with a folder of its own that goes when it ends, however that comes.
 * @param share of the memory that this process may use
 * @returns `gone` resolves when nothing of it is left
 */
export async function startDuckdb(scratchDir: string, share: number): Promise<{ child: Child; gone: Promise<void> }> {
  await mkdir(scratchDir, { recursive: true })
  const scratch = await mkdtemp(join(scratchDir, 'duckdb-'))
  const { bavail, bsize } = statfsSync(scratchDir)
  const limits: WorkerLimits = {
    scratch,
    memoryBytes: Math.max(MIN_MEMORY, usableMemory() * share),
    threads: usableCpus(),
    scratchBytes: (bavail * bsize) / 2,
  }
  const remove = () => rm(scratch, { recursive: true, force: true }).catch(() => {})
  try {
    const child = await Child.start('duckdb', limits, { env: { HOME: scratch, TMPDIR: scratch } })
    return { child, gone: child.exited.then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

const lost = lostAs('The process that read the files ended before it was done.')

/**
 * Looks at files in place, in a process of its own.
 * @throws Fault 422 `import_failed`: what is wrong with them; 503 the process ended, or stood still; the signal's reason
 */
export async function describeInPlace(
  request: DescribeRequest,
  scratchDir: string,
  signal?: AbortSignal,
): Promise<Described & { version: string }> {
  signal?.throwIfAborted()
  const { child, gone } = await startDuckdb(scratchDir, DESCRIBING).catch(lost)
  const end = () => child.kill()
  signal?.addEventListener('abort', end)
  const stillness = new Stillness(child)
  try {
    signal?.throwIfAborted()
    return await child.request<Described & { version: string }>('describe', request)
  } catch (error) {
    signal?.throwIfAborted()
    if (stillness.ended) throw unavailable('The look at the files stood still for a minute, and was ended.', 60, error)
    return lost(error)
  } finally {
    stillness.stop()
    signal?.removeEventListener('abort', end)
    child.kill()
    await gone
  }
}

import { statfsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unavailable } from '../../../lib/fault.ts'
import { usableCpus } from '../../../lib/machine.ts'
import { Child, lostAs } from '../../../workers/child.ts'
import { Stillness } from '../../../workers/still.ts'
import { readingMemory } from '../../ingest/duck.ts'
import type { Described, DescribeRequest } from './describe.ts'
import type { WorkerLimits } from './reader.ts'

/**
 * A process of DuckDB's, with a folder of its own that goes when it ends, however that comes.
 * @param memoryBytes that it may take before it writes to its folder
 * @returns `gone` resolves when nothing of it is left
 */
export async function startDuckdb(
  scratchDir: string,
  memoryBytes: number,
): Promise<{ child: Child; gone: Promise<void> }> {
  await mkdir(scratchDir, { recursive: true })
  const scratch = await mkdtemp(join(scratchDir, 'duckdb-'))
  const { bavail, bsize } = statfsSync(scratchDir)
  const limits: WorkerLimits = {
    scratch,
    memoryBytes,
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
 * @throws Fault 422 `import_failed`: what is wrong with them; 503 the process ended, stood still, or had too little memory; the signal's reason
 */
export async function describeInPlace(
  request: DescribeRequest,
  scratchDir: string,
  signal?: AbortSignal,
): Promise<Described & { version: string }> {
  signal?.throwIfAborted()
  const { child, gone } = await startDuckdb(scratchDir, readingMemory()).catch(lost)
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

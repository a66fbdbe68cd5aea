import { randomBytes } from 'node:crypto'
import { chmod, constants, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelMetadata } from '../catalog/tensor.ts'
import { sha256Of } from '../lib/digest.ts'
import { Fault, toFault, unprocessable } from '../lib/fault.ts'
import { syncFolder } from '../lib/file.ts'
import { Child, ChildLost, lostAs } from '../workers/child.ts'
import { columnsOf } from './features.ts'
import { GIVEN_FILE, type InspectRequest, RUNNABLE_FILE } from './inspect.ts'

/** A model that takes longer than this to load is refused; nothing else waits meanwhile. */
const INSPECT_TIMEOUT_MS = 120_000
const INCOMING = '.incoming-'
const STALE_MS = 3_600_000

/**
 * Takes a model in: reads what it takes and gives in a throw-away process (the file may be hostile), and keeps it under
 * `<modelsDir>/<sha256>/`, which appears whole or not at all. What is there already is not replaced. The file is copied and
 * hashed without being read into this process.
 * @throws Fault 422 `model_unusable`: not a model, an operator that is missing, weights in other files, outputs that are no
 * tensors, a crash while loading, or `features` that do not fit
 */
export async function addModelFile(options: {
  path: string
  modelsDir: string
  /** Names for the columns of a model with a single input [N, F]. */
  features?: string[]
}): Promise<{ sha256: string; size: number; metadata: ModelMetadata }> {
  const { path, modelsDir, features } = options
  await mkdir(modelsDir, { recursive: true, mode: 0o700 })
  await sweep(modelsDir)
  const incoming = join(modelsDir, `${INCOMING}${randomBytes(8).toString('hex')}`)
  await mkdir(incoming, { mode: 0o700 })
  try {
    const given = join(incoming, GIVEN_FILE)
    const size = await copySynced(path, given)
    if (size === 0) throw unprocessable('The model file is empty.', {}, 'model_unusable')
    // of the copy: the original may change meanwhile
    const sha256 = await sha256Of(given)
    const metadata = await inspect(incoming)
    if (features) columnsOf(metadata, features)
    const target = join(modelsDir, sha256)
    await keep(incoming, target)
    for (const folder of [target, modelsDir]) await syncFolder(folder)
    return { sha256, size, metadata }
  } finally {
    await rm(incoming, { recursive: true, force: true })
  }
}

/** The file that runs: the rewritten one where there is one. */
export function artifactPath(modelsDir: string, sha256: string, metadata: ModelMetadata): string {
  return join(modelsDir, sha256, metadata.rewritten ? RUNNABLE_FILE : GIVEN_FILE)
}

async function inspect(directory: string): Promise<ModelMetadata> {
  try {
    return await inspectOnce({ directory, probe: true })
  } catch (error) {
    if (!(error instanceof ChildLost)) throw error
    // it may load and only not like our probe rows
    return await inspectOnce({ directory, probe: false }).catch(again => {
      if (!(again instanceof ChildLost)) throw again
      throw new Fault(422, 'model_unusable', 'The runtime crashed while loading the model.', { cause: again })
    })
  }
}

async function inspectOnce(request: InspectRequest): Promise<ModelMetadata> {
  const child = await Child.start('score', { threads: 1 }).catch(lostAs('The scoring runtime does not start.', 10))
  try {
    return await child.request<ModelMetadata>('inspect', request, { timeoutMs: INSPECT_TIMEOUT_MS })
  } catch (error) {
    if (error instanceof Fault && error.status === 504)
      throw new Fault(422, 'model_unusable', 'The model takes too long to load.', { cause: error })
    throw error instanceof ChildLost ? error : toFault(error)
  } finally {
    child.kill()
    await child.exited // it may still be writing into the directory
  }
}

/** Moves a complete directory into place; what is there already and is whole stays. */
async function keep(incoming: string, target: string): Promise<void> {
  try {
    await rename(incoming, target)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    for (const name of await readdir(incoming)) {
      const [fresh, kept] = await Promise.all([
        stat(join(incoming, name)),
        stat(join(target, name)).catch(() => undefined),
      ])
      if (kept?.size !== fresh.size) await rename(join(incoming, name), join(target, name))
    }
  }
}

/** @returns the copy's size in bytes */
async function copySynced(from: string, to: string): Promise<number> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await chmod(to, 0o600)
  const file = await open(to, 'r+')
  try {
    await file.sync()
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** Removes what an upload left behind when the server was killed in the middle of it. */
async function sweep(modelsDir: string): Promise<void> {
  for (const name of await readdir(modelsDir)) {
    if (!name.startsWith(INCOMING)) continue
    const path = join(modelsDir, name)
    const found = await stat(path).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true })
  }
}

import { sha256Of } from '../lib/digest.ts'
import { Fault } from '../lib/fault.ts'
import { statOf } from '../lib/file.ts'
import { serveParent } from '../workers/serve.ts'
import { baseOf, findFiles } from './engines/duckdb/files.ts'

const TELL_MS = 1000

/** The entry of `callgate worker look`: looks at one file after the other; its parent kills it where one does not answer. */
serveParent(() => ({
  /** Whether there is anything there is not asked, only whether there is an answer. */
  reach: (path: string) => void statOf(baseOf(path)),
  file(path: string): string | undefined {
    const found = statOf(path)
    return found?.isFile() ? `${found.mtimeMs}/${found.size}/${found.ino}` : undefined
  },
  version: (path: string) => findFiles(path).version,
  sha256(path: string, progress: (progress: unknown) => void): Promise<string> {
    let told = performance.now()
    return sha256Of(path, () => {
      if (performance.now() - told < TELL_MS) return
      told = performance.now()
      progress(undefined)
    })
  },
  recent(path: string): { version: string; took: number } {
    const began = performance.now()
    const version = versionOrMissing(path)
    return { version, took: performance.now() - began }
  },
}))

function versionOrMissing(path: string): string {
  try {
    return findFiles(path).version
  } catch (error) {
    if (error instanceof Fault && error.status !== 503) return 'missing'
    throw error
  }
}

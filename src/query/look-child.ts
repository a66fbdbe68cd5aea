import { statSync } from 'node:fs'
import { serveParent } from '../workers/serve.ts'
import { baseOf, findFiles } from './engines/duckdb/files.ts'

/** The entry of `callgate worker look`: looks at one file after the other; its parent kills it where one does not answer. */
serveParent(() => ({
  /** Whether there is anything there is not asked, only whether there is an answer. */
  reach: (path: string) => void statSync(baseOf(path), { throwIfNoEntry: false }),
  file(path: string): string | undefined {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.isFile() ? `${found.mtimeMs}/${found.size}/${found.ino}` : undefined
  },
  files(path: string): { version: string; took: number } {
    const began = performance.now()
    const { version } = findFiles(path)
    return { version, took: performance.now() - began }
  },
}))

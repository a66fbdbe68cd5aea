/** How to start this program again: the executable itself, or Bun with the entry file when run from source. */
import { resolve } from 'node:path'

const compiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN\\')

export function selfCommand(...args: string[]): string[] {
  return compiled ? [process.execPath, ...args] : [process.execPath, resolve(import.meta.dir, '../main.ts'), ...args]
}

/** How to start this program again: the executable itself, or Bun with the entry file when run from source. */
import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'

const compiled = import.meta.path.startsWith('/$bunfs/') || import.meta.path.startsWith('B:\\~BUN\\')

export function selfCommand(...args: string[]): string[] {
  return compiled ? [executable(), ...args] : [process.execPath, resolve(import.meta.dir, '../main.ts'), ...args]
}

const RUNNING = '/proc/self/exe'

/** An upgrade may have put another in its place, or taken it away: what runs is there under another name (on Linux). */
function executable(): string {
  try {
    return readlinkSync(RUNNING) === process.execPath ? process.execPath : RUNNING
  } catch {
    return process.execPath
  }
}

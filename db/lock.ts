import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { isDamaged } from '../src/lib/fault.ts'

/** Another Callgate uses the data directory, or what should lock it is no lock. */
export class DataDirLocked extends Error {
  override name = 'DataDirLocked'
}

/**
 * Holds a data directory for this process. The lock is SQLite's own on a file of its own: the system lets it go when the
 * process ends, however it ends, so that no stale lock is ever left behind.
 * @returns lets the lock go
 * @throws DataDirLocked
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = new Database(join(dataDir, 'lock'), { create: true, readwrite: true })
  try {
    lock.run('PRAGMA locking_mode = EXCLUSIVE')
    lock.run('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    const { code = '', message } = error as { code?: string; message: string }
    // one that is held is busy, whatever is in it: so nobody holds this one
    if (isDamaged(code))
      throw new DataDirLocked(
        `lock in ${dataDir} is damaged, or not Callgate's (${message}). Remove it: a new one is made, and nothing is lost.`,
      )
    if (code.startsWith('SQLITE_BUSY'))
      throw new DataDirLocked(`${dataDir} is in use by another Callgate. Stop it, or name another --data-dir.`)
    throw error
  }
  return () => lock.close()
}

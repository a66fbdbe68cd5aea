import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { Fault, isDamaged, shortOf } from '../lib/fault.ts'

export const dataMissing = (cause?: unknown): Fault =>
  new Fault(503, 'data_missing', 'The data of this endpoint is missing on this server.', { cause })

export const dataUnreadable = (cause: unknown): Fault =>
  new Fault(503, 'data_unreadable', 'The data of this endpoint cannot be read on this server.', { cause })

/** Whether data is missing or damaged: what is wrong then is this server, and not what is asked of it. */
export const isDataLost = (error: unknown): error is Fault =>
  error instanceof Fault && (error.code === 'data_missing' || error.code === 'data_unreadable')

/**
 * Where SQLite finds that a data file is damaged, cut off or none of ours: a refusal, whose cause tells the log which file it is and
 * what brings its rows back. undefined: the error is another.
 */
export function damaged(error: unknown, files: string[]): Fault | undefined {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string }
  if (!isDamaged(code) && !/^no such table: (d\d+\.)?(data|callgate_\w+)$/.test(message)) return undefined
  const which = files.map(file => basename(file)).join(' or ')
  const what = `${which} in the warehouse of the data directory is damaged (${message})`
  const remedy =
    'restore it from a backup, or replace the rows of its dataset: POST /api/datasets/{name}/refresh?force=true, or an upload with replace=true and force=true'
  return dataUnreadable(new Error(`${what}: ${remedy}`))
}

/** A data file that cannot be opened: it is missing, damaged, or somebody else's (restored by another user, say), or no more files can be. */
export const unopened = (error: unknown, file: string): Fault =>
  existsSync(file) ? (shortOf(error) ?? damaged(error, [file]) ?? dataUnreadable(error)) : dataMissing(error)

/** Whether a data file is there, opens as one and is as long as it says: what is wrong further inside is found by who reads it. */
export function isReadable(file: string): boolean {
  try {
    const db = new Database(file, { readonly: true })
    try {
      db.run('PRAGMA busy_timeout = 1000') // a live one may be taken up after a crash at the moment
      db.query('SELECT 1 FROM data LIMIT 1').get()
      return true
    } finally {
      db.close()
    }
  } catch {
    return false
  }
}

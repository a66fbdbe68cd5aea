/** What a file says of what was written to it: a live one, and an immutable one that was live. */
import { Database } from 'bun:sqlite'
import { damaged, isDataLost, unopened } from '../damage.ts'

/**
 * `callgate_state` in an immutable file, which keeps how often rows were written and the keys that were given: by another name, as
 * older executables make one of that name when such a file becomes a live one.
 */
export const WRITTEN = 'callgate_written'

/** What a live file knows of itself. */
export interface LiveState {
  /** the last batch that was kept */
  batch: number
  /** changes of rows since the file was made */
  writes: number
  rows: number
}

/** What a live file says of itself, before anybody writes to it. @throws Fault 503 `data_missing`, `data_unreadable` */
export function readState(file: string, table = 'callgate_state'): LiveState {
  let db: Database
  try {
    db = new Database(file, { readonly: true })
  } catch (error) {
    throw unopened(error, file)
  }
  try {
    db.run('PRAGMA busy_timeout = 1000')
    return db.query<LiveState, []>(`SELECT batch, writes, rows FROM ${table}`).get()!
  } catch (error) {
    throw damaged(error, [file]) ?? error
  } finally {
    db.close()
  }
}

/** Whether rows of an immutable file were written: then it was a live one, whose state it has. Of one that is damaged nobody knows. */
export function wasLive(file: string): boolean {
  try {
    return readState(file, WRITTEN).writes > 0
  } catch (error) {
    if (!isDataLost(error)) throw error
    return false
  }
}

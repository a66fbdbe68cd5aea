import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connectCatalog, isCatalog } from '../../db/connect.ts'
import { lockDataDir } from '../../db/lock.ts'
import { isDamaged } from '../lib/fault.ts'
import { withCompanions } from '../query/live-file.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { CommandError } from './command-error.ts'

/** SQLite opens no path beyond 504 bytes, and the names of tables' files take up to 80. */
const LONGEST_DATA_DIR = 400

/** Where in a data directory the files are that the catalog knows. */
export interface Folders {
  warehouse: string
  models: string
  uploads: string
}

/** Makes what is not there yet. @throws CommandError it cannot be written, or its catalog is gone. @throws DataDirLocked, NewerCatalog */
export function openDataDir(dataDir: string) {
  if (Buffer.byteLength(dataDir) > LONGEST_DATA_DIR)
    throw new CommandError(
      `The data directory's path is longer than ${LONGEST_DATA_DIR} bytes: ${dataDir}. Name another one with --data-dir.`,
    )
  const folders = {
    warehouse: join(dataDir, 'warehouse'),
    models: join(dataDir, 'models'),
    uploads: join(dataDir, 'uploads'),
  }
  try {
    for (const dir of [dataDir, ...Object.values(folders)]) mkdirSync(dir, { recursive: true, mode: 0o700 })
    const unlock = lockDataDir(dataDir)
    refuseToForget(dataDir, folders)
    return { folders, unlock, ...connectCatalog(dataDir) }
  } catch (error) {
    const { code = '', message, path } = error as { code?: string; message: string; path?: string }
    const why = code === 'EEXIST' ? `${path} is a file, or a link that leads to no directory` : message
    if (/^(E[A-Z]+$|SQLITE_(CANTOPEN|READONLY|PERM|FULL|IOERR))/.test(code))
      throw new CommandError(
        `The data directory ${dataDir} cannot be written (${why}). Name another one with --data-dir.`,
      )
    throw error
  }
}

/** Where the catalog is damaged, which may be found only further inside. undefined: the error is another. */
export function damagedCatalog(error: unknown, dataDir: string): CommandError | undefined {
  const { code = '', message } = error as { code?: string; message: string }
  if (!isDamaged(code)) return undefined
  return new CommandError(
    `catalog.db in ${dataDir} is damaged, or not Callgate's (${message}). Restore a backup, or name another --data-dir.`,
  )
}

/**
 * A new catalog knows none of the files that are there, and what the catalog does not know is removed at the start.
 * @throws CommandError
 */
function refuseToForget(dataDir: string, folders: Folders): void {
  if (Object.values(folders).every(folder => readdirSync(folder).length === 0)) return
  if (isCatalog(join(dataDir, 'catalog.db'))) return
  throw new CommandError(
    `catalog.db in ${dataDir} is missing or empty, and without it what is in warehouse, models and uploads there would be removed. Restore a backup, or name another --data-dir.`,
  )
}

/** What an earlier run left when it was killed half-way: files that the catalog does not know. */
export function removeLeftOvers(folders: Folders, files: Set<string>, artifacts: Set<string>): void {
  for (const [dir, known] of [
    [folders.warehouse, new Set([...files].flatMap(withCompanions))],
    [folders.models, artifacts],
    [folders.uploads, new Set<string>()],
  ] as const)
    for (const name of readdirSync(dir)) {
      if (known.has(name)) continue
      try {
        rmSync(join(dir, name), { recursive: true, force: true })
      } catch (error) {
        log.warn({ file: join(dir, name), ...errorFields(error) }, 'what an earlier run left could not be removed')
      }
    }
}

import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/bun-sqlite'
import { catalogVersion, migrate } from './migrate.ts'
import * as schema from './schema.ts'

export type Db = ReturnType<typeof drizzle<typeof schema>> & { $client: Database }

/**
 * Opens (and migrates) the catalog of a data directory. WAL with `synchronous=FULL`: what was acknowledged survives a
 * power cut. Transactions are synchronous functions only: an async one would not roll back.
 * @throws NewerCatalog
 */
export function connectCatalog(dataDir: string): { db: Db; applied: number[] } {
  const file = join(dataDir, 'catalog.db')
  const sqlite = new Database(file, { create: true, readwrite: true })
  sqlite.run('PRAGMA busy_timeout = 5000')
  sqlite.run('PRAGMA journal_mode = WAL')
  sqlite.run('PRAGMA synchronous = FULL')
  sqlite.run('PRAGMA foreign_keys = ON')
  const db = drizzle(sqlite, { schema }) as Db
  const applied = migrate(sqlite, file)
  return { db, applied }
}

/** Whether there is a catalog in a file. One that is being copied by SQLite when that is killed is empty once it is opened. */
export function isCatalog(file: string): boolean {
  if (!existsSync(file)) return false
  const sqlite = new Database(file, { create: false, readwrite: true })
  try {
    return catalogVersion(sqlite) > 0
  } finally {
    sqlite.close()
  }
}

/** Writes the WAL back into the file and closes it. */
export function closeCatalog(db: Db): void {
  db.$client.run('PRAGMA wal_checkpoint(TRUNCATE)')
  db.$client.close()
}

import type { Database } from 'bun:sqlite'
import { existsSync, renameSync, rmSync } from 'node:fs'
import init from './migrations/0001_init.sql' with { type: 'text' }
import datasetOrigin from './migrations/0002_dataset_origin.sql' with { type: 'text' }
import writableTables from './migrations/0003_writable_tables.sql' with { type: 'text' }
import deployments from './migrations/0005_deployments.sql' with { type: 'text' }
import datasetRefresh from './migrations/0006_dataset_refresh.sql' with { type: 'text' }
import engines from './migrations/0007_engines.sql' with { type: 'text' }
import sessions from './migrations/0008_sessions.sql' with { type: 'text' }
import usage from './migrations/0009_usage.sql' with { type: 'text' }

export interface Migration {
  number: number
  sql: string
}

/** In order; a number is never used twice and a migration that was released is never edited. (There never was a 4.) */
const MIGRATIONS: Migration[] = [
  { number: 1, sql: init },
  { number: 2, sql: datasetOrigin },
  { number: 3, sql: writableTables },
  { number: 5, sql: deployments },
  { number: 6, sql: datasetRefresh },
  { number: 7, sql: engines },
  { number: 8, sql: sessions },
  { number: 9, sql: usage },
]

/** The catalog was written by a newer Callgate than this one. */
export class NewerCatalog extends Error {
  override name = 'NewerCatalog'
}

/**
 * Brings the catalog to this executable's schema, all in one transaction. An existing file is copied beside itself first
 * (`catalog.db.before-N`); a file of a newer executable is refused untouched.
 * @returns the numbers that were applied
 * @throws NewerCatalog
 */
export function migrate(sqlite: Database, file: string, migrations: Migration[] = MIGRATIONS): number[] {
  const latest = migrations.at(-1)!.number
  const current = catalogVersion(sqlite)
  if (current > latest)
    throw new NewerCatalog(
      `${file} was written by a newer Callgate (schema ${current}; this one knows ${latest}). Run the newer executable, or restore a backup.`,
    )
  const pending = migrations.filter(m => m.number > current)
  if (pending.length === 0) return []
  if (current > 0) backup(sqlite, `${file}.before-${pending[0]!.number}`)
  // not drizzle's migrate(): where the disk is full SQLite has rolled back by itself, and its ROLLBACK then fails in place of that
  sqlite.transaction(() => {
    for (const { number, sql } of pending) {
      for (const statement of sql.split('--> statement-breakpoint')) sqlite.run(statement)
      sqlite.run(`PRAGMA user_version = ${number}`)
    }
  })()
  return pending.map(m => m.number)
}

/** The number of the last migration that was applied; 0: it is a new file. */
export const catalogVersion = (sqlite: Database): number =>
  (sqlite.query('PRAGMA user_version').get() as { user_version: number }).user_version

function backup(sqlite: Database, to: string): void {
  const building = `${to}.building`
  rmSync(building, { force: true })
  sqlite.query('VACUUM INTO ?').run(building)
  if (existsSync(to)) rmSync(to)
  renameSync(building, to)
}

/** How live files are made, and made immutable again, in the writing process. */
import { Database } from 'bun:sqlite'
import { constants, copyFileSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { sync } from '../../lib/file.ts'
import { identifier } from '../../lib/sql.ts'
import { sqliteType } from '../ingest/text-probe.ts'
import { allIndexesSql, tableSql } from '../ingest/write.ts'
import type { Making } from './job.ts'
import { WRITTEN } from './live-state.ts'
import { LIVE_SQL } from './live-store.ts'
import { givesKeys } from './view.ts'

/** What the engine knows of how often values occur: in a table that changes it would be wrong before long. */
const STATISTICS = ['sqlite_stat1', 'sqlite_stat4']

/** Makes the target whole, or leaves nothing of it. @returns how many rows it has */
export function makeLive({ target, source, columns, primaryKey, indexes }: Making): number {
  return building(target, path => {
    if (source) copyFileSync(source, path, constants.COPYFILE_FICLONE)
    const db = new Database(path, { readwrite: true, create: !source })
    try {
      db.run('PRAGMA synchronous = OFF') // an unfinished file is thrown away, and a finished one is synced
      if (!source) {
        const plans = columns.map(stored => ({ stored, sqlite: sqliteType(stored), select: '' }))
        const table = { columns: plans, indexes, ...(primaryKey ? { primaryKey } : {}) }
        for (const sql of [tableSql(table), ...allIndexesSql(table)]) db.run(sql)
      }
      for (const name of STATISTICS) db.run(`DROP TABLE IF EXISTS ${name}`)
      const wasLive = db.query('SELECT 1 FROM sqlite_schema WHERE name = ?').get(WRITTEN)
      if (wasLive) db.run(`ALTER TABLE ${WRITTEN} RENAME TO callgate_state`)
      for (const sql of LIVE_SQL) db.run(sql)
      const auto = givesKeys({ engine: 'sqlite', columns, primaryKey })
      const highest = auto ? `max(highest, (SELECT coalesce(max(${identifier(primaryKey![0]!)}), 0) FROM data))` : '0'
      db.run('INSERT INTO callgate_state SELECT 0, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM callgate_state)')
      db.run(`UPDATE callgate_state SET batch = 0, rows = (SELECT count(*) FROM data), highest = ${highest}`)
      db.run('PRAGMA journal_mode = WAL')
      return db.query<{ rows: number }, []>('SELECT rows FROM callgate_state').get()!.rows
    } finally {
      db.close()
    }
  })
}

/** Makes an immutable file of a live one, which nobody may write to meanwhile. @returns how many rows it has */
export function settleLive(source: string, target: string): number {
  return building(target, path => {
    const live = new Database(source, { readwrite: true, create: false })
    try {
      live.run('PRAGMA busy_timeout = 5000')
      live.query('VACUUM INTO ?').run(path)
    } finally {
      live.close()
    }
    const db = new Database(path, { readwrite: true, create: false })
    try {
      db.run('DROP TABLE callgate_replays')
      // an older executable, which leaves it there, may have made the live file
      db.run(`DROP TABLE IF EXISTS ${WRITTEN}`)
      db.run(`ALTER TABLE callgate_state RENAME TO ${WRITTEN}`)
      db.run('ANALYZE')
      db.run('PRAGMA journal_mode = DELETE')
      return db.query<{ n: number }, []>('SELECT count(*) AS n FROM data').get()!.n
    } finally {
      db.close()
    }
  })
}

function building<T>(target: string, make: (path: string) => T): T {
  const path = `${target}.building`
  const discard = () => {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
  }
  discard()
  try {
    const made = make(path)
    sync(path)
    renameSync(path, target)
    sync(dirname(target))
    return made
  } catch (error) {
    discard()
    throw error
  }
}

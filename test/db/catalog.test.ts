import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { closeCatalog, connectCatalog, type Db } from '../../db/connect.ts'
import { DataDirLocked, lockDataDir } from '../../db/lock.ts'
import { type Migration, migrate, NewerCatalog } from '../../db/migrate.ts'
import * as schema from '../../db/schema.ts'

let dir: string
let db: Db | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'callgate-db-'))
})
afterEach(() => {
  db?.$client.close()
  db = undefined
  rmSync(dir, { recursive: true, force: true })
})
const open = () => {
  const connected = connectCatalog(dir)
  db = connected.db
  return connected
}
/** The newest migration there is. */
const LATEST = Math.max(
  ...readdirSync(join(import.meta.dir, '../../db/migrations')).map(name => Number.parseInt(name, 10)),
)
const pragma = (name: string) => Object.values(db!.$client.query(`PRAGMA ${name}`).get() as object)[0]

describe('the schema in code is the database that the migrations make', () => {
  interface Described {
    columns: Record<string, { type: string; notNull: boolean; key: boolean; default: boolean }>
    unique: string[]
    foreignKeys: string[]
  }
  const fromCode = (): Record<string, Described> =>
    Object.fromEntries(
      Object.values(schema)
        .filter(table => table instanceof SQLiteTable)
        .map(table => {
          const { name, columns, primaryKeys, indexes, foreignKeys } = getTableConfig(table as SQLiteTable)
          const keyed = new Set(
            [...columns.filter(c => c.primary), ...primaryKeys.flatMap(k => k.columns)].map(c => c.name),
          )
          const unique = [
            ...columns.filter(c => c.isUnique).map(c => c.name),
            ...indexes
              .filter(i => i.config.unique)
              .map(i => i.config.columns.map(c => (c as { name: string }).name).join()),
          ]
          return [
            name,
            {
              columns: Object.fromEntries(
                columns.map(c => [
                  c.name,
                  {
                    type: c.getSQLType().toUpperCase(),
                    notNull: c.notNull && !c.primary,
                    key: keyed.has(c.name),
                    default: c.hasDefault && !c.primary,
                  },
                ]),
              ),
              unique: unique.sort(),
              foreignKeys: foreignKeys
                .map(key => key.reference())
                .map(r => `${r.columns[0]!.name} -> ${getTableConfig(r.foreignTable as SQLiteTable).name}`)
                .sort(),
            },
          ]
        }),
    )
  const fromDatabase = (): Record<string, Described> => {
    const all = <T>(sql: string) => db!.$client.query(sql).all() as T[]
    const tables = all<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    )
    return Object.fromEntries(
      tables.map(({ name }) => {
        const columns = all<{ name: string; type: string; notnull: number; pk: number; dflt_value: string | null }>(
          `PRAGMA table_info("${name}")`,
        )
        const unique = all<{ name: string; unique: number; origin: string }>(`PRAGMA index_list("${name}")`).filter(
          i => i.unique && i.origin !== 'pk',
        )
        return [
          name,
          {
            columns: Object.fromEntries(
              columns.map(c => [
                c.name,
                { type: c.type, notNull: c.notnull === 1, key: c.pk > 0, default: c.dflt_value !== null },
              ]),
            ),
            unique: unique
              .map(i =>
                all<{ name: string }>(`PRAGMA index_info("${i.name}")`)
                  .map(c => c.name)
                  .join(),
              )
              .sort(),
            foreignKeys: all<{ from: string; table: string; on_delete: string }>(`PRAGMA foreign_key_list("${name}")`)
              .map(k => {
                expect(k.on_delete).toBe('CASCADE')
                return `${k.from} -> ${k.table}`
              })
              .sort(),
          },
        ]
      }),
    )
  }

  test('every table, column, type, default, unique index and foreign key, in both directions', () => {
    open()
    const code = fromCode()
    expect(Object.keys(code).length).toBeGreaterThan(8)
    expect(fromDatabase()).toEqual(code)
  })
})

describe('a catalog', () => {
  test('is durable and whole: WAL, synchronous FULL, foreign keys', () => {
    open()
    expect([pragma('journal_mode'), pragma('synchronous'), pragma('foreign_keys'), pragma('busy_timeout')]).toEqual([
      'wal',
      2,
      1,
      5000,
    ])
    expect(() =>
      db!.$client.run("INSERT INTO tokens (user_id, name, hash, prefix, last4) VALUES (99, 'a', 'b', 'c', 'd')"),
    ).toThrow('FOREIGN KEY')
    expect(() => db!.$client.run("INSERT INTO roles (user_id, project_id, role) VALUES (1, 1, 'owner')")).toThrow(
      'CHECK',
    )
  })
  test('is migrated once; closing it writes everything into the one file', () => {
    expect(open().applied).toContain(LATEST)
    db!.$client.run("INSERT INTO projects (slug, name) VALUES ('a', 'A')")
    closeCatalog(db!)
    const copied = join(dir, 'copied')
    mkdirSync(copied)
    copyFileSync(join(dir, 'catalog.db'), join(copied, 'catalog.db')) // without what stands beside it
    const alone = connectCatalog(copied).db
    expect(alone.select().from(schema.projects).all()).toMatchObject([{ slug: 'a', name: 'A' }])
    alone.$client.close()
    expect(open().applied).toEqual([])
    expect(db!.select().from(schema.projects).all()).toMatchObject([{ slug: 'a', name: 'A' }])
    expect(readdirSync(dir).filter(name => name.includes('before'))).toEqual([])
  })
  test('of a newer Callgate is refused and left as it is', () => {
    open()
    db!.$client.run(`PRAGMA user_version = ${LATEST + 1}`)
    closeCatalog(db!)
    db = undefined
    const before = readFileSync(join(dir, 'catalog.db'))
    const refusal = () => connectCatalog(dir)
    expect(refusal).toThrow(NewerCatalog)
    expect(refusal).toThrow(`schema ${LATEST + 1}; this one knows ${LATEST}`)
    expect(readFileSync(join(dir, 'catalog.db')).equals(before)).toBe(true)
  })
  describe('of an older Callgate', () => {
    const next = (sql: string): Migration[] => [{ number: LATEST + 1, sql }]
    const raise = (sql: string) => migrate(db!.$client, join(dir, 'catalog.db'), next(sql))
    const version = (file = db!.$client) =>
      (file.query('PRAGMA user_version').get() as { user_version: number }).user_version
    beforeEach(() => {
      open()
      db!.$client.run("INSERT INTO projects (slug, name) VALUES ('kept', 'K')")
    })

    test('is copied beside itself as it was, then migrated', () => {
      const sql =
        "ALTER TABLE projects ADD COLUMN extra TEXT\n--> statement-breakpoint\nUPDATE projects SET extra = 'new'"
      expect(raise(sql)).toEqual([LATEST + 1])
      expect(version()).toBe(LATEST + 1)
      expect(db!.$client.query('SELECT slug, extra FROM projects').all()).toEqual([{ slug: 'kept', extra: 'new' }])
      const copy = new Database(join(dir, `catalog.db.before-${LATEST + 1}`), { readonly: true })
      expect(version(copy)).toBe(LATEST)
      expect(copy.query('SELECT slug FROM projects').all()).toEqual([{ slug: 'kept' }])
      expect(() => copy.query('SELECT extra FROM projects').all()).toThrow('no such column')
      copy.close()
    })
    test('and left whole when a migration fails half-way', () => {
      expect(() => raise('ALTER TABLE projects ADD COLUMN extra TEXT\n--> statement-breakpoint\nNONSENSE')).toThrow()
      expect(version()).toBe(LATEST)
      expect(() => db!.$client.query('SELECT extra FROM projects').all()).toThrow('no such column')
      expect(raise('ALTER TABLE projects ADD COLUMN extra TEXT')).toEqual([LATEST + 1])
      expect(readdirSync(dir).filter(name => name.endsWith('.building'))).toEqual([])
    })
  })
})

describe('the lock of a data directory', () => {
  const script = (wait: boolean) => `
    import { lockDataDir } from ${JSON.stringify(join(import.meta.dir, '../../db/lock.ts'))}
    try { lockDataDir(process.argv[1] ?? process.argv.at(-1)); console.log('held') } catch (error) { console.log(error.name, error.message) }
    ${wait ? 'await Bun.sleep(60000)' : ''}`
  const start = (wait = false) =>
    Bun.spawn([process.execPath, '-e', script(wait), dir], { stdout: 'pipe', stderr: 'inherit' })
  const said = async (child: ReturnType<typeof start>) =>
    (await new Response(child.stdout as ReadableStream).text()).trim()

  test('is held by one process, in the same or in another one, and says so', async () => {
    const unlock = lockDataDir(dir)
    expect(() => lockDataDir(dir)).toThrow(DataDirLocked)
    expect(await said(start())).toBe(
      `DataDirLocked ${dir} is in use by another Callgate. Stop it, or name another --data-dir.`,
    )
    unlock()
    expect(await said(start())).toBe('held')
  })
  test('ends with its process, however that ends', async () => {
    const child = start(true)
    const reader = (child.stdout as ReadableStream<Uint8Array>).getReader()
    expect(new TextDecoder().decode((await reader.read()).value).trim()).toBe('held')
    expect(() => lockDataDir(dir)).toThrow(DataDirLocked)
    child.kill('SIGKILL')
    await child.exited
    lockDataDir(dir)()
  })
  test('leaves other directories alone', () => {
    const other = join(dir, 'other')
    mkdirSync(other)
    const unlock = lockDataDir(dir)
    const unlockOther = lockDataDir(other)
    unlock()
    expect(() => lockDataDir(other)).toThrow(DataDirLocked)
    unlockOther()
  })
})

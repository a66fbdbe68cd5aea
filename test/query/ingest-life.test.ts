import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { importFile } from '../../src/query/ingest/import.ts'
import { workshop } from './ingest-fixture.ts'

const { dir, write, parquet, take, refusal, list, remove } = workshop()
afterAll(remove)

const scratchDir = join(dir, 'scratch')
const ROWS = 200_000
const large = () => parquet('large.parquet', `SELECT range AS id, 'name ' || hash(range) AS name FROM range(${ROWS})`)

/** What is in the schema, and whether SQLite finds the file in order. */
function inspect(path: string) {
  const db = new Database(path, { readonly: true })
  const schema = db.query<{ sql: string }, []>('SELECT sql FROM sqlite_master WHERE sql IS NOT NULL').all()
  const check = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').get()?.integrity_check
  db.close()
  return { schema: schema.map(row => row.sql).filter(sql => !sql.includes('sqlite_stat')), check }
}

test('a key of one integer column is the rowid; other keys and indexes are indexes; the file order stays', async () => {
  const path = await write('keys.csv', 'id,"na ""me",x\n3,c,1\n1,b,2\n2,a,3\n')
  const byId = await take(path, { primaryKey: 'id', indexes: [['na "me'], ['x', 'id']] })
  expect(inspect(byId.target)).toEqual({
    check: 'ok',
    schema: [
      'CREATE TABLE data ("id" INTEGER PRIMARY KEY, "na ""me" TEXT, "x" INTEGER) STRICT',
      'CREATE INDEX data_1 ON data ("na ""me")',
      'CREATE INDEX data_2 ON data ("x", "id")',
    ],
  })
  const byName = await take(path, { primaryKey: ['na "me'] })
  expect(inspect(byName.target).schema[1]).toBe('CREATE UNIQUE INDEX data_key ON data ("na ""me")')
  expect(byName.rows.map(row => row.id)).toEqual([3, 1, 2])
  expect(byName.primaryKey).toEqual(['na "me'])
})

test('rows keep the order of the file, and messages count in it, whatever types are declared', async () => {
  const path = await parquet(
    'groups.parquet',
    "SELECT range AS n, range::VARCHAR AS f, (range % 2)::VARCHAR AS b, if(range = 11000, 'x', '1') AS bad FROM range(12000)",
    'ROW_GROUP_SIZE 2048',
  )
  for (let i = 0; i < 3; i++) {
    const { rows } = await take(path, { types: { f: 'float', b: 'boolean' } })
    expect(rows.findIndex((row, at) => row.n !== at)).toBe(-1)
    const { message } = await refusal(path, { types: { f: 'float', bad: 'boolean' } })
    expect(message).toBe('row 11001, column bad: not a boolean')
  }
})

test('a key is chosen: id first, else the first unique column without nulls, else none', async () => {
  const chosen = async (csv: string) => (await take(await write('choose.csv', csv), { chooseKey: true })).primaryKey
  expect(await chosen('name,ID,x\na,1,\nb,2,\n')).toEqual(['ID'])
  expect(await chosen('a,b,c\n1,,x\n1,2,y\n')).toEqual(['c'])
  expect(await chosen('a,b\n1,2.5\n1,3.5\n')).toBeUndefined()
  expect((await take(await write('choose.csv', 'id\n1\n'))).primaryKey).toBeUndefined()
})

test('progress is told, from reading to finishing, and grows', async () => {
  const told: { rows: number; fraction?: number; phase: string }[] = []
  const target = join(dir, 'out', 'progress.db')
  const result = await importFile(
    { source: await large(), format: 'parquet', target, scratchDir, primaryKey: 'id' },
    p => told.push(p),
  )
  expect(result).toMatchObject({ rowCount: ROWS, primaryKey: ['id'] })
  expect(result.sha256).toBe(new Bun.CryptoHasher('sha256').update(await Bun.file(await large()).bytes()).digest('hex'))
  expect([told[0]!.phase, told.at(-1)!.phase]).toEqual(['reading', 'finishing'])
  expect(told.some(({ phase, rows }) => phase === 'writing' && rows > 0 && rows < ROWS)).toBe(true)
  const fractions = told.map(({ fraction }) => fraction!)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
  expect(list('scratch')).toEqual([])
})

/** The import's own process, told by its working directory. */
const childPid = () =>
  readdirSync('/proc').find(pid => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(scratchDir)
    } catch {
      return false
    }
  })

test('a killed import leaves nothing, and what a killed server left is cleared by the next one', async () => {
  const target = join(dir, 'out', 'killed.db')
  const request = { source: await large(), format: 'parquet', target, scratchDir } as const
  let killed = false
  const running = importFile(request, ({ phase }) => {
    if (phase !== 'writing' || killed) return
    killed = true
    expect(existsSync(`${target}.building`)).toBe(true)
    process.kill(Number(childPid()), 'SIGKILL')
  })
  expect(await running.catch(error => error)).toMatchObject({ status: 503 })
  expect(killed).toBe(true)
  expect([list('out').filter(name => name.startsWith('killed')), list('scratch')]).toEqual([[], []])

  await Bun.write(`${target}.building`, 'half a table')
  await Bun.write(`${target}.building-journal`, 'and its journal')
  expect((await importFile(request)).rowCount).toBe(ROWS)
  expect(list('out').filter(name => name.startsWith('killed'))).toEqual(['killed.db'])
  expect(inspect(target).check).toBe('ok')
})

test('an import whose process does not start, or ends as it does, is 503 and leaves nothing', async () => {
  const [path, { execPath }] = [await write('start.csv', 'a\n1\n'), process]
  try {
    for (const program of ['/bin/false', join(dir, 'none')]) {
      process.execPath = program
      expect(await refusal(path)).toMatchObject({ status: 503, left: [] })
    }
  } finally {
    process.execPath = execPath
  }
})

test('an aborted import rejects with the reason and leaves nothing', async () => {
  const target = join(dir, 'out', 'aborted.db')
  const request = { source: await large(), format: 'parquet', target, scratchDir } as const
  const aborting = new AbortController()
  const running = importFile(
    request,
    ({ phase }) => phase === 'writing' && aborting.abort(new Error('enough')),
    aborting.signal,
  )
  expect((await running.catch(error => error)).message).toBe('enough')
  expect((await importFile(request, undefined, aborting.signal).catch(error => error)).message).toBe('enough')
  expect([list('out').filter(name => name.startsWith('aborted')), list('scratch')]).toEqual([[], []])
})

test('a file name with quotes and patterns means that file only', async () => {
  await write('a1.csv', 'a\n1\n')
  const path = await write("it's a[1]*?.csv", 'a\n2\n')
  expect((await take(path)).rows).toEqual([{ a: 2 }])
})

test('an existing target is never overwritten', async () => {
  const path = await write('once.csv', 'a\n1\n')
  const { target } = await take(path)
  await expect(importFile({ source: path, format: 'csv', target, scratchDir })).rejects.toThrow('exists already')
  expect(inspect(target).check).toBe('ok')
})

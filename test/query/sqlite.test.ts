import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { SqliteReader } from '../../src/query/engines/sqlite/reader.ts'
import { makeDataset } from './table-fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'callgate-sqlite-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const columns = [{ name: 'id', type: 'integer' as const }]
const files = Array.from(
  { length: 100 },
  (_, i) => makeDataset(dir, { name: `m.t${i}`, columns, rows: [[i]], primaryKey: ['id'] }).file,
)
const read = (reader: SqliteReader, i: number) =>
  reader.all({ sql: 'SELECT id FROM d0.data', sources: [files[i]!], bigints: false }, [])
/** Which of the files this process has open. */
const open = () =>
  readdirSync('/proc/self/fd')
    .flatMap(fd => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)]
      } catch {
        return []
      }
    })
    .filter(path => path.startsWith(dir))
    .map(path => files.findIndex(file => basename(file) === basename(path)))
    .sort((a, b) => a - b)

describe.skipIf(process.platform !== 'linux')('connections', () => {
  test('a hundred datasets that are read in turn stay open, until they are released', () => {
    const reader = new SqliteReader()
    for (let i = 0; i < files.length; i++) expect(read(reader, i)).toEqual([{ id: i }])
    expect(open()).toEqual(files.map((_, i) => i))
    for (const file of files.slice(1)) reader.release(file)
    expect(open()).toEqual([0])
    reader.close()
    expect(open()).toEqual([])
  })

  test('beyond the most that are kept open, the one that was not used for longest is closed', () => {
    const reader = new SqliteReader({ connections: 3 })
    for (const i of [0, 1, 2, 0, 3]) expect(read(reader, i)).toEqual([{ id: i }])
    expect(open()).toEqual([0, 2, 3])
    for (const i of [2, 0, 0, 4]) expect(read(reader, i)).toEqual([{ id: i }])
    expect(open()).toEqual([0, 2, 4])
    reader.close()
  })
})

/** Writes and the process that makes them: what becomes of those that wait for it when it is stuck, or ends. */
import { Database } from 'bun:sqlite'
import { afterAll, afterEach, expect, setDefaultTimeout, setSystemTime, test } from 'bun:test'
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Column } from '../../../src/catalog/column.ts'
import { wasLive } from '../../../src/query/write/live-state.ts'
import type { WriteView } from '../../../src/query/write/view.ts'
import { Writer } from '../../../src/query/write/writer.ts'
import { waitFor } from '../../harness.ts'
import { workersOf } from '../../life/processes.ts'
import { refusal } from '../table-fixture.ts'

setDefaultTimeout(180_000)
const dir = mkdtempSync(join(tmpdir(), 'callgate-writer-'))
let writer: Writer
let files = 0
afterEach(async () => {
  await writer.close()
  await waitFor(() => workersOf(process.pid, 'write').length === 0 || undefined)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const columns: Column[] = ['id', 'n'].map(name => ({
  name,
  type: 'integer',
  nullable: name === 'n',
  sensitivity: 'low',
}))
const view: WriteView = {
  engine: 'sqlite',
  seen: columns.map(column => ({ column, treatment: 'raw' })),
  hidden: [],
  unreachable: [],
  key: { columns: [columns[0]!], raw: true, auto: true },
  scope: [],
}
const body = new TextEncoder().encode('{"n":1}')

async function table(): Promise<string> {
  const target = join(dir, `${++files}.live.sqlite`)
  await writer.make({ target, columns, primaryKey: ['id'], indexes: [] })
  return target
}
const add = (file: string, deadline = performance.now() + 100_000) =>
  writer.submit(file, { view, write: { op: 'insert', body }, deadline })
const pid = () => workersOf(process.pid, 'write')[0]!.pid

/** A table that was written to, and the process that did it, which is stopped. */
async function stopped(): Promise<{ file: string; process: number }> {
  writer = new Writer(new Uint8Array(32))
  const file = await table()
  await add(file)
  process.kill(pid(), 'SIGSTOP')
  return { file, process: pid() }
}

test('a write ends at its deadline though the process is asked something else before it, and is stuck', async () => {
  writer = new Writer(new Uint8Array(32))
  const [known, unknown] = [await table(), await table()]
  await add(known)
  const stuck = pid()
  process.kill(stuck, 'SIGSTOP')
  expect(await refusal(() => add(unknown, performance.now() + 200))).toMatchObject({
    status: 504,
    code: 'deadline_passed',
  })
  // and another takes its place
  expect((await add(unknown)).outcome).toMatchObject({ status: 201, id: '1' })
  expect(pid()).not.toBe(stuck)
})

test('a large body for a database is read until its deadline, and no longer', async () => {
  const { process: stuck } = await stopped()
  const read = () => writer.readForDatabase({ op: 'insert', body }, view, performance.now() + 200)
  expect(await refusal(read)).toMatchObject({ status: 504, code: 'deadline_passed' })
  process.kill(stuck, 'SIGCONT')
})

test('a write that comes after its deadline is not made, and ends no process that others write with', async () => {
  writer = new Writer(new Uint8Array(32))
  const file = await table()
  await add(file)
  const before = pid()
  for (let i = 0; i < 3; i++) expect((await refusal(() => add(file, performance.now() - 1))).status).toBe(504)
  expect((await add(file)).outcome).toMatchObject({ id: '2' })
  expect(pid()).toBe(before)
})

test('a write that waits has its time, though the clock is set on meanwhile', async () => {
  const { file, process: slow } = await stopped()
  const written = [add(file), add(file)]
  setSystemTime(Date.now() + 3_600_000)
  try {
    process.kill(slow, 'SIGCONT')
    expect((await Promise.all(written)).map(({ outcome }) => outcome.status)).toEqual([201, 201])
  } finally {
    setSystemTime()
  }
})

test('a process that is a moment over the deadline of a write is not taken for stuck', async () => {
  const { file, process: slow } = await stopped()
  const deadline = performance.now() + 500
  const written = add(file, deadline)
  await waitFor(() => performance.now() > deadline + 20 || undefined)
  process.kill(slow, 'SIGCONT')
  expect((await written).outcome).toMatchObject({ status: 201, id: '2' })
  expect(pid()).toBe(slow)
})

test('a write whose process ends is not made again in a table that was deleted meanwhile', async () => {
  const { file, process: lost } = await stopped()
  const written = refusal(() => add(file))
  await new Promise(setImmediate) // it is on its way
  const retired = writer.retire(file)
  process.kill(lost, 'SIGKILL')
  expect((await written).message).toBe('The table was just replaced; try again.')
  await retired
})

test('answers that were kept are no longer those of a table of which nobody knows whether it was changed', async () => {
  const { file, process: lost } = await stopped()
  const version = writer.version(file)
  const written = refusal(() => add(file))
  await new Promise(setImmediate)
  renameSync(file, `${file}.away`)
  process.kill(lost, 'SIGKILL')
  expect(await written).toMatchObject({ status: 503, message: 'The writing process was lost.' })
  expect(writer.version(file)).not.toBe(version)
  renameSync(`${file}.away`, file)
})

test.each([
  ['was made is told so', 1, false, 'answer_lost'],
  ['was refused is refused again, or made', 0, false, 201],
  ['was made with an Idempotency-Key is answered as it was', 1, true, 200],
])('a write whose process ends when it is kept, and that %s', async (_what, writes, replay, expected) => {
  const { file, process: lost } = await stopped()
  const key = replay ? { replay: { id: 'a', fingerprint: 'f', policy: 'p' } } : {}
  const answer = writer.submit(file, {
    view,
    write: { op: 'insert', body },
    deadline: performance.now() + 100_000,
    ...key,
  })
  await new Promise(setImmediate) // it is on its way
  // as the process would have left it
  const db = new Database(file)
  db.run('UPDATE callgate_state SET batch = batch + 1, writes = writes + ?', [writes])
  const kept = JSON.stringify({ outcome: { status: 200 } })
  if (replay) db.run(`INSERT INTO callgate_replays VALUES ('a', 'f', 'p', ?, ?)`, [Date.now(), kept])
  db.close()
  process.kill(lost, 'SIGKILL')
  const told: unknown = await answer.then(
    ({ outcome }) => outcome.status,
    error => error.code,
  )
  expect(told).toBe(expected)
})

test('an older executable can make a live file of a table that was written to, and this one again', async () => {
  writer = new Writer(new Uint8Array(32))
  const [file, settled, again] = [await table(), join(dir, 'settled.sqlite'), join(dir, 'again.sqlite')]
  await add(file)
  await writer.settle(file, settled)
  expect(wasLive(settled)).toBe(true)
  const older = join(dir, 'older.live.sqlite')
  copyFileSync(settled, older)
  const db = new Database(older)
  for (const sql of [
    'CREATE TABLE callgate_state (batch INTEGER, writes INTEGER, rows INTEGER, highest INTEGER) STRICT',
    'CREATE TABLE callgate_replays (id TEXT PRIMARY KEY, fingerprint BLOB, policy BLOB, at INTEGER, answer BLOB) STRICT',
    'INSERT INTO callgate_state VALUES (0, 0, 1, 1)',
    'PRAGMA journal_mode = WAL',
  ])
    db.run(sql)
  db.close()
  await add(older)
  await writer.settle(older, again)
  expect(wasLive(again)).toBe(true)
  const target = join(dir, 'newest.live.sqlite')
  await writer.make({ target, source: again, columns, primaryKey: ['id'], indexes: [] })
  expect((await add(target)).outcome).toMatchObject({ status: 201, id: '3' })
})

/** Files on their way in: what they may take of the machine, and what is remembered of them. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Of } from '../../src/lib/digest.ts'
import type { Fault } from '../../src/lib/fault.ts'
import type { ManagementContext } from '../../src/management/context.ts'
import { sourceHash as hashOf, stageModel, stageTable } from '../../src/management/intake.ts'
import { configureRuntime } from '../../src/workers/native.ts'
import { cleanUp, temporaryFolder } from '../harness.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
const dirs = { warehouse: join(folder, 'warehouse'), models: join(folder, 'models'), uploads: join(folder, 'uploads') }
for (const dir of Object.values(dirs)) mkdirSync(dir)
configureRuntime(join(folder, 'runtime'))
afterAll(cleanUp)

/** As much of a context as taking files in needs. */
const context = {
  uploadsDir: dirs.uploads,
  publisher: { registry: { runtime: { warehouseDir: dirs.warehouse, modelsDir: dirs.models } }, discardArtifact() {} },
} as unknown as ManagementContext

function table(name: string, rows = 2000): string {
  const path = join(folder, name)
  writeFileSync(path, `id,text\n${Array.from({ length: rows }, (_, i) => `${i},${name}`).join('\n')}\n`)
  return path
}

test('at most two imports run at a time, and one that is given up while it waits never begins', async () => {
  // each takes longer than another process needs to start, so that as many as may do run together
  const rows = 300_000
  const active = new Set<number>()
  let most = 0
  const begin = (i: number, signal?: AbortSignal) =>
    stageTable(
      context,
      { path: table(`${i}.csv`, rows) },
      () => {
        active.add(i)
        most = Math.max(most, active.size)
      },
      signal,
    ).finally(() => active.delete(i))
  const leaving = new AbortController()
  const imports = [0, 1, 2, 3].map(i => begin(i))
  const left = begin(4, leaving.signal)
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  expect((await Promise.all(imports)).map(({ rowCount }) => rowCount)).toEqual([rows, rows, rows, rows])
  expect(most).toBe(2)
  expect(readdirSync(dirs.warehouse)).toHaveLength(4)
})

test('a file that changes while it is imported is not taken for imported', async () => {
  const path = table('changing.csv')
  const tableHash = async () => hashOf({ path }, await sha256Of(path))
  const before = await tableHash()
  const { sourceHash } = await stageTable(context, { path }, ({ phase }) => {
    if (phase === 'finishing') renameSync(table('changed.csv'), path)
  })
  expect(sourceHash).toBe(before)
  expect(await tableHash()).not.toBe(before)
  expect((await stageTable(context, { path })).sourceHash).toBe(await tableHash())
})

test('a large model file is taken in without being read into this process', async () => {
  const path = join(folder, 'large.onnx')
  writeFileSync(path, 'no model')
  truncateSync(path, 256 * 2 ** 20)
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  let most = before
  const watching = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 2)
  const fault = (await stageModel(context, path, { name: 'large' }).catch(error => error)) as Fault
  clearInterval(watching)
  expect([fault.status, fault.code]).toEqual([422, 'model_unusable'])
  expect((most - before) / 2 ** 20).toBeLessThan(128)
  expect(readdirSync(dirs.models)).toEqual([])
})

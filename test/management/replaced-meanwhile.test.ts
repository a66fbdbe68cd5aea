/** A change of a dataset is of the dataset that was looked at: what came meanwhile is not undone by it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { projectId, uploadTable } from '../console/data.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { begun, sent } from './slow-body.ts'

setDefaultTimeout(180_000)
let callgate: Callgate
let garden: number
const admin = (method: string, path: string, body?: unknown) =>
  callgate.admin(method, path, body, { 'x-project-id': String(garden) })
const upload = (name: string, csv: string, fields: Record<string, string> = {}) =>
  uploadTable(callgate, garden, name, csv, fields)
/** The process that does so, as soon as there is one, in the middle of it until it is let go on. */
async function stopped(kind: 'import' | 'write'): Promise<{ goOn(): void }> {
  const pid = await waitFor(() => workersOf(callgate.process.pid, kind)[0]?.pid)
  process.kill(pid, 'SIGSTOP')
  return { goOn: () => process.kill(pid, 'SIGCONT') }
}
const large = (rows: number) => ['bed,owner', ...Array.from({ length: rows }, (_, i) => `${i},${i * 7}`)].join('\n')

beforeAll(async () => {
  callgate = await startCallgate({
    flags: ['--scoring-workers', '1'],
    manifest: { projects: [{ slug: 'garden', name: 'Garden' }] },
  })
  garden = await projectId(callgate, 'garden')
})
afterAll(cleanUp)

test('a table becomes writable, and is settled again, as it is when the body has come', async () => {
  for (const writable of [true, false]) {
    const name = `marts.turned_${writable}`
    await upload(name, 'bed\n1', { writable: String(!writable) })
    const change = sent('PATCH', `/api/datasets/${name}`, { writable })
    const end = await begun(callgate.url, change, { token: callgate.adminToken, project: garden })
    await Bun.sleep(300) // until the server has read the head
    await upload(name, 'bed,owner\n1,2\n3,4', { replace: 'true', writable: String(!writable) })
    expect(await end()).toBe(200)
    const { json } = await admin('GET', `/api/datasets/${name}`)
    expect([json.writable, json.row_count, json.columns.length]).toEqual([writable, 2, 2])
    expect((await admin('GET', `/api/datasets/${name}/preview`)).json.rows).toHaveLength(2)
  }
})

test('an upload does not take the place of files in place that others took the place of', async () => {
  const folder = temporaryFolder()
  const files = (file: string, csv: string, fields: object = {}) => {
    writeFileSync(join(folder, file), csv)
    return admin('POST', '/api/datasets', {
      name: 'marts.files',
      engine: 'duckdb',
      from: join(folder, file),
      ...fields,
    })
  }
  await files('one.csv', 'one\n1\n')
  const uploading = upload('marts.files', large(500_000), { replace: 'true', upload_id: 'the-upload' })
  await waitFor(async () => (await admin('GET', '/api/datasets/file/upload/the-upload')).status === 200 || undefined)
  const { goOn } = await stopped('import')
  expect((await files('two.csv', 'two\n1\n', { replace: true })).status).toBe(201)
  goOn()
  expect((await uploading).status).toBe(409)
  const { json } = await admin('GET', '/api/datasets/marts.files')
  expect([json.engine, json.columns[0].name]).toEqual(['duckdb', 'two'])
})

test('a column that is changed while its table is settled stays as it was changed', async () => {
  const columns = JSON.stringify({ owner: { sensitivity: 'medium', mask: 'last4' } })
  await upload('marts.large', large(500_000), { writable: 'true', columns })
  const settling = admin('PATCH', '/api/datasets/marts.large', { writable: false })
  const warehouse = join(callgate.dataDir, 'warehouse')
  await waitFor(() => readdirSync(warehouse).some(file => file.includes('.building')) || undefined)
  const { goOn } = await stopped('write')
  const policy = { owner: { mask: 'hash' }, bed: { nullable: true } }
  expect((await admin('PATCH', '/api/datasets/marts.large', { columns: policy })).status).toBe(200)
  goOn()
  expect((await settling).status).toBe(409)
  const { json } = await admin('GET', '/api/datasets/marts.large')
  expect([json.writable, json.columns[0].nullable, json.columns[1].mask]).toEqual([true, true, 'hash'])
  expect((await admin('PATCH', '/api/datasets/marts.large', { writable: false })).status).toBe(200)
  const settled = (await admin('GET', '/api/datasets/marts.large')).json
  expect([settled.writable, settled.columns[0].nullable, settled.columns[1].mask]).toEqual([false, true, 'hash'])
})

test('a function that waits while rows are read again is answered from the new ones', async () => {
  const asked = Promise.withResolvers<void>()
  const going = Promise.withResolvers<void>()
  const far = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch() {
      asked.resolve()
      await going.promise
      return new Response('on')
    },
  })
  const at = `localhost:${far.port}`
  const from = join(temporaryFolder(), 'beds.csv')
  writeFileSync(from, 'bed\n1\n')
  const GARDEN_KEY = mintSecret('dk')
  const beds = { id: 'beds', kind: 'sql', query: { source: { schema: 'marts', table: 'beds' } } }
  const waits = {
    id: 'waits',
    kind: 'function',
    handler: `export default async (_, host) => {
      await host.fetch('http://${at}/')
      return (await host.call('beds')).count
    }`,
    grants: { fetch: [at], endpoints: ['beds'] },
  }
  const server = await startCallgate({
    flags: ['--scoring-workers', '1', '--function-networks', '127.0.0.0/8'],
    env: { GARDEN_KEY },
    manifest: {
      projects: [
        {
          slug: 'garden',
          datasets: [{ name: 'marts.beds', from, primary_key: 'bed' }],
          services: [
            {
              key: 'garden',
              publish: true,
              endpoints: [beds, waits],
              keys: [{ name: 'all', secret_env: 'GARDEN_KEY', masking_level: 'unmasked' }],
            },
          ],
        },
      ],
    },
  })
  const warehouse = () => readdirSync(join(server.dataDir, 'warehouse'))
  const before = warehouse()
  const answer = server.call('/api/service/garden/waits', { method: 'POST', key: GARDEN_KEY, body: {} })
  await asked.promise
  writeFileSync(from, 'bed\n1\n2\n')
  expect((await server.admin('POST', '/api/datasets/marts.beds/refresh')).json.refreshed).toBe(true)
  await waitFor(() => warehouse().every(file => !before.includes(file)) || undefined) // the old ones are gone
  going.resolve()
  const { status, json } = await answer
  expect([status, json]).toEqual([200, 2])
  await far.stop(true)
})

/** What was published and no longer compiles, as after an update that has become stricter. */
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder } from '../harness.ts'

setDefaultTimeout(180_000)

const file = join(import.meta.dir, '../conformance/porter/models/iris_logreg.onnx')
const echo = { kind: 'function', handler: 'export default ({ body }) => body' }
const row = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const body = [{ id: 1, ...row }]
const env = { KEY: mintSecret('dk') }
const dataDir = join(temporaryFolder(), 'data')
let callgate: Callgate
afterAll(cleanUp)

beforeAll(async () => {
  const endpoints = [
    { id: 'iris', kind: 'model', model: 'iris', porter: { path: '/iris/prediction' } },
    { id: 'whole', kind: 'model', model: 'iris' },
    { id: 'echo', ...echo, porter: { path: '/echo' } },
    { id: 'again', ...echo, porter: { path: '/again' } },
  ]
  const keys = [{ name: 'k', secret_env: 'KEY' }]
  const models = [{ name: 'iris', versions: [{ version: 1, file, features: Object.keys(row) }] }]
  const services = [
    { key: 's', publish: true, public: true, endpoints },
    {
      key: 't',
      publish: true,
      endpoints: [{ id: 'iris', kind: 'model', model: 'iris', porter: { path: '/t' } }],
      keys,
    },
  ]
  const first = await startCallgate({ dataDir, env, manifest: { projects: [{ slug: 'p', models, services }] } })
  expect((await first.call('/iris/prediction', { method: 'POST', body })).status).toBe(200)
  expect(await first.stop()).toBe(0)
  const catalog = new Database(join(dataDir, 'catalog.db'))
  const { config } = catalog.query("SELECT published_config AS config FROM assets WHERE asset_key = 's'").get() as {
    config: string
  }
  const published = JSON.parse(config)
  for (const endpoint of published.endpoints) {
    if (endpoint.id === 'iris') endpoint.schema = { type: 'nothing' }
    if (endpoint.id === 'echo') endpoint.response_schema = { type: 'nothing' }
  }
  catalog.run("UPDATE assets SET published_config = ? WHERE asset_key = 's'", [JSON.stringify(published)])
  catalog.close()
  callgate = await startCallgate({ dataDir, env })
})

const says = expect.stringContaining('cannot be served as it was published')

test.each([
  ['POST', '/api/service/s/iris', body],
  ['POST', '/iris/prediction', body],
  ['GET', '/iris/prediction', undefined],
  ['GET', '/v2/models/iris', undefined],
  ['POST', '/v2/models/iris/infer', { inputs: [] }],
  ['GET', '/v1/models/s.iris', undefined],
])('it answers 503 at every door, and not that there is none: %s %s', async (method, path, sent) => {
  const answer = await callgate.call(path, { method, body: sent as object })
  expect([answer.status, answer.text]).toEqual([503, says])
  expect(answer.headers.get('retry-after')).toBe('60')
})

test('so does a function', async () => {
  for (const path of ['/api/service/s/echo', '/echo']) {
    const answer = await callgate.call(path, { method: 'POST', body: {} })
    expect([path, answer.status, answer.text]).toEqual([path, 503, says])
  }
})

test('the others of its service are served', async () => {
  const scored = await callgate.call('/api/service/s/whole', { method: 'POST', body: { features: row } })
  expect([scored.status, scored.json.predictions?.length ?? scored.text]).toEqual([200, 1])
  expect((await callgate.call('/again', { method: 'POST', body: { a: 1 } })).json).toMatchObject({ a: 1 })
  expect((await callgate.call('/v2/models/whole')).status).toBe(200)
})

test('nobody else gets its porter path meanwhile', async () => {
  const [project] = (await callgate.admin('GET', '/api/projects')).json.items
  const scope = { 'x-project-id': String(project.project_id) }
  const endpoints = [{ id: 'mine', ...echo, porter: { path: '/iris/prediction' } }]
  const asset = { asset_type: 'api_service', asset_key: 'other', config: { endpoints } }
  const { json } = await callgate.admin('POST', '/api/publish/assets', asset, scope)
  const answer = await callgate.admin('POST', `/api/publish/assets/${json.id}/publish`)
  expect([answer.status, answer.json.code]).toEqual([409, 'porter_path_taken'])
})

test('another model of its id is told from it, as it was', async () => {
  const key = env.KEY
  expect((await callgate.call('/v1/models', { key })).json.models.toSorted()).toEqual(['t.iris', 'whole'])
  expect((await callgate.call('/v2/models/t.iris', { key })).status).toBe(200)
  expect((await callgate.call('/v2/models/iris', { key })).status).toBe(400)
})

test('it is in no list of what is ready, and takes no path from one that is', async () => {
  const { json, status } = await callgate.call('/-/ready')
  expect([status, Object.keys(json.services).toSorted()]).toEqual([200, ['/again', '/t']])
  await callgate.stop()
  // an earlier version let another have it
  const catalog = new Database(join(dataDir, 'catalog.db'))
  for (const key of ['s', 't'])
    catalog.run(`UPDATE assets SET published_config = replace(published_config, ?, '/both') WHERE asset_key = ?`, [
      key === 's' ? '/iris/prediction' : '/t',
      key,
    ])
  catalog.run("UPDATE assets SET id = 1000 WHERE asset_key = 's'")
  catalog.close()
  callgate = await startCallgate({ dataDir, env })
  expect((await callgate.call('/both', { method: 'POST', key: env.KEY, body })).status).toBe(200)
})

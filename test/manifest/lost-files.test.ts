/** Files of the data directory that went missing: a manifest brings them back, and without one only what needs them fails. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(60_000)

const world = new World()
const { app } = world.keys
afterAll(cleanUp)

world.write('people.csv', 'id,name\n1,Ada\n2,Bob\n')
world.write('towns.csv', 'id,name\n1,Rome\n')
const SETOSA = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const lookup = (table: string) => ({ id: table, kind: 'lookup', dataset: `hr.${table}`, key_column: 'id' })
const manifest = {
  projects: [
    {
      slug: 'hr',
      datasets: ['people', 'towns'].map(name => ({
        name: `hr.${name}`,
        from: `${world.folder}/${name}.csv`,
        primary_key: 'id',
      })),
      models: [
        {
          name: 'iris',
          versions: [1, 2].map(version => ({
            version,
            file: version === 1 ? world.model('iris.onnx', 'iris') : world.model('other.onnx', 'churn_risk'),
            ...(version === 1 ? { features: Object.keys(SETOSA) } : {}),
          })),
          active: 1,
        },
      ],
      services: [
        {
          key: 'people',
          publish: true,
          endpoints: [lookup('people'), lookup('towns'), { id: 'iris', kind: 'model', model: 'iris' }],
          keys: [{ name: 'app', secret_env: 'APP_KEY' }],
        },
      ],
    },
  ],
}
const withoutActive = structuredClone(manifest)
delete (withoutActive.projects[0]!.models[0] as { active?: number }).active

const call = (callgate: Callgate, table: string) => callgate.call(`/api/service/people/${table}?id=1`, { key: app })
const predict = (callgate: Callgate) =>
  callgate.call('/api/service/people/iris', { key: app, body: { features: SETOSA } })
const stored = (dir: string) => readdirSync(join(world.dataDir, dir)).map(name => join(world.dataDir, dir, name))
const lose = (dir: string) => {
  for (const path of stored(dir)) rmSync(path, { recursive: true })
}
/** The data file that the catalog names for a table. */
const fileOf = (table: string) =>
  join(world.dataDir, 'warehouse', String(world.catalog().datasets!.find(row => row.name === `hr.${table}`)!.file))

test('what a manifest names is taken in again when its file has gone, and nothing else changes', async () => {
  await world.serve(manifest)
  const before = world.catalog()
  lose('warehouse')
  lose('models')
  const changes = await world.serve(withoutActive, async callgate => {
    expect((await call(callgate, 'people')).json.rows).toEqual([{ id: 1, name: 'Ada' }])
    expect((await call(callgate, 'towns')).status).toBe(200)
    expect((await predict(callgate)).status).toBe(200)
    expect(callgate.output()).not.toContain('is missing')
  })
  expect(changes).toEqual([
    'dataset hr.people: 2 rows imported',
    'dataset hr.towns: 1 rows imported',
    'model iris: the file of version 1 was gone, and is there again',
    'model iris: the file of version 2 was gone, and is there again',
  ])
  // the version that was active is active, though another is higher
  expect(world.catalog().models).toEqual(before.models!)
  expect(world.catalog().model_versions).toEqual(before.model_versions!)
  expect(await world.serve(withoutActive)).toEqual([])
})

test('without a manifest the others of a service are served, the log names what is missing, and it heals', async () => {
  const people = fileOf('people')
  renameSync(people, join(world.folder, 'kept.sqlite'))
  renameSync(join(world.dataDir, 'models'), join(world.folder, 'kept-models'))
  const callgate = await startCallgate({ dataDir: world.dataDir, env: world.env })
  expect((await call(callgate, 'towns')).json.rows).toEqual([{ id: 1, name: 'Rome' }])
  for (const refused of [await call(callgate, 'people'), await predict(callgate)]) {
    expect([refused.status, refused.json.code]).toEqual([503, 'data_missing'])
    expect(refused.json.detail).toContain('missing on this server')
    expect(refused.text).not.toMatch(/\/|sqlite|onnx$|ATTACH/i)
  }
  for (const endpoint of ['people', 'iris'])
    expect(callgate.output()).toMatch(
      new RegExp(`"endpoint":"${endpoint}".*"a file of the data directory is missing: calls that need it get 503"`),
    )
  expect(callgate.output()).not.toContain('"endpoint":"towns"')

  const [asset] = (await callgate.admin('GET', '/api/publish/assets')).json
  const path = `/api/publish/assets/${asset.id}`
  const saved = await callgate.admin('PUT', path, { title: 'new' })
  expect([saved.status, saved.json.title]).toEqual([200, 'new'])
  expect((await call(callgate, 'towns')).status).toBe(200)
  // what is published anew is held against its data
  expect((await callgate.admin('PUT', path, { config: { endpoints: [lookup('people')] } })).status).toBe(200)
  const published = await callgate.admin('POST', `${path}/publish`, {})
  expect([published.status, published.json.code]).toEqual([503, 'data_missing'])
  expect(published.json.detail).toContain('people')
  expect((await call(callgate, 'towns')).status).toBe(200)

  renameSync(join(world.folder, 'kept.sqlite'), people)
  rmSync(join(world.dataDir, 'models'), { recursive: true })
  renameSync(join(world.folder, 'kept-models'), join(world.dataDir, 'models'))
  expect((await call(callgate, 'people')).json.rows).toEqual([{ id: 1, name: 'Ada' }])
  expect((await predict(callgate)).status).toBe(200)
  await callgate.stop()
})

test('what is kept is for its owner alone', () => {
  for (const path of [join(world.dataDir, 'catalog.db'), ...stored('warehouse')])
    expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
})

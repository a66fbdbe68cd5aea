/** Files of the data directory that went missing, or are damaged: a manifest brings them back, and without one only what needs them fails. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

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

test('a file that may not be opened, as one that another user restored, is as a damaged one: its written rows stay', async () => {
  const dataDir = join(world.folder, 'closed')
  const key = mintSecret('dk')
  const csv = world.write('closed.csv', 'id,name\n1,Ada\n')
  const datasets = ['people', 'notes'].map(name => ({
    name: `hr.${name}`,
    from: csv,
    primary_key: 'id',
    writable: name === 'notes',
  }))
  const table = { id: 'notes', kind: 'table', dataset: 'hr.notes', methods: ['GET', 'POST'] }
  const keys = [{ name: 'app', secret_env: 'CLOSED_KEY', allowed_methods: ['GET', 'POST'] }]
  const services = [{ key: 'people', publish: true, endpoints: [lookup('people'), table], keys }]
  const options = { dataDir, env: { ...world.env, CLOSED_KEY: key } }
  const manifest = { projects: [{ slug: 'hr', datasets, services }] }
  let callgate = await startCallgate({ ...options, manifest })
  const ask = (path: string, body?: unknown) => callgate.call(`/api/service/people/${path}`, { key, body })
  expect((await ask('notes', { id: 2, name: 'Bob' })).status).toBe(201)
  await callgate.stop()

  // a folder stands in for a file that may not be opened: that holds for root, too
  const warehouse = join(dataDir, 'warehouse')
  const kept = join(world.folder, 'closed-files')
  renameSync(warehouse, kept)
  for (const name of readdirSync(kept)) mkdirSync(join(warehouse, name), { recursive: true })
  callgate = await startCallgate(options)
  for (const refused of [
    await ask('people?id=1'),
    await ask('notes'),
    await ask('notes/1'),
    await ask('notes', { id: 3, name: 'Cid' }),
  ])
    expect([refused.status, refused.json.code]).toEqual([503, 'data_unreadable'])
  for (const endpoint of ['people', 'notes'])
    expect(callgate.output()).toMatch(
      new RegExp(`"endpoint":"${endpoint}".*"a file of the data directory cannot be read: calls that need it get 503"`),
    )
  await callgate.stop()

  // with rows of its own a table is not taken in again, though its file has changed meanwhile
  for (const name of readdirSync(kept).filter(name => !name.includes('.live.'))) {
    rmSync(join(warehouse, name), { recursive: true })
    renameSync(join(kept, name), join(warehouse, name))
  }
  world.write('closed.csv', 'id,name\n1,Eve\n')
  callgate = await startCallgate({ ...options, manifest })
  expect((await ask('people?id=1')).json.rows).toEqual([{ id: 1, name: 'Eve' }])
  await callgate.stop()
  for (const name of readdirSync(kept).filter(name => name.includes('.live.'))) {
    rmSync(join(warehouse, name), { recursive: true })
    renameSync(join(kept, name), join(warehouse, name))
  }
  callgate = await startCallgate(options)
  expect((await ask('notes')).json.rows).toEqual([
    { id: 1, name: 'Ada' },
    { id: 2, name: 'Bob' },
  ])
  expect(await callgate.stop()).toBe(0)
})

test('what is kept is for its owner alone', () => {
  for (const path of [join(world.dataDir, 'catalog.db'), ...stored('warehouse')])
    expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
})

test('a damaged file costs who reads it a 503, whatever was written to it stays, and the log says which and what to do', async () => {
  const dataDir = join(world.folder, 'damaged')
  const key = mintSecret('dk')
  const table = { id: 'notes', kind: 'table', dataset: 'hr.notes', methods: ['GET', 'POST'] }
  const damagedManifest = {
    projects: [
      {
        slug: 'hr',
        datasets: ['people', 'notes'].map(name => ({
          name: `hr.${name}`,
          from: `${world.folder}/people.csv`,
          primary_key: 'id',
          writable: name === 'notes',
        })),
        services: [
          {
            key: 'people',
            publish: true,
            endpoints: [lookup('people'), table],
            keys: [{ name: 'app', secret_env: 'DAMAGE_KEY', allowed_methods: ['GET', 'POST'] }],
          },
        ],
      },
    ],
  }
  const options = { dataDir, manifest: damagedManifest, env: { ...world.env, DAMAGE_KEY: key } }
  let callgate = await startCallgate(options)
  const ask = (path: string, body?: unknown) => callgate.call(`/api/service/people/${path}`, { key, body })
  expect((await ask('notes', { id: 3, name: 'Cid' })).status).toBe(201)
  await callgate.stop()
  const files = () => readdirSync(join(dataDir, 'warehouse')).filter(name => name.endsWith('.sqlite'))
  const damage = (name: string) => {
    const path = join(dataDir, 'warehouse', name)
    writeFileSync(path, new Uint8Array(statSync(path).size).fill(0x5a))
  }
  for (const name of files()) damage(name)

  // the manifest brings back what it has the file of; what was written since is not its to throw away
  const notes = files().find(name => name.endsWith('.live.sqlite'))!
  callgate = await startCallgate(options)
  expect(callgate.output()).toContain('dataset hr.people: 2 rows imported')
  expect(callgate.output()).not.toContain('dataset hr.notes')
  expect((await ask('people?id=1')).json.rows).toEqual([{ id: 1, name: 'Ada' }])
  for (const refused of [await ask('notes'), await ask('notes/1'), await ask('notes', { name: 'Dan' })]) {
    expect([refused.status, refused.json.code]).toEqual([503, 'data_unreadable'])
    expect(refused.text).not.toContain('sqlite')
  }
  expect(callgate.output()).toMatch(new RegExp(`${notes} in the warehouse.* is damaged.*force=true`))
  expect(files()).toContain(notes)
  const path = '/api/datasets/hr.notes'
  expect((await callgate.admin('GET', path)).status).toBe(200)
  expect((await callgate.admin('PATCH', path, { writable: false })).status).toBe(503)
  expect((await callgate.admin('POST', `${path}/refresh?force=true`)).status).toBe(200)
  expect((await ask('notes')).json.count).toBe(2)
  expect((await ask('notes', { id: 3, name: 'Cid' })).status).toBe(201)
  expect(files()).not.toContain(notes)

  // one that is damaged while it is served
  const people = files().find(name => !name.endsWith('.live.sqlite'))!
  await callgate.stop()
  damage(people)
  callgate = await startCallgate({ dataDir, env: options.env })
  expect((await ask('notes')).json.count).toBe(3)
  const refused = await ask('people?id=1')
  expect([refused.status, refused.json.code]).toEqual([503, 'data_unreadable'])
  expect((await callgate.admin('POST', '/api/datasets/hr.people/refresh')).status).toBe(200)
  expect((await ask('people?id=1')).json.count).toBe(1)
  expect(await callgate.stop()).toBe(0)
})

test('a file that is cut off is told when the server starts, as a lost one is, and one that is whole is not', async () => {
  const dataDir = join(world.folder, 'cut-off')
  const csv = world.write('many.csv', `id,name\n${Array.from({ length: 5000 }, (_, i) => `${i},name ${i}\n`).join('')}`)
  const names = ['people', 'notes', 'whole']
  const datasets = names.map(name => ({
    name: `hr.${name}`,
    from: csv,
    primary_key: 'id',
    writable: name === 'notes',
  }))
  const key = mintSecret('dk')
  const keys = [{ name: 'app', secret_env: 'CUT_KEY' }]
  const services = [{ key: 'people', publish: true, endpoints: names.map(lookup), keys }]
  const options = { dataDir, env: { ...world.env, CUT_KEY: key } }
  let callgate = await startCallgate({ ...options, manifest: { projects: [{ slug: 'hr', datasets, services }] } })
  await callgate.stop()
  using catalog = new Database(join(dataDir, 'catalog.db'), { readonly: true })
  for (const name of ['people', 'notes']) {
    const { file } = catalog.query('SELECT file FROM datasets WHERE name = ?').get(`hr.${name}`) as { file: string }
    const path = join(dataDir, 'warehouse', file)
    truncateSync(path, statSync(path).size / 2)
  }
  callgate = await startCallgate(options)
  const told = 'a file of the data directory cannot be read: calls that need it get 503'
  for (const name of ['people', 'notes'])
    expect(callgate.output()).toMatch(new RegExp(`"endpoint":"${name}".*"${told}"`))
  expect(callgate.output()).not.toContain('"endpoint":"whole"')
  const ask = (name: string) => callgate.call(`/api/service/people/${name}?id=1`, { key })
  for (const name of ['people', 'notes']) expect((await ask(name)).json.code).toBe('data_unreadable')
  expect((await ask('whole')).json.rows).toEqual([{ id: 1, name: 'name 1' }])
  expect(await callgate.stop()).toBe(0)
})

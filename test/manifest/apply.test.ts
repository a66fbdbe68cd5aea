/** What a manifest makes of an installation, and what it leaves alone. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { putConnection } from '../../src/catalog/connections.ts'
import { SYSTEM } from '../../src/catalog/store.ts'
import { openInstance } from '../../src/cli/instance.ts'
import { readConfig } from '../../src/config.ts'
import { applyManifest } from '../../src/management/manifest/apply.ts'
import { uploadTable } from '../console/data.ts'
import { type Callgate, cleanUp, temporaryFolder } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

const world = new World()
const { app, ops } = world.keys
afterAll(cleanUp)

world.write(
  'tables/people.csv',
  'id,name,mail,joined\n1,Ada,ada@example.org,1815-12-10\n2,Bob,bob@example.org,1990-01-02\n',
)
world.write('tables/towns.csv', 'town,name\n1,Rome\n2,Oslo\n')
const PERSON = { id: 'person', kind: 'lookup', dataset: 'hr.people', key_column: 'id' }
const TOWNS = { id: 'towns', kind: 'sql', query: { source: { schema: 'hr', table: 'towns' } } }
const SETOSA = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }

/** As a person would write it; every test changes a copy. Paths are absolute, as the harness keeps the file elsewhere. */
// biome-ignore lint/suspicious/noExplicitAny: a manifest is taken apart in every test
const base = (): any => ({
  projects: [
    {
      slug: 'hr',
      name: 'People',
      datasets: [
        {
          name: 'hr.people',
          from: `${world.folder}/tables/people.csv`,
          primary_key: 'id',
          columns: { mail: { sensitivity: 'medium', mask: 'email' } },
        },
        { name: 'hr.towns', from: `${world.folder}/tables/towns.csv`, primary_key: 'town' },
      ],
      models: [
        {
          name: 'iris',
          versions: [{ version: 1, file: world.model('iris.onnx', 'iris'), features: Object.keys(SETOSA) }],
        },
      ],
      services: [
        {
          key: 'people',
          title: 'People',
          publish: true,
          endpoints: [PERSON, TOWNS, { id: 'iris', kind: 'model', model: 'iris' }],
          keys: [{ name: 'app', secret_env: 'APP_KEY', allowed_endpoints: ['person', 'iris'] }, { name: 'minted' }],
        },
        { key: 'drafted', endpoints: [TOWNS] },
      ],
      deployments: [
        { name: 'late', model: 'iris' },
        { name: 'pyserver', command: ['python3', 'server.py'], health: '/health' },
      ],
      keys: [{ name: 'ops', secret_env: 'OPS_KEY', manage_models: true, rate_limit: 500 }],
    },
  ],
})
const person = (callgate: Callgate, key: string) => callgate.call('/api/service/people/person?id=1', { key })
const towns = (callgate: Callgate, key: string) => callgate.call('/api/service/people/towns', { key })
const named = async (callgate: Callgate, key: string) =>
  (await callgate.admin('GET', '/api/publish/assets')).json.find(
    (asset: { asset_key: string }) => asset.asset_key === key,
  )

test('everything that it declares is there and answers; keys without secret_env are minted and shown once', async () => {
  const printed = await world.serve(base(), async callgate => {
    expect((await person(callgate, app)).json.rows).toEqual([
      { id: 1, name: 'Ada', mail: 'a***@example.org', joined: '1815-12-10' },
    ])
    expect((await towns(callgate, app)).status).toBe(403)
    expect((await towns(callgate, ops)).json.count).toBe(2)
    const iris = await callgate.call('/api/service/people/iris', { key: app, body: { features: SETOSA } })
    expect(iris.json.predictions).toEqual([0])
    expect((await callgate.call('/api/service/drafted/towns', { key: ops })).status).toBe(404)
    const minted = /Key minted of service people, shown only now: (dk_\w{36})\n/.exec(callgate.output())![1]!
    expect((await person(callgate, minted)).status).toBe(200)
    expect(callgate.output()).not.toContain(app)
    const { project_id } = (await callgate.admin('GET', '/api/projects')).json.items[0]
    const { json } = await callgate.admin('GET', `/api/projects/${project_id}/deployments`)
    const declared: { name: string }[] = json.items ?? json.deployments ?? json
    expect(declared.map(d => d.name).sort()).toEqual(['late', 'pyserver'])
    const [key] = (await callgate.admin('GET', `/api/projects/${project_id}/api-keys`)).json
    expect(key).toMatchObject({
      name: 'ops',
      manage_models: true,
      rate_limit: 500,
      masking_level: 'masked',
      sensitivity_max: 'medium',
      expires_at: null,
    })
  })
  for (const what of [
    'project hr: created',
    'dataset hr.people: 2 rows imported',
    'model iris: version 1 added',
    'service people: published',
    'key ops: minted',
  ])
    expect(printed).toContain(what)
  expect(printed.filter(line => line.startsWith('deployment '))).toHaveLength(2)
  expect(printed.join('\n')).not.toContain('service drafted: published')
})

test('applied again, it changes nothing: no line, no row, no file', async () => {
  const before = { catalog: world.catalog(), files: world.files() }
  expect(await world.serve(base())).toEqual([])
  expect({ catalog: world.catalog(), files: world.files() }).toEqual(before)
})

test('an endpoint that a key is to reach and that is not there is warned of, with the one that is meant', async () => {
  const manifest = base()
  manifest.projects[0].services[0].keys[0].allowed_endpoints = ['person', 'irsi', 'absent']
  const printed = await world.serve(manifest)
  expect(printed.filter(line => line.startsWith('warning: '))).toEqual([
    'warning: service people, key app: allowed_endpoints has irsi, which is no endpoint; did you mean iris?',
    'warning: service people, key app: allowed_endpoints has absent, which is no endpoint.',
  ])
  await world.serve(base())
})

test('a file that changed is imported again, and nothing else; the policy stays with its column', async () => {
  const before = world.files()
  world.write('tables/people.csv', 'mail,id,name,joined,age\nada@example.net,1,Ada,1815-12-10,36\n')
  const printed = await world.serve(base(), async callgate => {
    expect((await person(callgate, app)).json.rows).toEqual([
      { mail: 'a***@example.net', id: 1, name: 'Ada', joined: '1815-12-10', age: 36 },
    ])
  })
  expect(printed).toEqual(['dataset hr.people: 1 rows imported'])
  expect(world.files().filter(file => !before.includes(file))).toHaveLength(1)
  expect(world.files()).toHaveLength(before.length) // the file of the generation before is gone
})

test('a policy that changed acts at once, without an import; a key or index that changed imports again', async () => {
  const policy = base()
  policy.projects[0].datasets[0].columns = { name: { sensitivity: 'high' }, mail: { mask: null } }
  const printed = await world.serve(policy, async callgate => {
    const [row] = (await person(callgate, app)).json.rows
    expect({ name: row.name, mail: row.mail }).toEqual({ name: '[BLOCKED]', mail: '***' })
  })
  expect(printed).toEqual(['dataset hr.people: column policy'])
  policy.projects[0].datasets[1].indexes = [['name']]
  expect(await world.serve(policy)).toEqual(['dataset hr.towns: 2 rows imported'])
})

test('files that are read in place are not said to be imported', async () => {
  const from = world.write('lake/hours.csv', 'id,hours\n1,38\n2,20\n')
  const lake = { slug: 'lake', datasets: [{ name: 'lake.hours', engine: 'duckdb', from }] }
  expect(await world.serve({ projects: [lake] })).toEqual([
    'project lake: created',
    'dataset lake.hours: 2 rows, which stay where they are',
  ])
})

test('a connection that is as it was, but whose secret is gone, keeps nobody from starting, and is warned of', async () => {
  const { config } = readConfig(['--data-dir', temporaryFolder(), '--port', '0', '--scoring-workers', '1'], {})
  const instance = openInstance(config)
  const connection = { name: 'w', kind: 'postgres', urlEnv: 'NOT_SET_ANYWHERE' } as const
  putConnection(instance.context.db, SYSTEM, connection)
  const manifest = { connections: [connection], projects: [], secrets: new Map() }
  const silent = { update() {}, done() {}, ended() {} }
  const { changes, warnings } = await applyManifest(instance.context, SYSTEM, manifest, () => silent)
  expect(changes).toEqual([])
  expect(warnings).toEqual([
    'connection w: the environment variable NOT_SET_ANYWHERE is not set. Until it is mended, whatever needs it is 503.',
  ])
  await instance.stop()
})

test('a field that it names wins over what was set elsewhere, one that it does not name stays, and nothing is deleted', async () => {
  await world.serve({ projects: [] }, async callgate => {
    const { id } = await named(callgate, 'people')
    const fields = { title: 'By hand', description: 'By hand', is_public: true }
    expect((await callgate.admin('PUT', `/api/publish/assets/${id}`, fields)).status).toBe(200)
    const columns = { joined: { sensitivity: 'medium', mask: 'year' }, mail: { mask: 'redact' } }
    expect((await callgate.admin('PATCH', '/api/datasets/hr.people', { columns, description: 'By hand' })).status).toBe(
      200,
    )
    const { json } = await callgate.admin('GET', `/api/publish/assets/${id}/api-keys`)
    const key = json.find((k: { name: string }) => k.name === 'app')
    const settings = { rate_limit: 7, allowed_endpoints: null, sensitivity_max: 'low' }
    expect((await callgate.admin('PATCH', `/api/publish/assets/${id}/api-keys/${key.id}`, settings)).status).toBe(200)
  })
  const manifest = base()
  manifest.projects[0].services[0].keys = [{ name: 'app', secret_env: 'APP_KEY', allowed_endpoints: ['person'] }]
  manifest.projects[0].services.pop()
  manifest.projects[0].datasets.pop()
  for (const gone of ['deployments', 'keys', 'models', 'name']) delete manifest.projects[0][gone]
  const before = world.catalog()
  const printed = await world.serve(manifest, async callgate => {
    const asset = await named(callgate, 'people')
    expect(asset).toMatchObject({ title: 'People', description: 'By hand', is_public: true, status: 'published' })
    const dataset = (await callgate.admin('GET', '/api/datasets/hr.people')).json
    expect(dataset.description).toBe('By hand')
    const policy = Object.fromEntries(dataset.columns.map((c: { name: string }) => [c.name, c]))
    expect(policy.joined).toMatchObject({ sensitivity: 'medium', mask: 'year' })
    expect(policy.mail).toMatchObject({ sensitivity: 'medium', mask: 'email' })
    const { json } = await callgate.admin('GET', `/api/publish/assets/${asset.id}/api-keys`)
    expect(json.find((k: { name: string }) => k.name === 'app')).toMatchObject({
      allowed_endpoints: ['person'],
      rate_limit: 7,
      sensitivity_max: 'low',
    })
    expect((await callgate.admin('GET', '/api/projects')).json.items[0].name).toBe('People')
    expect((await towns(callgate, ops)).status).toBe(200)
  })
  expect(printed.sort()).toEqual([
    'dataset hr.people: column policy',
    'key app: allowed_endpoints changed',
    'service people: title changed',
  ])
  for (const [table, rows] of Object.entries(world.catalog()))
    if (table !== 'audit' && table !== 'asset_versions')
      expect([table, rows.length]).toEqual([table, before[table]!.length])
})

test('publish: true publishes, false takes it back, and without it what is served stays, whatever the draft becomes', async () => {
  const manifest = base()
  const service = manifest.projects[0].services[1]
  const served = async (callgate: Callgate) => (await callgate.call('/api/service/drafted/towns', { key: ops })).status
  service.publish = true
  expect(await world.serve(manifest, async callgate => expect(await served(callgate)).toBe(200))).toContain(
    'service drafted: published',
  )
  delete service.publish
  service.endpoints = [{ ...TOWNS, id: 'renamed' }]
  const printed = await world.serve(manifest, async callgate => {
    expect(await served(callgate)).toBe(200)
    expect((await callgate.call('/api/service/drafted/renamed', { key: ops })).status).toBe(404)
    expect((await named(callgate, 'drafted')).config.endpoints[0].id).toBe('renamed')
  })
  expect(printed).toEqual(['service drafted: endpoints changed'])
  service.publish = false
  expect(await world.serve(manifest, async callgate => expect(await served(callgate)).toBe(404))).toEqual([
    'service drafted: unpublished',
  ])
  expect(await world.serve(manifest)).toEqual([])
})

test('a new version of a model waits until it is made active; one that exists is never another file', async () => {
  const manifest = base()
  const [model] = manifest.projects[0].models
  const activeOf = async (callgate: Callgate) => {
    const [row] = (await callgate.admin('GET', '/api/models?name=iris')).json.models
    return row.versions.find((v: { active: boolean }) => v.active).version
  }
  model.versions.push({ version: 2, file: world.model('forest.onnx', 'tumour_forest') })
  expect(await world.serve(manifest, async callgate => expect(await activeOf(callgate)).toBe(1))).toContain(
    'model iris: version 2 added',
  )
  model.active = 2
  const printed = await world.serve(manifest, async callgate => {
    expect(await activeOf(callgate)).toBe(2)
    // the endpoint follows the name, so it takes the other model's features now
    expect((await callgate.call('/api/service/people/iris', { key: ops, body: { features: SETOSA } })).status).toBe(422)
  })
  expect(printed).toContain('model iris: version 2 is active')
  delete model.active
  expect(await world.serve(manifest, async callgate => expect(await activeOf(callgate)).toBe(2))).toEqual([])
})

test("another secret under a key's name is another key; the one before goes on", async () => {
  world.env.APP_KEY = world.keys.other
  const printed = await world.serve(base(), async callgate => {
    for (const key of [app, world.keys.other]) expect((await person(callgate, key)).status).toBe(200)
  })
  expect(printed).toContain('key app: minted')
  expect(printed.join('\n')).not.toContain('dk_')
  world.env.APP_KEY = app
})

test('a minted key that was revoked stays revoked: the next start does not mint another in its place', async () => {
  await world.serve(base(), async callgate => {
    const { id } = await named(callgate, 'people')
    const path = `/api/publish/assets/${id}/api-keys`
    const keys: { id: number; name: string }[] = (await callgate.admin('GET', path)).json
    const minted = keys.findLast(key => key.name === 'minted')!
    expect((await callgate.admin('DELETE', `${path}/${minted.id}`)).status).toBe(200)
  })
  const printed = await world.serve(base(), async callgate => {
    const { id } = await named(callgate, 'people')
    const keys: { name: string; is_active: boolean }[] = (
      await callgate.admin('GET', `/api/publish/assets/${id}/api-keys`)
    ).json
    expect(keys.filter(key => key.name === 'minted').map(key => key.is_active)).toEqual([false])
  })
  expect(printed.join('\n')).not.toContain('minted')
})

test('what every call would read whole is warned of, with the index that is missing, at apply and at publish', async () => {
  const rows = Array.from({ length: 20_001 }, (_, i) => `${i},t${i % 300},${i % 7}`)
  world.write('tables/visits.csv', `id,town,stars\n${rows.join('\n')}\n`)
  const filters = [{ column: 'town', param: 'town', required: true }]
  const query = {
    source: { schema: 'hr', table: 'visits' },
    columns: ['town', { fn: 'count' }],
    group_by: ['town'],
    filters,
  }
  const manifest = (indexes: string[][]) => ({
    projects: [
      {
        slug: 'hr',
        datasets: [{ name: 'hr.visits', from: `${world.folder}/tables/visits.csv`, primary_key: 'id', indexes }],
        services: [{ key: 'visits', publish: true, endpoints: [{ id: 'busy', kind: 'sql', query }] }],
      },
    ],
  })
  const warning = 'endpoint busy: every call reads all 20,001 rows of hr.visits; an index on town is missing.'
  const publish = async (callgate: Callgate) => {
    const { id } = await named(callgate, 'visits')
    return (await callgate.admin('POST', `/api/publish/assets/${id}/publish`, {})).json
  }
  const printed = await world.serve(manifest([]), async callgate => {
    expect(await publish(callgate)).toMatchObject({ status: 'published', warnings: [warning] })
  })
  expect(printed).toContain(`warning: service visits, ${warning}`)
  const quiet = await world.serve(manifest([['town']]), async callgate => {
    expect(await publish(callgate)).toMatchObject({ status: 'published', warnings: [] })
  })
  expect(quiet.join('\n')).not.toContain('warning')
})

test('porter paths go from one service to another that the manifest names before it', async () => {
  const paths = ['/moved/prediction', '/moved/to/<place>']
  const service = (key: string, owner: string) => ({
    key,
    publish: true,
    public: true,
    endpoints: paths.map((path, i) => ({
      id: `e${i}`,
      kind: 'function',
      handler: `export default () => ({ by: '${key}' })`,
      ...(key === owner ? { porter: { path } } : {}),
    })),
  })
  for (const owner of ['right', 'left']) {
    const services = ['left', 'right'].map(key => service(key, owner))
    await world.serve({ projects: [{ slug: 'moves', services }] }, async callgate => {
      for (const path of ['/moved/prediction', '/moved/to/here']) {
        const { status, json } = await callgate.call(path, { body: {} })
        expect([status, json.by]).toEqual([200, owner])
      }
    })
  }
})

test('rows that were uploaded into a table that it declares without a file stay, and it warns where it declares another', async () => {
  const manifest = (more: object = {}) => {
    const columns = { note: { type: 'integer' }, words: { type: 'text' }, ...more }
    return {
      projects: [{ slug: 'hr', datasets: [{ name: 'hr.notes', writable: true, primary_key: 'note', columns }] }],
    }
  }
  const rows = async (callgate: Callgate) => (await callgate.admin('GET', '/api/datasets/hr.notes/preview')).json.rows
  const uploaded = [{ note: 7, words: 'kept' }]
  await world.serve(manifest(), async callgate => {
    const { status } = await uploadTable(callgate, 1, 'hr.notes', 'note,words\n7,kept', { replace: 'true' })
    expect([status, await rows(callgate)]).toEqual([201, uploaded])
  })
  expect(await world.serve(manifest(), async callgate => expect(await rows(callgate)).toEqual(uploaded))).toEqual([])
  const another = manifest({ more: { type: 'date', sensitivity: 'high', nullable: true } })
  const printed = await world.serve(another, async callgate => expect(await rows(callgate)).toEqual(uploaded))
  expect(printed).toEqual([
    expect.stringContaining('warning: dataset hr.notes: it is not as it is in the manifest'),
    'dataset hr.notes: column policy',
  ])
})

test('a file may lie as deep as the system lets it, however short names have to be', async () => {
  const deep = new World()
  const from = deep.write(`${'deep/'.repeat(60)}towns.csv`, 'town,name\n1,Rome\n')
  await deep.serve({ projects: [{ slug: 'geo', datasets: [{ name: 'geo.towns', from }] }] }, async callgate => {
    const { json } = await callgate.admin('GET', '/api/datasets/geo.towns')
    expect(json).toMatchObject({ name: 'geo.towns', row_count: 1, source: 'towns.csv' })
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { assetVersions, settings } from '../../db/schema.ts'
import {
  createAsset,
  deleteAsset,
  findAsset,
  getAsset,
  getVersion,
  listAssets,
  listVersions,
  markPublished,
  markUnpublished,
  rollbackAsset,
  saveAsset,
} from '../../src/catalog/assets.ts'
import type { StoredColumn } from '../../src/catalog/column.ts'
import {
  type ColumnPolicy,
  findDataset,
  type Generation,
  getDataset,
  openProposals,
  putGeneration,
  setColumnPolicy,
} from '../../src/catalog/datasets.ts'
import {
  createDeployment,
  deleteDeployment,
  enableDeployment,
  getDeployment,
  updateDeployment,
} from '../../src/catalog/deployments.ts'
import {
  activate,
  activeVersion,
  addVersion,
  artifactsInUse,
  deleteVersion,
  findModel,
  findVersion,
  versionsOf,
  wholeVersionsOf,
} from '../../src/catalog/models.ts'
import { createProject, findProject, updateProject } from '../../src/catalog/projects.ts'
import { setRefresh } from '../../src/catalog/refresh.ts'
import { installationSecret, transaction } from '../../src/catalog/store.ts'
import type { ModelMetadata } from '../../src/catalog/tensor.ts'
import { serveModel } from '../../src/endpoints/model.ts'
import type { EndpointRuntime } from '../../src/endpoints/runtime.ts'
import { ACTOR, actions, auditText, openCatalog, refused } from './catalog-fixture.ts'

let catalog: ReturnType<typeof openCatalog>
beforeEach(() => {
  catalog = openCatalog()
})
afterEach(() => catalog.close())

describe('services', () => {
  const create = (assetKey = 's', config: unknown = { endpoints: [], note: 1 }) =>
    createAsset(catalog.db, ACTOR, { projectId: catalog.project.id, assetType: 'api_service', assetKey, config })

  test('of thousands of versions the latest are listed, and all are there by their numbers', () => {
    const { db } = catalog
    const asset = create()
    db.transaction(tx => {
      for (let note = 2; note <= 1200; note++) saveAsset(tx, ACTOR, asset, { config: { endpoints: [], note } }, '')
    })
    const listed = listVersions(db, asset.id)
    expect(listed).toHaveLength(1000)
    expect([listed[0]!.version, listed.at(-1)!.version]).toEqual([1200, 201])
    expect(getVersion(db, asset.id, 7).config).toEqual({ endpoints: [], note: 7 })
    saveAsset(db, ACTOR, asset, { title: 'T' }, '')
    expect(listVersions(db, asset.id)[0]!.version).toBe(1201)
  })
  test('every save is a version that never changes; publishing and rolling back take one of them', () => {
    const asset = create()
    const first = getVersion(catalog.db, asset.id, 1)
    saveAsset(catalog.db, ACTOR, asset, { config: { endpoints: [], note: 2 } }, 'second')
    markPublished(catalog.db, ACTOR, getAsset(catalog.db, asset.id))
    saveAsset(catalog.db, ACTOR, asset, { config: { endpoints: [], note: 3 }, title: 'T' }, 'third')
    expect(getAsset(catalog.db, asset.id)).toMatchObject({
      status: 'published',
      publishedVersion: 2,
      publishedConfig: { note: 2 },
      config: { note: 3 },
      title: 'T',
    })
    rollbackAsset(catalog.db, ACTOR, getAsset(catalog.db, asset.id), 1)
    const versions = listVersions(catalog.db, asset.id)
    const noteOf = (version: number) => getVersion(catalog.db, asset.id, version).config.note
    expect(versions.map(v => [v.version, noteOf(v.version), v.changeNote])).toEqual([
      [4, 1, 'rollback to version 1'],
      [3, 3, 'third'],
      [2, 2, 'second'],
      [1, 1, 'created'],
    ])
    expect(getVersion(catalog.db, asset.id, 1)).toEqual(first)
    expect(getAsset(catalog.db, asset.id)).toMatchObject({
      publishedVersion: 2,
      publishedConfig: { note: 2 },
      config: { note: 1 },
      title: 's',
    })
    expect(refused(() => rollbackAsset(catalog.db, ACTOR, asset, 99))).toBe('404 No such version.')
    markUnpublished(catalog.db, ACTOR, asset)
    expect(getAsset(catalog.db, asset.id)).toMatchObject({
      status: 'draft',
      publishedVersion: null,
      publishedConfig: null,
    })
  })
  test('a version that was saved before there was a rule for what is in it can be gone back to, and not saved anew', () => {
    const asset = create()
    const config = {
      endpoints: [{ id: 'f', kind: 'function' as const, handler: 'export default () => 1', title: 'two\nlines' }],
    }
    catalog.db.$client.run('UPDATE asset_versions SET config = ?', [JSON.stringify(config)])
    expect(refused(() => saveAsset(catalog.db, ACTOR, asset, { config }, ''))).toContain('422 endpoint f: title')
    rollbackAsset(catalog.db, ACTOR, asset, 1)
    expect(getAsset(catalog.db, asset.id).config).toEqual(config)
  })
  test('versions are listed without reading what they hold: there are ever more of them', () => {
    const asset = create()
    saveAsset(catalog.db, ACTOR, asset, { title: 'T' }, 'second')
    catalog.db.$client.run("UPDATE asset_versions SET config = 'not read', theme = 'not read'")
    expect(listVersions(catalog.db, asset.id).map(v => [v.version, v.changeNote])).toEqual([
      [2, 'second'],
      [1, 'created'],
    ])
  })
  test('a config is given back exactly as it was saved, unknown members and odd names too', () => {
    const config = JSON.parse(
      '{"endpoints":[],"__proto__":{"x":1},"constructor":null,"n":1.5,"deep":{"a":[{"b":"é😀"}]}}',
    )
    const asset = create('s', config)
    expect(JSON.stringify(getAsset(catalog.db, asset.id).config)).toBe(JSON.stringify(config))
  })
  test('a service key is one in the installation, and other kinds of asset are none of ours', () => {
    create()
    expect(refused(() => create())).toBe('409 A service with this key exists already.')
    expect(
      refused(() =>
        createAsset(catalog.db, ACTOR, { projectId: catalog.project.id, assetType: 'dashboard', assetKey: 'd' }),
      ),
    ).toBe('422 asset_type must be api_service.')
    expect(refused(() => create('b', { endpoints: [{ id: 'a' }] }))).toStartWith('422 config: ')
    expect(listAssets(catalog.db).map(a => a.assetKey)).toEqual(['s'])
    expect(findAsset(catalog.db, 'S')).toBeUndefined()
  })
  test('deleting one deletes its versions', () => {
    const asset = create()
    deleteAsset(catalog.db, ACTOR, asset)
    expect(catalog.db.select().from(assetVersions).all()).toEqual([])
    expect(refused(() => getAsset(catalog.db, asset.id))).toBe('404 No such asset.')
  })
})

describe('models', () => {
  const metadata: ModelMetadata = { inputs: [], outputs: [], batched: true, independentRows: true, rewritten: false }
  const add = (sha256: string, version?: number, features: string[] | null = null, name = 'm') =>
    addVersion(catalog.db, ACTOR, catalog.project.id, { name, version, sha256, size: 1, features, metadata })
  const model = () => findModel(catalog.db, catalog.project.id, 'm')!

  test('the first version is active, later ones wait to be activated, numbers go up', () => {
    expect(add('a')).toMatchObject({ added: true, version: { version: 1 }, model: { activeVersion: 1 } })
    expect(add('b')).toMatchObject({ added: true, version: { version: 2 }, model: { activeVersion: 1 } })
    expect(add('c', 7).version.version).toBe(7)
    expect(add('d').version.version).toBe(8)
    expect(activeVersion(catalog.db, model())!.sha256).toBe('a')
    expect(activate(catalog.db, ACTOR, model(), 7).activeVersion).toBe(7)
    expect(activeVersion(catalog.db, model())!.sha256).toBe('c')
    expect(refused(() => activate(catalog.db, ACTOR, model(), 3))).toBe('404 No such version of this model.')
  })
  test('a version is never another model: the same again changes nothing, other bytes or features are 409', () => {
    const { version } = add('a', 1, ['x'])
    expect(add('a', 1, ['x'])).toMatchObject({ added: false, version: { id: version.id } })
    for (const again of [() => add('b', 1, ['x']), () => add('a', 1, ['y']), () => add('a', 1)])
      expect(refused(again)).toBe('409 Model m has another version 1 already; give the new file a number of its own.')
    expect(versionsOf(catalog.db, model().id)).toHaveLength(1)
  })
  test('the active one of several cannot be deleted; with the last one the name goes', () => {
    const one = add('a').version
    const two = add('b').version
    expect(refused(() => deleteVersion(catalog.db, ACTOR, model(), one))).toBe(
      '409 This is the active version; activate another one first.',
    )
    deleteVersion(catalog.db, ACTOR, model(), two)
    expect([...artifactsInUse(catalog.db)]).toEqual(['a'])
    deleteVersion(catalog.db, ACTOR, model(), one)
    expect(findModel(catalog.db, catalog.project.id, 'm')).toBeUndefined()
    expect(findVersion(catalog.db, one.id)).toBeUndefined()
    expect(artifactsInUse(catalog.db).size).toBe(0)
  })
  test('a thousand versions take and give the same once: they are one thing in memory, and compiled when they are asked for', () => {
    const { db, project } = catalog
    const given = (output: string): ModelMetadata => ({
      ...metadata,
      inputs: [{ name: 'x', type: 'float32', dims: [null, 1] }],
      outputs: [{ name: output, type: 'float32', dims: [null, 1] }],
    })
    const put = (output: string, sha256: string) =>
      addVersion(db, ACTOR, project.id, { name: 'm', sha256, size: 1, features: null, metadata: given(output) })
    for (const sha256 of ['a', 'b', 'c']) put('y', sha256)
    put('z', 'd')
    const whole = wholeVersionsOf(db, model().id)
    expect(whole.map(v => v.sha256)).toEqual(['d', 'c', 'b', 'a'])
    expect(whole[1]!.metadata).toEqual(given('y'))
    expect(new Set(whole.map(v => v.metadata)).size).toBe(2)
    const runtime = { modelsDir: catalog.dir } as EndpointRuntime
    const { active, versions } = serveModel({ model: 'm', output: 'y' }, db, project.id, runtime)
    expect(versions.numbers).toEqual([1, 2, 3])
    expect(versions.get(1)).toBe(active)
    expect(versions.get(3)).toBe(versions.get(3)!)
    expect(versions.get(3)!.scoring.sha256).toBe('c')
    expect(versions.get(4)).toBeUndefined()
  })
  test("a name is a project's own", () => {
    const other = createProject(catalog.db, ACTOR, { slug: 'q', name: 'Q' })
    add('a')
    expect(findModel(catalog.db, other.id, 'm')).toBeUndefined()
    expect(refused(() => add('a', 1, null, 'a/b'))).toStartWith('422 A model name')
  })
})

describe('datasets', () => {
  const column = (name: string): StoredColumn => ({ name, type: 'text', nullable: true })
  const put = (file: string, names: string[], name = 'm.t') =>
    putGeneration(catalog.db, ACTOR, catalog.project.id, name, {
      file,
      columns: names.map(column),
      primaryKey: null,
      indexes: [],
      rowCount: 1,
      source: 'x.csv',
      sourceHash: file,
    })
  const dataset = () => getDataset(catalog.db, catalog.project.id, 'm.t')

  test('a new generation replaces the file and keeps the policy of the columns that stay', () => {
    expect(put('1.db', ['id', 'email']).replaced).toBeNull()
    expect(setColumnPolicy(catalog.db, ACTOR, dataset(), { email: { sensitivity: 'high', mask: 'email' } })).toBe(true)
    const { replaced, dataset: next } = put('2.db', ['email', 'new'])
    expect([replaced, next.file, next.generation]).toEqual(['1.db', '2.db', 2])
    expect(next.columns.map(c => [c.name, c.sensitivity, c.mask])).toEqual([
      ['email', 'high', 'email'],
      ['new', 'low', undefined],
    ])
  })
  describe('what an import proposes', () => {
    const proposal = { sensitivity: 'high', mask: 'email', reason: 'looks like e-mail addresses' } as const
    const propose = (file: string, proposed: Record<string, typeof proposal | undefined>) =>
      putGeneration(catalog.db, ACTOR, catalog.project.id, 'm.t', {
        file,
        columns: Object.entries(proposed).map(([name, p]) => ({ ...column(name), ...(p ? { proposal: p } : {}) })),
        primaryKey: null,
        indexes: [],
        rowCount: 1,
        source: 'x.csv',
        sourceHash: file,
      })
    const shownPolicy = () => dataset().columns.map(c => [c.name, c.sensitivity, c.mask, c.proposal?.reason])
    const decide = (policy: ColumnPolicy) => setColumnPolicy(catalog.db, ACTOR, dataset(), policy)

    test('protects until somebody decides, over re-imports that see it no more, too', () => {
      propose('1.db', { id: undefined, contact: proposal })
      const open = [
        ['id', 'low', undefined, undefined],
        ['contact', 'high', 'email', 'looks like e-mail addresses'],
      ]
      expect(shownPolicy()).toEqual(open)
      expect(openProposals(dataset())).toBe(
        'dataset m.t: contact looks like e-mail addresses: high until you decide (columns in a manifest, or PATCH /api/datasets/m.t)',
      )
      propose('2.db', { id: undefined, contact: undefined })
      expect(shownPolicy()).toEqual(open)
    })
    test('a decision removes it, `low` as well, and no re-import brings it back; new columns get theirs', () => {
      propose('1.db', { a: proposal, b: proposal, c: proposal, d: proposal, e: undefined })
      decide({ a: { sensitivity: 'low' }, b: { sensitivity: 'critical' }, c: { mask: 'redact' }, d: {} })
      const decided = [
        ['a', 'low', undefined, undefined],
        ['b', 'critical', undefined, undefined],
        ['c', 'high', 'redact', undefined],
        ['d', 'high', 'email', 'looks like e-mail addresses'],
        ['e', 'low', undefined, undefined],
      ]
      expect(shownPolicy()).toEqual(decided)
      decide({ e: { sensitivity: 'low' } })
      propose('2.db', { a: proposal, b: proposal, c: proposal, d: proposal, e: proposal, f: proposal })
      expect(shownPolicy()).toEqual([...decided, ['f', 'high', 'email', 'looks like e-mail addresses']])
    })
    test('a column that nobody decided of is protected as soon as it looks personal; the stricter proposal wins', () => {
      propose('1.db', { a: undefined, b: { ...proposal, sensitivity: 'critical' } as never })
      propose('2.db', { a: proposal, b: proposal })
      expect(dataset().columns.map(c => c.sensitivity)).toEqual(['high', 'critical'])
    })
    test('accepting it is a decision; doing so twice changes nothing', () => {
      propose('1.db', { a: proposal })
      expect(decide({ a: { sensitivity: 'high', mask: 'email' } })).toBe(true)
      expect(openProposals(dataset())).toBeUndefined()
      expect(decide({ a: { sensitivity: 'high', mask: 'email' } })).toBe(false)
    })
  })
  test('policy changes what it names: a mask can be taken away, the rest stays', () => {
    put('1.db', ['a', '__proto__', 'constructor'])
    setColumnPolicy(catalog.db, ACTOR, dataset(), JSON.parse('{"__proto__":{"sensitivity":"critical","mask":"hash"}}'))
    setColumnPolicy(catalog.db, ACTOR, dataset(), { a: { mask: 'last4' } })
    expect(dataset().columns.map(c => [c.name, c.sensitivity, c.mask])).toEqual([
      ['a', 'low', 'last4'],
      ['__proto__', 'critical', 'hash'],
      ['constructor', 'low', undefined],
    ])
    expect(setColumnPolicy(catalog.db, ACTOR, dataset(), { a: { mask: null } })).toBe(true)
    expect(dataset().columns[0]).not.toHaveProperty('mask')
    expect(setColumnPolicy(catalog.db, ACTOR, dataset(), { a: { mask: null, sensitivity: 'low' } })).toBe(false)
    expect(refused(() => setColumnPolicy(catalog.db, ACTOR, dataset(), { toString: { mask: null } }))).toBe(
      '422 Dataset m.t has no column toString; it has a, __proto__, constructor.',
    )
  })
  test('a rule for reading again goes where the new rows cannot follow it', () => {
    const put = (more: Partial<Generation>) =>
      putGeneration(catalog.db, ACTOR, catalog.project.id, 'm.t', {
        file: '',
        columns: [column('a')],
        primaryKey: null,
        indexes: [],
        rowCount: 1,
        source: null,
        sourceHash: null,
        ...more,
      }).dataset
    const [file, table] = [
      { origin: { path: '/a.csv' } },
      { location: { connection: 'c', schema: 's', table: 't' }, engine: 'postgres' as const },
    ]
    for (const [rule, next, kept] of [
      [{ on_change: true }, file, true],
      [{ on_change: true }, table, false],
      [{ every: '1h' }, table, true],
      [{ every: '1h' }, {}, false],
    ] as const) {
      setRefresh(catalog.db, ACTOR, put(file), rule)
      expect(put(next).refresh).toEqual(kept ? rule : null)
    }
  })
  test('a name must be schema.table', () => {
    expect(refused(() => put('1.db', ['a'], 'flights'))).toStartWith('422 A dataset is named schema.table')
    expect(findDataset(catalog.db, catalog.project.id, 'flights')).toBeUndefined()
  })
})

test('a project slug is one in the installation; a change that changes nothing is none', () => {
  expect(refused(() => createProject(catalog.db, ACTOR, { slug: 'p', name: 'again' }))).toBe(
    '409 A project with this slug exists already.',
  )
  const before = actions(catalog.db).length
  expect(updateProject(catalog.db, ACTOR, catalog.project, { name: 'P', description: undefined })).toBe(false)
  expect(updateProject(catalog.db, ACTOR, catalog.project, { name: 'New' })).toBe(true)
  expect(findProject(catalog.db, 'p')!.name).toBe('New')
  expect(actions(catalog.db)).toHaveLength(before + 1)
})

describe('deployments', () => {
  const stored = () => getDeployment(catalog.db, catalog.project.id, 'late')
  const create = (config: object) => createDeployment(catalog.db, ACTOR, catalog.project.id, 'late', config)
  const update = (config: object) => updateDeployment(catalog.db, ACTOR, stored(), config)

  test('a change that changes nothing is none; any other is the next revision', () => {
    create({ command: ['a'], env: { TOKEN: 'hush-hush' } })
    expect(update({ command: ['a'] }).revision).toBe(1)
    expect(update({ replicas: 2 })).toMatchObject({ revision: 2, config: { command: ['a'], replicas: 2 } })
    expect(update({ replicas: null }).config).toEqual({ command: ['a'], env: { TOKEN: 'hush-hush' } })
    expect(actions(catalog.db).slice(-3)).toEqual(['deployment.create', 'deployment.update', 'deployment.update'])
    expect(auditText(catalog.db)).not.toContain('hush-hush')
  })

  test('another kind takes the place of all that was there', () => {
    create({ command: ['a'], replicas: 2, health: '/h' })
    expect(update({ upstream: 'http://x.example' }).config).toEqual({ upstream: 'http://x.example' })
    expect(update({ model: 'm', version: 1 }).config).toEqual({ model: 'm', version: 1 })
    expect(update({ model_id: 3, version: null }).config).toEqual({ model_id: 3 })
  })

  test('one that is stopped stays so through changes, until it is started', () => {
    const declared = create({ command: ['a'] })
    expect(enableDeployment(catalog.db, ACTOR, declared, false)).toMatchObject({ enabled: false, revision: 1 })
    expect(update({ command: ['b'] })).toMatchObject({ enabled: false, revision: 2 })
    const stopped = stored()
    expect(enableDeployment(catalog.db, ACTOR, stopped, true).enabled).toBe(true)
    deleteDeployment(catalog.db, ACTOR, stopped)
    expect(actions(catalog.db).slice(-3)).toEqual(['deployment.update', 'deployment.start', 'deployment.delete'])
    expect(refused(stored)).toStartWith('404')
  })

  test.each<[string, object]>([
    ['one of model, command and upstream', {}],
    ['one of model, command and upstream', { command: ['a'], upstream: 'http://x.example' }],
    ['either model or model_id', { model: 'm', model_id: 1 }],
    ['version goes with model', { model_id: 1, version: 2 }],
    ['replicas is not a known field', { model: 'm', replicas: 2 }],
    ['retries is not a known field', { command: ['a'], retries: 2 }],
    ['env is not a known field', { upstream: 'http://x.example', env: {} }],
    ['command', { command: [] }],
    ['command', { command: 'a' }],
    ['command', { command: ['a', 'b\0c'] }],
    ['name of a program', { command: [''] }],
    ['cwd must be an absolute path', { command: ['a'], cwd: 'x' }],
    ['PORT is given', { command: ['a'], env: { PORT: '1' } }],
    ['env', { command: ['a'], env: { 'A=B': '1' } }],
    ['env', { command: ['a'], env: { A: 1 } }],
    ['must be a path', { command: ['a'], health: 'health' }],
    ['must be a path', { command: ['a'], health: '/a b' }],
    ['must be a path', { command: ['a'], health: '/a\r\nX: y' }],
    ['min_instances', { command: ['a'], min_instances: 2 }],
    ['replicas', { command: ['a'], replicas: 0 }],
    ['idle_seconds', { command: ['a'], idle_seconds: 0 }],
    ['http:// or https://', { upstream: 'file:///etc/passwd' }],
    ['http:// or https://', { upstream: 'x' }],
    ['http:// or https://', { upstream: 'http://x.example/\r\nX-Injected: 1' }],
    ['http:// or https://', { upstream: 'http://x.exa\tmple' }],
    ['http:// or https://', { upstream: ' http://x.example' }],
    ['certificates in PEM', { upstream: 'https://x.example', ca: 'nonsense' }],
    ['certificates in PEM', { upstream: 'https://x.example', ca: '' }],
    [
      'certificates in PEM',
      { upstream: 'https://x.example', ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
    ],
    ['no user, password', { upstream: 'http://a:secret-1@x.example' }],
    ['no user, password', { upstream: 'http://x.example/?q' }],
    ['retries', { upstream: 'http://x.example', retries: 99 }],
  ])('%s', (text, config) => {
    const refusal = refused(() => create(config))
    expect(refusal).toStartWith('422 deployment late: ')
    expect(refusal).toContain(text)
    expect(refusal).not.toContain('secret-1')
  })
})

test("the installation's secret is made once, and is in no audit", () => {
  const secret = installationSecret(catalog.db)
  expect(secret).toHaveLength(32)
  expect(installationSecret(catalog.db)).toEqual(secret)
  expect(catalog.db.select().from(settings).all()).toHaveLength(1)
  expect(auditText(catalog.db)).not.toContain(Buffer.from(secret).toString('base64'))
})

test('a transaction that throws leaves nothing: no row, no version, no audit', () => {
  const rowsOf = () =>
    (
      catalog.db.$client
        .query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .all() as { name: string }[]
    ).map(({ name }) => [name, catalog.db.$client.query(`SELECT * FROM "${name}"`).all()])
  const before = JSON.stringify(rowsOf())
  expect(() =>
    transaction(catalog.db, tx => {
      const project = createProject(tx, ACTOR, { slug: 'q', name: 'Q' })
      const asset = createAsset(tx, ACTOR, { projectId: project.id, assetType: 'api_service', assetKey: 'x' })
      saveAsset(tx, ACTOR, asset, { title: 'T' }, '')
      markPublished(tx, ACTOR, getAsset(tx, asset.id))
      addVersion(tx, ACTOR, project.id, {
        name: 'm',
        sha256: 'a',
        size: 1,
        features: null,
        metadata: { inputs: [], outputs: [], batched: true, independentRows: true, rewritten: false },
      })
      throw new Error('half-way')
    }),
  ).toThrow('half-way')
  expect(JSON.stringify(rowsOf())).toBe(before)
})

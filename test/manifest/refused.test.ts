/** A manifest with anything wrong in it is refused in one line that names the thing, and nothing has changed. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { SYSTEM } from '../../src/catalog/store.ts'
import { type Instance, openInstance } from '../../src/cli/instance.ts'
import { readConfig } from '../../src/config.ts'
import { Fault } from '../../src/lib/fault.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { applyManifest } from '../../src/management/manifest/apply.ts'
import { readManifest } from '../../src/management/manifest/read.ts'
import { lines, run } from '../cli/run.ts'
import { cleanUp } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

const world = new World()
const at = (name: string) => `${world.folder}/${name}`
const TOWN = { id: 'town', kind: 'lookup', dataset: 'geo.towns', key_column: 'town' }
const SECRET = 'value-that-nobody-may-see'
const FEATURES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']
let before: ReturnType<typeof state>
let instance: Instance
const state = () => ({ catalog: world.catalog(), files: world.files() })

// biome-ignore lint/suspicious/noExplicitAny: a manifest is taken apart in every test
const base = (): any => ({
  projects: [
    {
      slug: 'geo',
      datasets: [{ name: 'geo.towns', from: at('towns.csv'), primary_key: 'town' }],
      models: [{ name: 'iris', versions: [{ version: 1, file: at('iris.onnx'), features: FEATURES }] }],
      services: [
        {
          key: 'geo',
          publish: true,
          endpoints: [
            TOWN,
            { id: 'named', kind: 'sql', query: { source: { schema: 'geo', table: 'towns' }, columns: ['name'] } },
          ],
          keys: [{ name: 'app', secret_env: 'APP_KEY' }],
        },
      ],
    },
  ],
})

beforeAll(async () => {
  world.write('towns.csv', 'town,name\n1,Rome\n2,Oslo\n')
  world.write('more.csv', 'id,n\n1,2\n')
  world.model('iris.onnx', 'iris')
  world.model('late.onnx', 'late_arrival')
  await world.serve(base())
  before = state()
  const { config } = readConfig(['--data-dir', world.dataDir, '--port', '0', '--scoring-workers', '1'], {})
  instance = openInstance(config)
})
afterAll(cleanUp)

/**
 * Refused with a message in which the manifest's file is FILE; no secret, no value; all is as it was. Applied as `serve`
 * does it, but in this process: the command line's part of it is the last test's.
 */
async function refused(
  manifest: object | string,
  says: string | RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  const path = world.write('manifest.yaml', typeof manifest === 'string' ? manifest : stringify(manifest))
  const apply = async () => {
    const read = readManifest(path, { ...world.env, ...env })
    await applyManifest(instance.context, SYSTEM, read, () => ({ update() {}, done() {}, ended() {} }))
  }
  const error = await apply().then(
    () => undefined,
    thrown => thrown,
  )
  expect(error).toBeInstanceOf(Fault)
  const said = error.message.replaceAll(path, 'FILE').replace(/^FILE: line \d+: /, 'FILE: line N: ')
  if (typeof says === 'string') expect(said).toBe(says)
  else expect(said).toMatch(says)
  expect(error.status).toBeLessThan(500)
  expect(said).not.toContain('\n')
  expect(JSON.stringify([said, error.members])).not.toContain(SECRET)
  expect(state()).toEqual(before)
}

/** `base` with a change to its only project. */
// biome-ignore lint/suspicious/noExplicitAny: as above
function changed(change: (project: any) => void): object {
  const manifest = base()
  change(manifest.projects[0])
  return manifest
}
const endpoint = (one: object) => changed(project => project.services[0].endpoints.push(one))
const query = (one: object) =>
  endpoint({ id: 'new', kind: 'sql', query: { source: { schema: 'geo', table: 'towns' }, ...one } })
const dataset = (text: string, more: object = {}) =>
  changed(project => project.datasets.push({ name: 'geo.new', from: world.write('new.csv', text), ...more }))

describe('the file', () => {
  test('is not there, or is not YAML (with the position), or not a manifest', async () => {
    expect(() => readManifest(at('absent.yaml'))).toThrow(`There is no manifest at ${at('absent.yaml')}.`)
    await refused('projects:\n  - slug: [geo\n', /^FILE is not valid YAML: .* at line 3, column 1/)
    await refused(
      'projects: []\nprojects: []\n',
      /^FILE is not valid YAML: Map keys must be unique at line 2, column 1/,
    )
    await refused('', 'FILE is not a manifest: it must have projects.')
    await refused('[1]', 'FILE is not a manifest: it must have projects.')
    await refused('projects: [*none]\n', /^FILE is not valid YAML: Unresolved alias .*: none$/)
    expect(() => readManifest(world.folder)).toThrow(`${world.folder} cannot be read (EISDIR).`)
  })

  test('is not in UTF-8: another name would be published than the one that is written', () => {
    writeFileSync(at('latin.yaml'), Buffer.from('projects: [{ slug: p, name: Caf\xe9 }]\n', 'latin1'))
    expect(() => readManifest(at('latin.yaml'))).toThrow(`${at('latin.yaml')} is not in UTF-8.`)
  })

  test('may use one anchor in as many places as it likes, but not make a bomb of it', async () => {
    const tables = Array.from({ length: 300 }, (_, i) => ({ name: `many.t${i}`, from: at('more.csv') }))
    const text = stringify({ projects: [{ slug: 'geo', datasets: tables }] })
      .replace('more.csv', 'more.csv\n        columns: &all { n: { sensitivity: low } }')
      .replace(/more\.csv\n {6}-/g, 'more.csv\n        columns: *all\n      -')
    const { projects } = readManifest(world.write('anchors.yaml', text))
    expect(projects[0]!.datasets!.filter(d => d.columns?.n?.sensitivity === 'low').length).toBeGreaterThan(290)
    const levels = 'abcdefgh'.split('').map((name, i, all) => {
      const below = i === 0 ? 'x' : `*${all[i - 1]}`
      return `${name}: &${name} [${Array(9).fill(below).join(', ')}]`
    })
    await refused(`${levels.join('\n')}\nprojects: *h\n`, /^FILE is not valid YAML: Excessive alias count/)
  })

  test('has a name or an endpoint of bad form: that is said before anything is imported', async () => {
    for (const [manifest, says] of [
      [dataset('', { name: 'customers' }), 'dataset customers: A dataset is named schema.table: '],
      [endpoint({ id: 'new', kind: 'query' }), 'service geo: config: endpoints[2].kind must be one of sql, '],
      [endpoint({ id: 'new', kind: 'sql', query: 'SELECT 1' }), 'service geo: endpoint new: query is an object '],
    ] as const) {
      const path = world.write('manifest.yaml', stringify(manifest))
      expect(() => readManifest(path, world.env)).toThrow(`${path}: ${says}`)
    }
  })

  test('declares a thing twice: the later one would win, and both would be changed again at every start', async () => {
    const twice = (list: string, one: object) => changed(p => (p[list] = [...(p[list] ?? []), one, one]))
    const version = { version: 7, file: at('late.onnx') }
    const upstream = { name: 'far', upstream: 'https://example.org/' }
    for (const [manifest, says] of [
      [twice('datasets', { name: 'geo.more', from: at('more.csv') }), 'dataset geo.more is declared twice.'],
      [twice('models', { name: 'late', versions: [version] }), 'model late is declared twice.'],
      [
        changed(p => p.models.push({ name: 'late', versions: [version, { ...version, file: at('iris.onnx') }] })),
        'model late version 7 is declared twice.',
      ],
      [twice('services', { key: 'two' }), 'service two is declared twice.'],
      [twice('deployments', upstream), 'deployment far is declared twice.'],
      [twice('keys', { name: 'ops' }), 'key ops is declared twice: two keys of one name both need a secret_env.'],
      [
        changed(p => p.services[0].keys.push({ name: 'app', masking_level: 'unmasked' })),
        'key app is declared twice: two keys of one name both need a secret_env.',
      ],
      [
        changed(p => p.services[0].keys.push({ name: 'wide', secret_env: 'APP_KEY' })),
        'key wide: APP_KEY holds the secret of key app.',
      ],
    ] as const)
      await refused(manifest, `FILE: ${says}`)
  })

  test('has a number that would become another one: a row scope would let other rows through', async () => {
    const scope = (value: string) =>
      stringify(changed(p => (p.services[0].keys[0].row_scope = { town: [SECRET] }))).replace(SECRET, value)
    const line =
      scope(SECRET)
        .split('\n')
        .findIndex(text => text.includes(SECRET)) + 1
    for (const number of ['9007199254740993', '-9007199254740993', '0x20000000000001', '1e400', '.inf'])
      await refused(scope(number), `FILE: line ${line} has a number that cannot be kept exactly; write it as a string.`)
  })

  test('has a field that is not known, at any depth, or a value of the wrong shape', async () => {
    await refused({ projects: [], project: [] }, 'FILE: line N: project is not a known field; did you mean projects?')
    await refused(
      changed(p => (p.datasetz = [])),
      'FILE: line N: projects[0].datasetz is not a known field; did you mean datasets?',
    )
    await refused(
      changed(p => (p.datasets[0].columns = { name: { tier: 'low' } })),
      'FILE: line N: projects[0].datasets[0].columns.name.tier is not a known field.',
    )
    await refused(
      changed(p => (p.services[0].keys[0].rate_limit = SECRET)),
      /^FILE: line N: projects\[0\]\.services\[0\]\.keys\[0\]\.rate_limit must be /,
    )
    const key = 'FILE: line N: projects[0].services[0].keys[0]'
    for (const [field, value, says] of [
      ['rate_limit', 0, 'must be calls a minute, a whole number from 1 to 1000000000, or null for no limit.'],
      ['row_scope', { town: 1 }, 'must be {column: [values]}, at most 500 values a column, or null.'],
      [
        'row_scope',
        { town: Array.from({ length: 501 }, (_, n) => n) },
        'must be {column: [values]}, at most 500 values a column, or null.',
      ],
      ['expires_at', 2030, 'must be an ISO 8601 time such as 2030-01-31T12:00Z, or null.'],
    ] as const)
      await refused(
        changed(p => (p.services[0].keys[0][field] = value)),
        `${key}.${field} ${says}`,
      )
    await refused(
      changed(p => (p.datasets[0].columns = { name: { mask: SECRET } })),
      /^FILE: line N: projects\[0\]\.datasets\[0\]\.columns\.name\.mask must be one of /,
    )
    await refused(
      changed(p => delete p.slug),
      'FILE: line N: projects[0].slug is missing.',
    )
  })

  test('what is wrong with its shape is told with the line that it is in', async () => {
    const key = (of: string, more = '') => `projects:
  - slug: geo
    services:
      - key: geo
        keys:
          - &app
            name: app
            ${of}
          - { <<: *app, name: other${more} }
          - *app
`
    const place = 'projects[0].services[0].keys'
    for (const [text, says] of [
      [key('rate_limt: 5'), `line 8: ${place}[0].rate_limt is not a known field; did you mean rate_limit?`],
      [
        key('expires_at: 2030'),
        `line 8: ${place}[0].expires_at must be an ISO 8601 time such as 2030-01-31T12:00Z, or null.`,
      ],
      [
        key('rate_limit: 5', ', secretenv: A'),
        `line 9: ${place}[1].secretenv is not a known field; did you mean secret_env?`,
      ],
      ['{"projects": [\n{"slug": "a"},\n{"name": "b"}]}', 'line 3: projects[1].slug is missing.'],
      ['projects:\n# none\n', 'line 1: projects: expected array.'],
    ] as const) {
      const path = world.write('lines.yaml', text)
      expect(() => readManifest(path, {})).toThrow(`${path}: ${says}`)
    }
    const merged = readManifest(world.write('merged.yaml', key('rate_limit: 5').replace('          - *app\n', '')), {})
    expect(merged.projects[0]!.services![0]!.keys).toEqual([
      { name: 'app', rate_limit: 5 },
      { name: 'other', rate_limit: 5 },
    ])
  })

  test('fields that do not go with the engine of a dataset, or are missing for it', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: a manifest is taken apart in every test
    const dataset = (more: any) => changed(p => (p.datasets[0] = { name: 'geo.towns', ...more }))
    const from = at('towns.csv')
    for (const [given, says] of [
      [
        { engine: 'mysql', from },
        'FILE: line N: projects[0].datasets[0].engine must be one of sqlite, duckdb, postgres.',
      ],
      [{}, 'FILE: dataset geo.towns: from is missing: only a writable table may begin without a file.'],
      [{ engine: 'duckdb' }, 'FILE: dataset geo.towns: from is missing.'],
      [{ engine: 'duckdb', from, indexes: [['name']] }, 'FILE: dataset geo.towns: indexes goes with engine sqlite.'],
      [{ engine: 'duckdb', from, choose_key: true }, 'FILE: dataset geo.towns: choose_key goes with engine sqlite.'],
      [{ from, connection: 'w' }, 'FILE: dataset geo.towns: connection goes with engine postgres.'],
      [{ engine: 'postgres', table: 'a.b' }, 'FILE: dataset geo.towns: connection is missing.'],
      [{ engine: 'postgres', connection: 'w', table: 'b' }, 'FILE: dataset geo.towns: table must be schema.table.'],
      [
        { engine: 'postgres', connection: 'w', table: 'a.b', from },
        'FILE: dataset geo.towns: from goes with engine sqlite or duckdb.',
      ],
      [
        { engine: 'postgres', connection: 'w', table: 'a.b', columns: { c: { type: 'text' } } },
        'FILE: dataset geo.towns: the columns of a database table have the types that the database gives; leave out type.',
      ],
      [{ engine: 'postgres', connection: 'w', table: 'a.b' }, 'dataset geo.towns: There is no connection w.'],
      [{ engine: 'duckdb', from: 'none/*.csv' }, 'dataset geo.towns: there is no such file'],
      [{ engine: 'duckdb', from, primary_key: 'no' }, /^dataset geo.towns: column no: the primary key names a column/],
    ] as const)
      await refused(dataset(given), says)
  })

  test('a connection without one place for its secret, or that does not connect; and the secret is not said', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const connection = (more: any) => ({ ...base(), connections: [{ name: 'w', kind: 'postgres', ...more }] })
    const both = { url_env: 'A', url_file: 'b' }
    await refused(connection({}), 'FILE: connection w: name either url_env or url_file.')
    await refused(connection(both), 'FILE: connection w: name either url_env or url_file.')
    await refused(connection({ kind: 'mysql', url_env: 'A' }), 'FILE: line N: connections[0].kind must be "postgres".')
    await refused(
      connection({ url_env: `postgres://u:${SECRET}@h/d` }),
      'FILE: connection w: url_env is the name of an environment variable, not a URL.',
    )
    await refused(
      connection({ url_env: 'NOT_SET_ANYWHERE' }),
      'connection w: the environment variable NOT_SET_ANYWHERE is not set.',
    )
    world.write('w.url', `postgres://u:${SECRET}@127.0.0.1:1/d`)
    await refused(connection({ url_file: 'w.url' }), 'connection w: no PostgreSQL answers at 127.0.0.1:1.')
    world.write('w.url', `${SECRET}`)
    await refused(
      connection({ url_file: 'w.url' }),
      'connection w: url_file does not hold a URL such as postgres://user:password@host:5432/database.',
    )
  })
})

describe('what it refers to', () => {
  test('a file that is not there is named with whose it is', async () => {
    await refused(
      changed(p => (p.datasets[0].from = 'absent.csv')),
      'FILE: dataset geo.towns: there is no file absent.csv.',
    )
    await refused(
      changed(p => (p.models[0].versions[0].file = 'absent.onnx')),
      'FILE: model iris version 1: there is no file absent.onnx.',
    )
    await refused(
      endpoint({ id: 'f', kind: 'function', handler_file: 'absent.ts' }),
      'FILE: service geo: endpoint f: there is no file absent.ts.',
    )
  })

  test('a secret that is not set or not a key is named by its variable, never by its value', async () => {
    await refused(base(), 'FILE: key app: the environment variable APP_KEY is not set.', { APP_KEY: '' })
    for (const bad of [SECRET, mintSecret('hf'), `${mintSecret('dk').slice(0, -1)}!`])
      await refused(
        base(),
        'FILE: key app: APP_KEY does not hold a key; "callgate secret dk" prints one of the right form.',
        { APP_KEY: bad },
      )
    const other = changed(p => p.services.push({ key: 'other', keys: [{ name: 'thief', secret_env: 'APP_KEY' }] }))
    await refused(other, 'FILE: key thief: APP_KEY holds the secret of key app.')
  })

  test('an endpoint that would not compile is named with its service: model, dataset, column, operator', async () => {
    const service = 'service geo: endpoint new: '
    await refused(endpoint({ id: 'new', kind: 'model', model: 'absent' }), `${service}The project has no model absent.`)
    await refused(
      endpoint({ id: 'new', kind: 'model', model: 'iris', version: 9 }),
      `${service}Model iris has no version 9.`,
    )
    await refused(endpoint({ ...TOWN, id: 'new', dataset: 'geo.absent' }), /^service geo: endpoint new: .*geo\.absent/)
    await refused(endpoint({ ...TOWN, id: 'new', key_column: 'absent' }), /^service geo: endpoint new: .*absent/)
    await refused(query({ columns: ['absent'] }), /^service geo: endpoint new: .*absent/)
    await refused(query({ filters: [{ column: 'name', op: 'near', param: 'x' }] }), /^.*endpoint new.*op/)
    await refused(endpoint({ ...TOWN }), /^.*Two endpoints have the id town/)
    await refused(endpoint({ id: 'new', kind: 'soap' }), /^.*kind/)
  })

  test('titles that are not seen as they are, and descriptions longer than the management API takes', async () => {
    for (const title of ['a\nb', '\u202ex', ' ']) {
      const says = /^FILE: line N: .*must be [01] to \d+ characters on one line, not blank/
      await refused({ projects: [{ slug: 'new', name: title }] }, says)
      await refused({ projects: [{ slug: 'new', services: [{ key: 'new', title }] }] }, says)
      await refused({ projects: [{ slug: 'new', keys: [{ name: title }] }] }, says)
    }
    const long = (most: number) =>
      new RegExp(`^FILE: line N: .*description: expected string length less or equal to ${most}\\.$`)
    const description = 'x'.repeat(10_001)
    await refused({ projects: [{ slug: 'new', description }] }, long(2000))
    await refused({ projects: [{ slug: 'new', services: [{ key: 'new', description }] }] }, long(10_000))
    await refused(dataset('id\n1', { description }), long(10_000))
  })

  test('names that may not be used', async () => {
    await refused({ projects: [{ slug: 'Geo Graphy' }] }, /^A project slug is /)
    await refused({ projects: [{ slug: 'models' }] }, /^The project slug models would shadow another route/)
    await refused({ projects: [{ slug: 'new', services: [{ key: 'a.b' }] }] }, /^A service key is /)
    await refused(
      { projects: [{ slug: 'new', services: [{ key: 'geo', title: 'mine' }] }] },
      'service geo: another project has this key.',
    )
    await refused(
      changed(p => p.datasets.push({ name: 'nodot', from: at('more.csv') })),
      /^FILE: dataset nodot: A dataset is named schema\.table/,
    )
    await refused(
      changed(p => (p.deployments = [{ name: 'Not A Name' }])),
      /^A deployment/,
    )
  })
})

describe('what is in its files', () => {
  test('a row that is wrong is named by its line and column, without its value', async () => {
    await refused(
      dataset(`id,n\n1,1\n2,${SECRET}\n`, { columns: { n: { type: 'integer' } } }),
      /^dataset geo\.new: line 3, column n: /,
    )
    await refused(dataset(`id,n\n1,1\n2,2,${SECRET}\n`), /^dataset geo\.new: line 3/)
    await refused(dataset(`id,n\n${SECRET},1\n${SECRET},2\n`, { primary_key: 'id' }), /^dataset geo\.new: .*id/)
    await refused(dataset('id,n\n1,1\n', { primary_key: 'absent' }), /^dataset geo\.new: .*absent/)
    await refused(dataset('id,n\n1,1\n', { indexes: [['absent']] }), /^dataset geo\.new: .*absent/)
    await refused(
      dataset('id,n\n1,1\n', { columns: { absent: { sensitivity: 'high' } } }),
      /^Dataset geo\.new has no column absent; it has id, n\.$/,
    )
  })

  test('a model that is none, that does not fit its features, or that would replace a version', async () => {
    const model = (versions: object[]) => changed(p => p.models.push({ name: 'new', versions }))
    await refused(model([{ version: 1, file: world.write('bad.onnx', SECRET) }]), /^model new version 1: /)
    await refused(model([{ version: 1, file: at('iris.onnx'), features: ['only_one'] }]), /^model new version 1: /)
    await refused(
      changed(p => (p.models[0].versions[0].file = at('late.onnx'))),
      /^.*iris.* version 1/,
    )
    await refused(
      changed(p => (p.models[0].active = 3)),
      /^model iris: there is no version 3 to activate\.$/,
    )
    // what was taken in before the one that is wrong goes as well
    await refused(
      model([
        { version: 1, file: at('late.onnx') },
        { version: 2, file: at('bad.onnx') },
      ]),
      /^model new version 2: /,
    )
  })
})

test('an error in the last thing that it declares takes back all that came before', async () => {
  const manifest = base()
  manifest.projects[0].name = 'Renamed'
  manifest.projects[0].services[0].title = 'Renamed'
  manifest.projects.push({
    slug: 'second',
    datasets: [{ name: 'geo.more', from: at('more.csv') }],
    models: [{ name: 'late', versions: [{ version: 1, file: at('late.onnx') }] }],
    services: [{ key: 'second', keys: [{ name: 'minted' }] }],
    keys: [{ name: 'late', expires_at: 'tomorrow' }],
  })
  await refused(manifest, 'key late: expires_at must be an ISO 8601 time such as 2030-01-31T12:00Z, or null.')
})

test('a table whose new columns would break what is published is refused, and the old one is served on', async () => {
  world.write('towns.csv', 'town,title\n1,Rome\n')
  await refused(
    changed(p => delete p.services),
    /^This would break what is published: service geo: endpoint named: .*name/,
  )
  const headers = { 'x-api-key': world.keys.app }
  const served = await fetch(`${instance.url}/api/service/geo/named`, { headers })
  expect(((await served.json()) as { rows: unknown }).rows).toEqual([{ name: 'Rome' }, { name: 'Oslo' }])
})

test('from the command line each is one line and exit 1, whatever was imported before; the next start is as ever', async () => {
  await instance.stop()
  world.write('towns.csv', 'town,name\n1,Rome\n2,Oslo\n')
  const cases: [object | string, string | RegExp][] = [
    ['projects:\n  - slug: [geo\n', /^callgate: FILE is not valid YAML: .* at line 3, column 1/],
    [
      endpoint({ id: 'new', kind: 'model', model: 'absent' }),
      'callgate: service geo: endpoint new: The project has no model absent.',
    ],
    [
      changed(p => {
        p.datasets.push({ name: 'geo.more', from: at('more.csv') })
        p.keys = [{ name: 'k', expires_at: 'soon' }]
      }),
      /^callgate: key k: expires_at/,
    ],
  ]
  for (const [manifest, says] of cases) {
    const path = world.write('manifest.yaml', typeof manifest === 'string' ? manifest : stringify(manifest))
    const args = ['serve', '--manifest', path, '--data-dir', world.dataDir, '--port', '0']
    const { code, stdout, stderr } = await run(args, { env: world.env, cwd: world.folder })
    const said = lines(stderr.replaceAll(path, 'FILE')).filter(line => !line.startsWith('importing '))
    expect(said).toEqual([typeof says === 'string' ? says : expect.stringMatching(says)])
    expect(code).toBe(1)
    expect(stdout).not.toMatch(/created|changed|imported|published|minted/)
    expect(state()).toEqual(before)
  }
  const printed = await world.serve(base(), async callgate => {
    expect((await callgate.call('/api/service/geo/town?id=2', { key: world.keys.app })).json.count).toBe(1)
  })
  expect(printed).toEqual([])
  expect(state()).toEqual(before)
})

/** Deployments in the management API, in a manifest and on the command line: who may do what, and what is told. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { run } from '../cli/run.ts'
import { cleanUp, FIXTURES, temporaryFolder, waitFor } from '../harness.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)

const PASSWORD = 'a long enough secret'
const MODEL = {
  name: 'iris',
  versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx'), features: ['a', 'b', 'c', 'd'] }],
}

/** A Callgate whose project has users of every role; `as` calls a route below its deployments as one of them. */
async function withUsers(flags: string[] = []) {
  const world = new World()
  await world.start([{ name: 'there', command: SERVER, env: { HUSH: 'a secret value' } }], { flags })
  const form = new FormData()
  form.set('file', Bun.file(MODEL.versions[0]!.file))
  form.set('name', 'iris')
  const id = (await world.path()).split('/')[3]!
  await fetch(`${world.callgate.url}/api/models`, {
    method: 'POST',
    body: form,
    headers: { authorization: `Bearer ${world.callgate.adminToken}`, 'x-project-id': id },
  })
  const tokens: Record<string, string> = { installation: world.callgate.adminToken }
  for (const role of ['viewer', 'editor', 'admin', 'stranger']) {
    const roles = role === 'stranger' ? {} : { life: role }
    const username = `${role}-user`
    await world.callgate.admin('POST', '/api/users', { username, password: PASSWORD, roles })
    const signedIn = await world.callgate.call('/api/auth/login', { body: { username, password: PASSWORD } })
    tokens[role] = signedIn.json.access_token
  }
  const as = (who: string, method: string, path = '', body?: unknown) =>
    world.api(method, path, body, { authorization: `Bearer ${tokens[who]}` })
  return { world, as, tokens }
}

describe('who may do what', () => {
  let world: World
  let as: Awaited<ReturnType<typeof withUsers>>['as']
  let tokens: Record<string, string>
  beforeAll(async () => {
    ;({ world, as, tokens } = await withUsers())
  })
  afterAll(cleanUp)
  const ROLES = ['stranger', 'viewer', 'editor', 'admin', 'installation']
  const statuses = async (work: (who: string) => Promise<{ status: number }>, roles = ROLES) => {
    const all: number[] = []
    for (const who of roles) all.push((await work(who)).status)
    return all
  }

  test('looking: who has a role in the project', async () => {
    expect(await statuses(who => as(who, 'GET'))).toEqual([404, 200, 200, 200, 200])
    expect(await statuses(who => as(who, 'GET', '/there'))).toEqual([404, 200, 200, 200, 200])
  })

  test('models: editors', async () => {
    const create = (who: string) => as(who, 'POST', '', { name: `of-${who}`, model: 'iris' })
    expect(await statuses(create)).toEqual([404, 403, 201, 201, 201])
    expect(await statuses(who => as(who, 'DELETE', '/of-editor'))).toEqual([404, 403, 200, 404, 404])
  })

  test('programs and upstreams: administrators of the installation only', async () => {
    for (const config of [{ command: SERVER }, { upstream: 'http://127.0.0.1:9' }])
      expect(await statuses(who => as(who, 'POST', '', { name: `p-${who}`, ...config }))).toEqual(
        [404, 403, 403, 403, 201].map(s => (s === 201 && 'upstream' in config ? 409 : s)),
      )
    expect(await statuses(who => as(who, 'PATCH', '/there', { replicas: 1 }))).toEqual([404, 403, 403, 403, 200])
    expect((await as('admin', 'PATCH', '/of-admin', { command: SERVER })).status).toBe(403)
    expect((await as('admin', 'PATCH', '/there', { model: 'iris' })).json.detail).toContain('--project-deployments')
    const disguised = (who: string) => as(who, 'PATCH', '/of-admin', { model: null, command: ['true'] })
    expect(await statuses(disguised)).toEqual([404, 403, 403, 403, 200])
  })

  test('stopping, starting and logs: editors', async () => {
    for (const action of ['restart', 'stop', 'start'])
      expect(await statuses(who => as(who, 'POST', `/there/${action}`))).toEqual([404, 403, 200, 200, 200])
    expect(await statuses(who => as(who, 'GET', '/there/logs'))).toEqual([404, 403, 200, 200, 200])
  })

  test('whoever follows a log is sent no more of it when it is theirs no longer', async () => {
    const project = (await world.path()).split('/').slice(0, 4).join('/')
    const follow = async (username: string, headers: Record<string, string> = {}) => {
      await world.callgate.admin('POST', '/api/users', { username, password: PASSWORD, roles: { life: 'editor' } })
      const { json } = await world.callgate.call('/api/auth/login', { body: { username, password: PASSWORD } })
      return fetch(`${world.callgate.url}${await world.path()}/there/logs?follow=true`, {
        headers: { authorization: `Bearer ${json.access_token}`, ...headers },
      })
    }
    const followed = [await follow('leaver'), await follow('demoted', { accept: 'text/event-stream' })]
    expect(followed.map(({ status }) => status)).toEqual([200, 200])
    expect((await world.callgate.admin('DELETE', `${project}/members/leaver`)).status).toBe(200)
    expect((await world.callgate.admin('PUT', `${project}/members/demoted`, { role: 'viewer' })).status).toBe(200)
    for (const response of followed) expect(await response.text()).toContain('was started')
  })

  test('what variables are set to is told to nobody, and changes keep it', async () => {
    for (const who of ['viewer', 'installation']) {
      const shown = await as(who, 'GET', '/there')
      expect(shown.json.config).toMatchObject({ command: SERVER, env_names: ['HUSH'] })
      expect(shown.text + (await as(who, 'GET')).text).not.toContain('a secret value')
    }
    await as('installation', 'PATCH', '/there', { idle_seconds: 100 })
    expect((await world.call('there', '/env')).json.HUSH).toBe('a secret value')
    expect((await world.callgate.admin('GET', '/api/audit')).text).not.toContain('a secret value')
  })

  test('a change of variables keeps those that it does not name, and null takes one away', async () => {
    await as('installation', 'PATCH', '/there', { env: { OTHER: 'one', THIRD: 'two' } })
    await as('installation', 'PATCH', '/there', { env: { OTHER: null, THIRD: 'three' } })
    expect((await as('installation', 'GET', '/there')).json.config.env_names).toEqual(['HUSH', 'THIRD'])
    const env = await waitFor(async () => {
      const { json } = await world.call('there', '/env')
      return json.THIRD === 'three' ? json : undefined
    })
    expect([env.HUSH, env.OTHER]).toEqual(['a secret value', undefined])
    for (const env of ['x', ['A'], { A: 1 }])
      expect([env, (await as('installation', 'PATCH', '/there', { env })).status]).toEqual([env, 422])
  })

  test('a list says which kinds one may declare, as a declaration would be refused', async () => {
    const kinds = async (who: string) =>
      (await as(who, 'GET')).json.kinds.map(({ kind, refusal }: Record<string, string>) => [kind, refusal])
    const [programs, role] = ['administrators of the installation', 'role editor']
    const refused = (...texts: (string | null)[]) =>
      ['command', 'upstream', 'model'].map((kind, i) => [kind, texts[i] ? expect.stringContaining(texts[i]) : null])
    expect(await kinds('viewer')).toEqual(refused(role, role, role))
    expect(await kinds('editor')).toEqual(refused(programs, programs, null))
    expect(await kinds('installation')).toEqual(refused(null, null, null))
  })

  test('those of every project are listed for whoever sees it', async () => {
    const names = async (who: string) => {
      const answer = await world.callgate.call('/api/deployments', {
        headers: { authorization: `Bearer ${tokens[who]}` },
      })
      return answer.json.items.map((d: { name: string }) => d.name)
    }
    expect(await names('viewer')).toContain('there')
    expect(await names('installation')).toContain('there')
    expect(await names('stranger')).toEqual([])
  })

  test('deleting a program: administrators of the project', async () => {
    expect(await statuses(who => as(who, 'DELETE', '/there'))).toEqual([404, 403, 403, 200, 404])
  })
})

test('where a setting says so, administrators of a project deploy programs: never as root, nor as whom they like', async () => {
  const asRoot = process.getuid?.() === 0
  const first = await withUsers(['--project-deployments', 'all'])
  const create = (as: typeof first.as, who: string, more: object = {}) =>
    as(who, 'POST', '', { name: `p-${who}-${Object.keys(more).length}`, command: SERVER, ...more })
  expect((await create(first.as, 'editor')).status).toBe(403)
  const own = await create(first.as, 'admin')
  expect([own.status, own.status === 403 ? own.json.detail : '']).toEqual(
    asRoot ? [403, expect.stringContaining('--deployment-user')] : [201, ''],
  )
  expect((await first.as('admin', 'POST', '', { name: 'u', upstream: 'http://127.0.0.1:9' })).status).toBe(201)
  await first.world.callgate.stop()
  const second = await withUsers(['--project-deployments', 'all', '--deployment-user', 'nobody'])
  expect((await create(second.as, 'admin')).status).toBe(201)
  expect((await create(second.as, 'admin', { user: 'root' })).status).toBe(403)
  await second.world.callgate.stop()
})

describe('resources', () => {
  const world = new World()
  beforeAll(() => world.start([{ name: 'one', command: SERVER, health: '/health' }]))
  afterAll(cleanUp)

  test('where it answers is told with https where a trusted proxy says that its caller has it', async () => {
    const proxied = new World()
    await proxied.start([{ name: 'one', command: SERVER }], { flags: ['--trusted-proxies', '127.0.0.1'] })
    const { host } = new URL(proxied.callgate.url)
    const url = async (headers: Record<string, string>) => {
      const [listed] = (await proxied.api('GET', '', undefined, headers)).json.items
      const all = await proxied.callgate.admin('GET', '/api/deployments', undefined, headers)
      const urls = [listed, (await proxied.api('GET', '/one', undefined, headers)).json, all.json.items[0]]
      return [...new Set(urls.map(({ endpoint_url }) => endpoint_url))]
    }
    expect(await url({})).toEqual([`http://${host}/v1/life/one`])
    expect(await url({ 'x-forwarded-proto': 'https' })).toEqual([`https://${host}/v1/life/one`])
    await proxied.callgate.stop()
  })

  test('a deployment is created, shown, changed and listed, with where it answers', async () => {
    const created = await world.api('POST', '', { name: 'two', command: SERVER, replicas: 2 })
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toBe(`${await world.path()}/two`)
    const endpoint_url = `${world.callgate.url}/v1/life/two`
    expect(created.json).toMatchObject({
      name: 'two',
      kind: 'command',
      config: { command: SERVER, replicas: 2 },
      enabled: true,
      revision: 1,
      status: 'idle',
      reason: null,
      replicas: [],
      endpoint_url,
      _links: { self: { href: `${await world.path()}/two` }, logs: { href: `${await world.path()}/two/logs` } },
    })
    expect((await world.callgate.call(`${new URL(endpoint_url).pathname}/pid`, { key: world.key })).status).toBe(200)
    expect((await world.api('PATCH', '/two', { replicas: null })).json).toMatchObject({
      revision: 2,
      config: { command: SERVER },
    })
    const { items } = (await world.api('GET')).json
    expect(items.map((d: { name: string }) => d.name)).toEqual(['one', 'two'])
    expect((await world.api('POST', '', { name: 'two', command: SERVER })).status).toBe(409)
  })

  test('what is wrong is 422, and says where', async () => {
    for (const [body, text] of [
      [{ command: SERVER }, 'name is missing'],
      [{ name: 'Capital', command: SERVER }, 'DNS label'],
      [{ name: 'x' }, 'one of model, command and upstream'],
      [{ name: 'x', command: SERVER, replica: 2 }, 'replica is not a known field'],
      [{ name: 'x', model: 'nope' }, 'deployment x: '],
    ] as const) {
      const answer = await world.api('POST', '', body)
      expect([404, 422]).toContain(answer.status)
      expect(answer.json.detail).toContain(text)
    }
    expect((await world.api('GET', '/nope')).status).toBe(404)
    expect([404, 501]).toContain((await world.api('POST', '/one/explode')).status)
    expect((await world.api('GET', '/one/logs?lines=0')).status).toBe(422)
  })

  test('If-Match holds a change against what was read', async () => {
    const tag = (await world.api('GET', '/one')).headers.get('etag')!
    await world.pid('one')
    expect((await world.api('GET', '/one')).headers.get('etag')).toBe(tag)
    expect((await world.api('PATCH', '/one', { idle_seconds: 500 }, { 'if-match': tag })).status).toBe(200)
    expect((await world.api('PATCH', '/one', { idle_seconds: 600 }, { 'if-match': tag })).status).toBe(412)
    expect((await world.api('DELETE', '/one', undefined, { 'if-match': tag })).status).toBe(412)
    for (const action of ['stop', 'restart', 'start'])
      expect((await world.api('POST', `/one/${action}`, undefined, { 'if-match': tag })).status, action).toBe(412)
    expect((await world.api('GET', '/one')).json.enabled).toBe(true)
  })

  test('whoever stops one, starts it, or restarts it while it runs, is in the audit', async () => {
    for (const action of ['stop', 'start', 'restart', 'stop', 'restart']) await world.api('POST', `/one/${action}`)
    const { items } = (await world.callgate.admin('GET', '/api/audit?page_size=5')).json
    expect(items.map((row: { action: string; target: string }) => `${row.action} ${row.target}`)).toEqual([
      'deployment.start one',
      'deployment.stop one',
      'deployment.restart one',
      'deployment.start one',
      'deployment.stop one',
    ])
  })

  test('a deployment that is stopped stays so when Callgate starts again', async () => {
    await world.api('POST', '/one/stop')
    const { dataDir } = world.callgate
    await world.callgate.stop()
    await world.start([{ name: 'one', command: SERVER, health: '/health' }], { dataDir })
    expect((await world.shown('one')).status).toBe('stopped')
    expect((await world.call('one', '/pid')).text).toBe('')
    await world.api('POST', '/one/start')
    expect((await world.call('one', '/pid')).status).toBe(200)
  })
})

describe('logs', () => {
  const world = new World()
  beforeAll(() => world.start([{ name: 'one', command: SERVER, health: '/health' }]))
  afterAll(cleanUp)
  const say = (out: string, err = '') =>
    world.call('one', `/say?out=${encodeURIComponent(out)}&err=${encodeURIComponent(err)}`)

  test('what it writes is kept, with its time and where it comes from', async () => {
    await say('first', 'an error')
    const text = await waitFor(async () => {
      const { text } = await world.api('GET', '/one/logs')
      return text.includes('an error') && text.includes('out first') ? text : undefined
    })
    expect(text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z r1\.1 callgate: process \d+ was started$/m)
    expect(text).toMatch(/^\S+Z r1\.1 out first$/m)
    expect(text).toMatch(/^\S+Z r1\.1 err an error$/m)
    expect((await world.api('GET', '/one/logs?lines=1')).text.trimEnd().split('\n')).toHaveLength(1)
    expect((await world.api('GET', '/one/logs?lines=0')).status).toBe(422)
  })

  test('a link in the place of a log is not read', async () => {
    const log = join(world.callgate.dataDir, 'logs', String((await world.shown('one')).id), 'output.log')
    renameSync(log, `${log}.1`)
    symlinkSync('/etc/passwd', log)
    expect((await world.api('GET', '/one/logs')).text).toBe('')
    unlinkSync(log)
    renameSync(`${log}.1`, log)
  })

  test('they are followed, over a restart too, until the caller goes', async () => {
    const response = await fetch(`${world.callgate.url}${await world.path()}/one/logs?follow=true&lines=1`, {
      headers: { authorization: `Bearer ${world.callgate.adminToken}` },
    })
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    let text = ''
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    const until = async (wanted: string) => {
      while (!text.includes(wanted)) text += (await reader.read()).value ?? ''
    }
    await say('while you look')
    await until('out while you look')
    await world.api('POST', '/one/restart')
    await until('was started')
    await say('after it')
    await until('out after it')
    await reader.cancel()
  })

  test('the command line prints them', async () => {
    const { code, stdout, stderr } = await run(
      ['deployment', 'logs', 'one', '--lines', '5', '--url', world.callgate.url],
      {
        env: { CALLGATE_TOKEN: world.callgate.adminToken },
      },
    )
    expect([code, stderr, stdout.split('\n').length]).toEqual([0, '', 6])
  })
})

describe('the command line', () => {
  const world = new World()
  beforeAll(() => world.start([{ name: 'one', command: SERVER }]))
  afterAll(cleanUp)
  const cli = (...args: string[]) =>
    run(['deployment', ...args], {
      env: { CALLGATE_URL: world.callgate.url, CALLGATE_TOKEN: world.callgate.adminToken },
    })

  test('creates, shows, changes, stops, starts, lists and deletes', async () => {
    const file = join(temporaryFolder(), 'two.yaml')
    writeFileSync(file, stringify({ name: 'as-in-a-manifest', command: SERVER, health: '/health' }))
    const url = `${world.callgate.url}/v1/life/two`
    const created = await cli('create', 'two', '--file', file, '--set', 'min_instances=1', '--set', 'env={VERSION: a}')
    expect([created.stderr, created.code]).toEqual(['', 0])
    expect(created.stdout).toMatch(
      new RegExp(`^two: running\n  ${url}\n  r1\\.1: ready, process \\d+, 0 requests, 0 restarts`),
    )
    const updated = await cli('update', 'two', '--set', 'env={VERSION: b}')
    expect(updated.stdout).toContain('r2.1: ready')
    expect((await world.call('two', '/pid')).headers.get('x-version')).toBe('b')
    expect((await cli('stop', 'two')).stdout).toStartWith('two: stopped')
    expect((await cli('start', 'two', '--project', 'life')).stdout).toStartWith('two: running')
    expect((await cli('list')).stdout).toMatch(
      /^NAME +KIND +STATUS +URL\none +command +idle +http.*\ntwo +command +running/,
    )
    expect(JSON.parse((await cli('show', 'two', '--json')).stdout)).toMatchObject({ name: 'two', status: 'running' })
    expect((await cli('delete', 'two')).stdout).toBe('two is deleted.\n')
    expect((await cli('show', 'two')).code).toBe(1)
  })

  test('one that does not start is exit status 1, with the reason', async () => {
    const { code, stdout } = await cli(
      'create',
      'bad',
      '--set',
      'command=[no-such-program]',
      '--set',
      'min_instances=1',
    )
    expect([code, stdout]).toEqual([1, expect.stringContaining('bad: failing (there is no such program')])
    expect(stdout).toMatch(/r1\.1: \w+, no process, 0 requests, \d+ restarts(, the next in \d+ s)?\n/)
    expect(stdout).not.toContain('null')
  })

  test.each<[string[], number, string]>([
    [['explode', 'one'], 2, 'no "deployment explode"'],
    [['show'], 2, 'NAME'],
    [['show', 'one', 'two'], 2, 'two is one argument too many'],
    [['show', 'one', '--colour'], 2, '--colour'],
    [['create', 'x'], 2, '--set or --file'],
    [['create', 'x', '--set', 'command'], 2, 'FIELD=VALUE'],
    [['create', 'x', '--set', 'command=[a'], 2, '--set command'],
    [['create', 'x', '--file', '/no/such/file'], 2, 'no file'],
    [['create', 'x', '--set', 'nope=1'], 1, 'one of model, command and upstream'],
    [['show', 'nope'], 1, 'No such deployment'],
    [['show', 'one', '--project', 'nope'], 1, 'no project nope'],
    [['show', 'one', '--token', 'hf_wrong'], 1, 'not valid'],
    [['show', 'one', '--url', 'nonsense'], 2, '--url'],
    [['show', 'one', '--url', 'http://127.0.0.1:1'], 1, 'cannot be reached'],
  ])('%p', async (args, status, text) => {
    const { code, stderr, stdout } = await cli(...args)
    expect([code, stdout]).toEqual([status, ''])
    expect(stderr).toStartWith('callgate: ')
    expect(stderr).toContain(text)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('without a token it asks for one; with help it helps', async () => {
    const { code, stderr } = await run(['deployment', 'list', '--url', world.callgate.url])
    expect([code, stderr]).toEqual([2, expect.stringContaining('CALLGATE_TOKEN')])
    expect((await run(['deployment', 'help'])).stdout).toContain('--set FIELD=VALUE')
  })
})

describe('a manifest', () => {
  afterAll(cleanUp)

  test('applied again changes only what differs, and what it does not name stays', async () => {
    const world = new World()
    const folder = temporaryFolder()
    const one = { name: 'one', command: SERVER, cwd: folder, health: '/health', env: { VERSION: '1' } }
    const dataDir = join(folder, 'data')
    await world.start([one], { dataDir })
    await world.api('PATCH', '/one', { replicas: 2 })
    await world.api('POST', '', { name: 'by-api', command: SERVER })
    await world.callgate.stop()
    await world.start([one], { dataDir })
    expect(world.callgate.output()).not.toContain('deployment one')
    expect(await world.shown('one')).toMatchObject({ revision: 2, config: { replicas: 2 } })
    expect((await world.shown('by-api')).status).toBe('idle')
    await world.callgate.stop()
    await world.start([{ ...one, env: { VERSION: '2' } }], { dataDir })
    expect(world.callgate.output()).toContain('deployment one: changed')
    expect(await world.shown('one')).toMatchObject({ revision: 3, config: { replicas: 2, env_names: ['VERSION'] } })
    await world.callgate.stop()
  })

  test('its folder is where programs run; an error changes nothing', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'server.ts'), await Bun.file(SERVER[1]!).text())
    const manifest = join(folder, 'callgate.yaml')
    const projects = (deployments: object[]) => stringify({ projects: [{ slug: 'here', deployments }] })
    writeFileSync(
      manifest,
      projects([
        { name: 'x', command: SERVER },
        { name: 'y', command: [] },
      ]),
    )
    const env = { CALLGATE_DATA_DIR: join(folder, 'data') }
    const refused = await run(['serve', '--manifest', manifest, '--port', '0'], { env })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('deployment y')
    const world = new World()
    await world.start([{ name: 'here', command: [SERVER[0]!, 'server.ts'], cwd: folder }])
    expect((await world.call('here', '/pid')).status).toBe(200)
    await world.callgate.stop()
  })
})

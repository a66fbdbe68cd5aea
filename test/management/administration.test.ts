/** Members of projects and the server's settings, over the management API. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'

setDefaultTimeout(180_000)
let callgate: Callgate
const tokens: Record<string, string> = {}
let garden = 0
let bank = 0

beforeAll(async () => {
  callgate = await startCallgate({ flags: ['--scoring-workers', '1'], env: { CALLGATE_REQUEST_TIMEOUT: '20s' } })
  const project = async (slug: string) =>
    (await callgate.admin('POST', '/api/projects', { slug, name: slug })).json.project_id as number
  ;[garden, bank] = [await project('garden'), await project('bank')]
  for (const [username, roles] of Object.entries({
    boss: { garden: 'admin' },
    ed: { garden: 'editor' },
    'new+one@example.org': {},
  })) {
    const password = 'correct horse battery'
    expect((await callgate.admin('POST', '/api/users', { username, password, roles })).status).toBe(201)
    tokens[username] = (await callgate.call('/api/auth/login', { body: { username, password } })).json.access_token
  }
})
afterAll(cleanUp)

const as = (username: string, method: string, path: string, body?: unknown) =>
  callgate.call(path, { method, body, headers: { authorization: `Bearer ${tokens[username]}` } })
const newOne = encodeURIComponent('new+one@example.org')

describe('members of a project', () => {
  test('are seen by its members, and are changed by its administrators', async () => {
    const list = async () =>
      (await as('ed', 'GET', `/api/projects/${garden}/members`)).json.items.map(
        ({ username, role }: { username: string; role: string }) => `${username} ${role}`,
      )
    expect(await list()).toEqual(['boss admin', 'ed editor'])
    const path = `/api/projects/${garden}/members/${newOne}`
    expect((await as('boss', 'PUT', path, { role: 'viewer' })).json).toMatchObject({
      username: 'new+one@example.org',
      role: 'viewer',
    })
    expect((await as('boss', 'PUT', path, { role: 'editor' })).status).toBe(200)
    expect(await list()).toEqual(['boss admin', 'ed editor', 'new+one@example.org editor'])
    expect((await as('new+one@example.org', 'GET', `/api/projects/${garden}`)).status).toBe(200)
    expect((await as('boss', 'DELETE', path)).json).toEqual({ removed: true })
    expect((await as('new+one@example.org', 'GET', `/api/projects/${garden}`)).status).toBe(404)
    expect((await as('boss', 'DELETE', path)).status).toBe(404)
    const { items } = (await callgate.admin('GET', '/api/audit')).json
    expect(items.slice(0, 3).map((row: { action: string }) => row.action)).toEqual([
      'member.remove',
      'member.set',
      'member.set',
    ])
    expect(items[0]).toMatchObject({ actor: 'boss', target: 'new+one@example.org', project_id: garden })
  })
  test('are nobody else’s to change, or to see', async () => {
    const path = `/api/projects/${garden}/members/${newOne}`
    expect((await as('ed', 'PUT', path, { role: 'admin' })).status).toBe(403)
    expect((await as('ed', 'DELETE', `/api/projects/${garden}/members/boss`)).status).toBe(403)
    expect((await as('boss', 'PUT', `/api/projects/${bank}/members/boss`, { role: 'admin' })).status).toBe(404)
    expect((await as('new+one@example.org', 'GET', `/api/projects/${garden}/members`)).status).toBe(404)
    const roles = (await callgate.admin('GET', `/api/projects/${garden}/members`)).json.items
    expect(roles).toHaveLength(2)
  })
  test('have one of three roles, and are users', async () => {
    const put = (name: string, body: unknown) => as('boss', 'PUT', `/api/projects/${garden}/members/${name}`, body)
    for (const body of [{}, { role: 'owner' }, { role: null }, { role: 'viewer', more: 1 }, [], 'x'])
      expect((await put('ed', body)).status).toBeOneOf([400, 422])
    for (const name of ['nobody', '%00', "'", 'a'.repeat(500)])
      expect((await put(name, { role: 'viewer' })).status).toBe(404)
  })
})

describe('settings', () => {
  test('say to administrators what was given, and how', async () => {
    const { settings } = (await callgate.admin('GET', '/api/settings')).json
    const of = (flag: string) => settings.find((row: { flag: string }) => row.flag === flag)
    expect(of('--scoring-workers')).toMatchObject({ value: '1', source: 'flag' })
    expect(of('--request-timeout')).toMatchObject({
      variable: 'CALLGATE_REQUEST_TIMEOUT',
      value: '20s',
      source: 'environment',
    })
    expect(of('--max-body')).toMatchObject({ value: '16MiB', source: 'default' })
    expect(JSON.stringify(settings)).not.toContain(callgate.adminToken)
  })
  test('and to nobody else', async () => {
    expect((await as('boss', 'GET', '/api/settings')).status).toBe(403)
    expect((await callgate.call('/api/settings')).status).toBe(401)
  })
})

describe('bodies that say little', () => {
  test('a change of a key that names nothing leaves it as it is', async () => {
    const keys = `/api/projects/${garden}/api-keys`
    const { id } = (await callgate.admin('POST', keys, { name: 'app', rate_limit: 7 })).json
    const before = (await callgate.admin('GET', `${keys}/${id}`)).json
    const { status, json } = await callgate.admin('PATCH', `${keys}/${id}`, {})
    expect([status, json]).toEqual([200, before])
  })

  test('a table whose primary key or index names no column is refused', async () => {
    const columns = { bed: { type: 'integer' } }
    for (const [what, extra] of [
      ['primary key', { primary_key: [] }],
      ['index', { indexes: [[]] }],
    ] as const) {
      const body = { name: 'marts.none', columns, ...extra }
      const { status, json } = await callgate.admin('POST', '/api/datasets', body, { 'x-project-id': String(garden) })
      expect([status, json.detail]).toEqual([422, `The ${what} names no column.`])
    }
  })
})

describe('what is sent', () => {
  test('holds no more values than are quickly read, whatever is asked', async () => {
    const names = JSON.stringify(Object.fromEntries(Array.from({ length: 600_000 }, (_, i) => [`n${i}`, 1])))
    for (const [method, path] of [
      ['POST', '/api/users'],
      ['PATCH', `/api/projects/${garden}`],
    ] as const) {
      const headers = { 'content-type': 'application/json' }
      const { status, json, text } = await callgate.admin(method, path, names, headers)
      expect([status, json.code]).toEqual([413, 'body_too_large'])
      expect(text.length).toBeLessThan(500)
    }
  })
  test('names as many columns and variables as anybody has', async () => {
    const many = (value: unknown) => Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`n${i}`, value]))
    const key = { name: 'k', row_scope: many([1]) }
    expect((await callgate.admin('POST', `/api/projects/${garden}/api-keys`, key)).status).toBe(422)
    const deployment = { name: 'd', command: ['/bin/true'], env: many('1') }
    expect((await callgate.admin('POST', `/api/projects/${garden}/deployments`, deployment)).status).toBe(422)
  })
})

/** Members of projects and the server's settings, over the management API. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { type Callgate, cleanUp, startCallgate } from '../harness.ts'

setDefaultTimeout(60_000)
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

describe('who may no longer do something when the body of the request has come', () => {
  /** The status of a request whose body ends after something else was done. */
  async function slowly(path: string, token: string, body: object, meanwhile: () => Promise<unknown>): Promise<number> {
    const text = JSON.stringify(body)
    const socket = connect(Number(new URL(callgate.url).port), '127.0.0.1')
    const { promise, resolve } = Promise.withResolvers<string>()
    let answer = ''
    socket.on('data', piece => {
      answer += piece
    })
    socket.on('close', () => resolve(answer)).on('error', () => resolve(answer))
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: a',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
    ]
    socket.write([...head, `Content-Length: ${text.length}`, 'Connection: close', '', text.slice(0, 1)].join('\r\n'))
    await Bun.sleep(300)
    await meanwhile()
    socket.write(text.slice(1))
    return Number(/^HTTP\/1.1 (\d+)/.exec(await promise)?.[1])
  }
  const person = async (username: string, roles: object) => {
    const password = 'correct horse battery'
    const { json } = await callgate.admin('POST', '/api/users', { username, password, roles })
    const login = await callgate.call('/api/auth/login', { body: { username, password } })
    return { id: json.user_id as number, token: login.json.access_token as string }
  }
  const service = async (key: string): Promise<number> => {
    const made = { asset_type: 'api_service', asset_key: key, config: { endpoints: [] } }
    return (await callgate.admin('POST', '/api/publish/assets', made, { 'x-project-id': String(garden) })).json.id
  }

  test('an editor who was removed gets no key', async () => {
    const { token } = await person('was-editor', { garden: 'editor' })
    const keys = `/api/publish/assets/${await service('left')}/api-keys`
    const remove = () => callgate.admin('DELETE', `/api/projects/${garden}/members/was-editor`)
    expect(await slowly(keys, token, { name: 'x' }, remove)).toBe(404)
    const listed = await callgate.admin('GET', keys, undefined, { 'x-project-id': String(garden) })
    expect([listed.status, listed.text.includes('"x"')]).toEqual([200, false])
  })

  test('a service that was deleted has none', async () => {
    const id = await service('gone')
    const remove = () => callgate.admin('DELETE', `/api/publish/assets/${id}`)
    expect(await slowly(`/api/publish/assets/${id}/api-keys`, callgate.adminToken, { name: 'x' }, remove)).toBe(404)
  })

  test('a user who was deleted, or is not active, gets no token', async () => {
    const deleted = await person('deleted', {})
    const remove = () => callgate.admin('DELETE', `/api/users/${deleted.id}`)
    expect(await slowly('/api/auth/tokens', deleted.token, { name: 'x' }, remove)).toBe(401)
    const idle = await person('idle', {})
    const deactivate = () => callgate.admin('PATCH', `/api/users/${idle.id}`, { is_active: false })
    expect(await slowly('/api/auth/tokens', idle.token, { name: 'x' }, deactivate)).toBe(401)
    expect(callgate.output()).not.toContain('FOREIGN KEY')
  })
})

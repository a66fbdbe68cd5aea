/** A body may take its time: whether they may is asked when it has come, too. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectId, uploadTable } from '../console/data.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate } from '../harness.ts'
import { begun as begunWith, type Slow, sent, uploaded } from './slow-body.ts'

setDefaultTimeout(180_000)
const PASSWORD = 'correct horse battery'
const IRIS = join(FIXTURES, 'models/iris.onnx')
let callgate: Callgate
let garden: number
const admin = (method: string, path: string, body?: unknown) =>
  callgate.admin(method, path, body, { 'x-project-id': String(garden) })

/** ids of what is there to be changed */
const there: Record<'service' | 'model' | 'user' | 'serviceKey' | 'projectKey', number> = {
  service: 0,
  model: 0,
  user: 0,
  serviceKey: 0,
  projectKey: 0,
}

beforeAll(async () => {
  callgate = await startCallgate({
    flags: ['--scoring-workers', '1'],
    env: { CALLGATE_REQUEST_TIMEOUT: '30s' },
    manifest: {
      projects: [
        {
          slug: 'garden',
          name: 'Garden',
          models: [{ name: 'iris', versions: [{ version: 1, file: IRIS }] }],
          deployments: [{ name: 'irises', model: 'iris' }],
        },
      ],
    },
  })
  garden = await projectId(callgate, 'garden')
  await uploadTable(callgate, garden, 'marts.beds', 'bed,keeper\n1,2')
  const endpoints = [{ id: 'beds', kind: 'sql', query: { source: { schema: 'marts', table: 'beds' } } }]
  const made = { asset_type: 'api_service', asset_key: 'garden', config: { endpoints } }
  there.service = (await admin('POST', '/api/publish/assets', made)).json.id
  there.model = (await admin('GET', '/api/models')).json.models[0].model_id
  there.user = (await admin('POST', '/api/users', { username: 'someone', password: PASSWORD })).json.user_id
  const keyOf = async (path: string) => (await admin('POST', `${path}/api-keys`, { name: 'app' })).json.id
  there.serviceKey = await keyOf(`/api/publish/assets/${there.service}`)
  there.projectKey = await keyOf(`/api/projects/${garden}`)
})
afterAll(cleanUp)

const begun = (slow: Slow, token: string) => begunWith(callgate.url, slow, { token, project: garden })

async function person(username: string, fields: object = {}) {
  const { json } = await admin('POST', '/api/users', { username, password: PASSWORD, ...fields })
  const login = await callgate.call('/api/auth/login', { body: { username, password: PASSWORD } })
  return { id: json.user_id as number, session: login.json.access_token as string }
}

/** Everything that a body goes to and somebody's rights decide of. */
function everything(): Slow[] {
  const { service, model, user, serviceKey, projectKey } = there
  const project = `/api/projects/${garden}`
  const asset = `/api/publish/assets/${service}`
  const sql = { id: 'beds', kind: 'sql', query: { source: { schema: 'marts', table: 'beds' } } }
  const table = { name: 'marts.made', columns: { bed: { type: 'integer' } } }
  return [
    sent('POST', '/api/users', { username: 'mallory', password: PASSWORD, is_admin: true }),
    sent('PATCH', `/api/users/${user}`, { is_admin: true }),
    sent('POST', '/api/projects', { name: 'Bank', slug: 'bank' }),
    sent('PATCH', project, { name: 'Changed' }),
    sent('PUT', `${project}/members/someone`, { role: 'admin' }),
    sent('POST', `${project}/deployments`, { name: 'more', model: 'iris' }),
    sent('POST', `${project}/deployments`, { name: 'program', command: ['true'] }),
    sent('PATCH', `${project}/deployments/irises`, { upstream: 'http://127.0.0.1:9' }),
    sent('POST', `${project}/api-keys`, { name: 'late' }),
    sent('PATCH', `${project}/api-keys/${projectKey}`, { is_active: false }),
    sent('POST', `${project}/api-keys/${projectKey}/rotate`, {}),
    sent('POST', `${asset}/api-keys`, { name: 'late' }),
    sent('PATCH', `${asset}/api-keys/${serviceKey}`, { is_active: false }),
    sent('POST', `${asset}/api-keys/${serviceKey}/rotate`, {}),
    sent('POST', '/api/connections', { name: 'late', url_env: 'NOT_SET' }),
    sent('POST', '/api/datasets', table),
    sent('POST', '/api/datasets', { name: 'marts.read', engine: 'duckdb', from: '/etc/hosts' }),
    sent('PATCH', '/api/datasets/marts.beds', { columns: { keeper: { sensitivity: 'low' } } }),
    sent('PATCH', '/api/datasets/marts.beds', { writable: true }),
    sent('PUT', '/api/datasets/marts.beds/settings', { description: 'changed' }),
    uploaded('/api/datasets/file/upload', 'marts.uploaded', 'a\n1\n', 'a.csv'),
    uploaded('/api/models', 'late', readFileSync(IRIS), 'iris.onnx'),
    sent('POST', '/api/publish/assets', { asset_type: 'api_service', asset_key: 'late' }),
    sent('PUT', asset, { title: 'Changed', is_public: true }),
    // these change nothing: they tell
    sent('POST', `/api/models/${model}/test`, { features: {} }),
    sent('POST', `/api/api-services/${service}/endpoints/beds/test`, {}),
    sent('POST', `/api/api-services/${service}/try`, { endpoint: sql }),
    sent('POST', `/api/api-services/${service}/check`, { endpoint: sql }),
  ]
}

/** What somebody did in the catalog after the entry `id` of the audit. */
async function doneBy(username: string, id: number): Promise<string[]> {
  const { json } = await admin('GET', '/api/audit')
  const rows: { id: number; actor: string; action: string }[] = json.items
  return rows.filter(row => row.id > id && row.actor === username).map(row => row.action)
}
const lastNoted = async (): Promise<number> => (await admin('GET', '/api/audit?page_size=1')).json.items[0].id

describe('nothing is changed, and nothing told, once the body has come', () => {
  async function refused(
    username: string,
    requests: Slow[],
    lose: (id: number) => Promise<unknown>,
    expected: number[],
  ): Promise<void> {
    const { id, session } = await person(username, { is_admin: true, roles: { garden: 'admin' } })
    const ends = await Promise.all(requests.map(request => begun(request, session)))
    await Bun.sleep(500) // until the server has read the heads, which nothing tells
    await lose(id)
    const before = await lastNoted()
    const letIn: string[] = []
    for (const [i, end] of ends.entries()) {
      const status = await end()
      if (!expected.includes(status)) letIn.push(`${requests[i]!.method} ${requests[i]!.path}: ${status}`)
    }
    expect(letIn).toEqual([])
    expect(await doneBy(username, before)).toEqual([])
  }

  test('for whoever has no role any more', async () => {
    const lose = (id: number) => admin('PATCH', `/api/users/${id}`, { roles: {}, is_admin: false })
    await refused('demoted', everything(), lose, [403, 404])
  })

  test('for whoever was signed out', async () => {
    const own = [
      sent('POST', '/api/auth/tokens', { name: 'late' }),
      sent('POST', '/api/auth/password', { current_password: PASSWORD, password: 'another long secret' }),
    ]
    // a new password ends every session
    const lose = (id: number) => admin('PATCH', `/api/users/${id}`, { password: 'some other secret' })
    await refused('out', [...everything(), ...own], lose, [401])
  })

  test('for whoever is there no longer', async () => {
    await refused('deleted', everything(), id => admin('DELETE', `/api/users/${id}`), [401])
    expect(callgate.output()).not.toContain('FOREIGN KEY')
  })

  test('by a token that was revoked: no other token is had with it', async () => {
    const { session } = await person('thief', { is_admin: true })
    const bearer = { authorization: `Bearer ${session}` }
    const minted = await callgate.call('/api/auth/tokens', { body: { name: 'stolen' }, headers: bearer })
    const end = await begun(sent('POST', '/api/auth/tokens', { name: 'late' }), minted.json.token)
    await Bun.sleep(300)
    await callgate.call(`/api/auth/tokens/${minted.json.id}`, { method: 'DELETE', headers: bearer })
    expect(await end()).toBe(401)
    const { json } = await callgate.call('/api/auth/tokens', { headers: bearer })
    expect(json.tokens).toEqual([])
  })
})

test('a service that was deleted while the body was under way gets no key', async () => {
  const made = { asset_type: 'api_service', asset_key: 'gone' }
  const { id } = (await admin('POST', '/api/publish/assets', made)).json
  const end = await begun(sent('POST', `/api/publish/assets/${id}/api-keys`, { name: 'x' }), callgate.adminToken)
  await Bun.sleep(300)
  await admin('DELETE', `/api/publish/assets/${id}`)
  expect(await end()).toBe(404)
})

import { beforeAll, expect, test } from 'bun:test'
import type { World } from './world.ts'

export function reach(world: World): void {
  const status = async (key: string, path: string) => (await world.call(`/api/service/${path}`, { key })).status
  const customer = 'shop/customer?id=1'
  const search = 'shop/search'
  const sibling = 'sibling/plan?id=free'
  const foreign = 'elsewhere/plan?id=free'

  beforeAll(async () => {
    await world.publish('sibling', [{ id: 'plan', kind: 'lookup', dataset: 'marts.plans', key_column: 'plan' }])
  })

  const statuses = (key: string) => Promise.all([customer, search, sibling, foreign].map(path => status(key, path)))

  test('a service key reaches its service: null and [] mean every endpoint, a list only those', async () => {
    expect(await statuses((await world.mint({ allowed_endpoints: null })).key)).toEqual([200, 200, 404, 404])
    expect(await statuses((await world.mint({ allowed_endpoints: [] })).key)).toEqual([200, 200, 404, 404])
    expect(await statuses((await world.mint({ allowed_endpoints: ['customer'] })).key)).toEqual([200, 403, 404, 404])
    expect(await statuses((await world.mint({ allowed_endpoints: ['by id/2', 'later'] })).key)).toEqual([
      403, 403, 404, 404,
    ])
  })

  test('a project key reaches everything published in its project, and nothing of another', async () => {
    expect(await statuses((await world.mintForProject({})).key)).toEqual([200, 200, 200, 404])
    expect(await statuses((await world.mintForProject({}, world.other)).key)).toEqual([404, 404, 404, 200])
  })

  test('a project key can be held to services and to service.endpoint', async () => {
    const only = async (fields: object) => statuses((await world.mintForProject(fields)).key)
    expect(await only({ allowed_services: ['sibling'] })).toEqual([404, 404, 200, 404])
    expect(await only({ allowed_services: ['sibling', 'elsewhere'] })).toEqual([404, 404, 200, 404])
    expect(await only({ allowed_endpoints: ['shop.customer'] })).toEqual([200, 403, 404, 404])
    expect(await only({ allowed_endpoints: ['shop.customer'], allowed_services: ['sibling'] })).toEqual([
      200, 403, 200, 404,
    ])
    expect(await only({ allowed_deployments: ['late'] })).toEqual([404, 404, 404, 404])
    expect(await only({ allowed_endpoints: [], allowed_services: [], allowed_deployments: [] })).toEqual([
      200, 200, 200, 404,
    ])
  })

  test('reach can be changed while the key is in use', async () => {
    const { id, key } = await world.mint({})
    const path = `/api/publish/assets/${world.service}/api-keys/${id}`
    expect(await statuses(key)).toEqual([200, 200, 404, 404])
    await world.admin('PATCH', path, { allowed_endpoints: ['search'] })
    expect(await statuses(key)).toEqual([403, 200, 404, 404])
    await world.admin('PATCH', path, { allowed_endpoints: null })
    expect(await statuses(key)).toEqual([200, 200, 404, 404])
  })

  test('a public service needs no key: masked, at most medium; a bad key is still 401', async () => {
    const id = await world.publish('open', [
      { id: 'customer', kind: 'lookup', dataset: 'marts.customers', key_column: 'id' },
    ])
    await world.admin('PUT', `/api/publish/assets/${id}`, { is_public: true })
    const path = '/api/service/open/customer?id=1'
    const answer = await world.call(path, { headers: world.stranger() })
    expect(answer.json.rows[0]).toMatchObject({
      id: 1,
      name: 'A. L.',
      email: '[BLOCKED]',
      phone: '***0001',
      ssn: '[BLOCKED]',
    })
    expect(answer.headers.get('ratelimit')).toMatch(/^"default";r=\d+;t=\d+$/)
    expect((await world.call(path, { key: 'dk_bad', headers: world.stranger() })).status).toBe(401)
    const user = { authorization: `Bearer ${world.callgate.adminToken}`, ...world.stranger() }
    expect((await world.call(path, { headers: user })).json.rows[0].name).toBe('A. L.')
    const own = await world.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' }, id)
    expect((await world.call(path, { key: own.key })).json.rows[0].name).toBe('Ada Lovelace')
    const others = await world.call(path, { key: world.rawKey })
    expect([others.status, others.json.rows[0].name]).toEqual([200, 'A. L.'])
    await world.admin('PUT', `/api/publish/assets/${id}`, { is_public: false })
    expect((await world.call(path, { headers: world.stranger() })).status).toBe(401)
  })
}

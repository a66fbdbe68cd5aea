import { beforeAll, expect, test } from 'bun:test'
import { ADMIN_PASSWORD, type World } from './world.ts'

const PASSWORD = 'a long enough secret'

export function access(world: World): void {
  const sessions: Record<string, string> = {}
  const as = (who: string, method: string, path: string, body?: unknown, more: Record<string, string> = {}) =>
    world.call(path, { method, body, headers: { authorization: `Bearer ${sessions[who]}`, ...more } })
  const login = (username: string, password: string) =>
    world.call('/api/auth/login', { body: { username, password }, headers: world.stranger() })

  beforeAll(async () => {
    for (const role of ['viewer', 'editor', 'admin', 'stranger']) {
      const roles = role === 'stranger' ? { other: 'admin' } : { shop: role }
      await world.admin('POST', '/api/users', { username: `${role}-user`, password: PASSWORD, roles })
      sessions[role] = (await login(`${role}-user`, PASSWORD)).json.access_token
    }
  })

  test('sign-in gives a session that says who one is', async () => {
    const answer = await login('admin', ADMIN_PASSWORD)
    expect(answer.status).toBe(200)
    expect(answer.json.must_reset_password).toBe(false)
    const me = await world.call('/api/auth/me', { headers: { authorization: `Bearer ${answer.json.access_token}` } })
    expect(me.json).toMatchObject({ username: 'admin', is_admin: true })
    expect((await as('viewer', 'GET', '/api/auth/me')).json.roles).toEqual({ shop: 'viewer' })
  })

  test('a wrong name and a wrong password are refused alike', async () => {
    const [wrong, nobody] = [await login('admin', 'not the password'), await login('nobody', 'not the password')]
    expect([wrong.status, nobody.status]).toEqual([401, 401])
    expect({ ...wrong.json, request_id: '' }).toEqual({ ...nobody.json, request_id: '' })
    expect(wrong.text).not.toContain('not the password')
  })

  test('a token is shown once, works, is listed without its secret, and ends when it is revoked', async () => {
    const minted = await as('editor', 'POST', '/api/auth/tokens', { name: 'ci', expires_days: 1 })
    expect(minted.json.token).toMatch(/^hf_[0-9A-Za-z]{36}$/)
    const use = () =>
      world.call('/api/auth/me', { headers: { authorization: `Bearer ${minted.json.token}`, ...world.stranger() } })
    expect((await use()).json.username).toBe('editor-user')
    const listed = await as('editor', 'GET', '/api/auth/tokens')
    expect(listed.json.tokens.map((t: { name: string }) => t.name)).toEqual(['ci'])
    expect(listed.text).not.toContain(minted.json.token)
    expect((await as('viewer', 'DELETE', `/api/auth/tokens/${minted.json.id}`)).status).toBe(404)
    expect((await as('editor', 'DELETE', `/api/auth/tokens/${minted.json.id}`)).status).toBe(200)
    expect((await use()).status).toBe(401)
    expect((await as('editor', 'GET', '/api/auth/tokens')).json.tokens).toEqual([])
  })

  test("a token without a name has one: the SDK's create_pat() sends an empty one", async () => {
    const { status, json } = await as('viewer', 'POST', '/api/auth/tokens', { name: '' })
    expect([status, json.name]).toEqual([201, 'token'])
    expect((await as('viewer', 'POST', '/api/auth/tokens', {})).status).toBe(422)
  })

  test('a token lives 90 days unless it says otherwise, at most 730, or for ever with 0', async () => {
    const mint = async (fields: object) =>
      (await as('viewer', 'POST', '/api/auth/tokens', { name: 't', ...fields })).json
    const days = (Date.parse((await mint({})).expires_at) - Date.now()) / 86_400_000
    expect(Math.round(days)).toBe(90)
    expect((await mint({ expires_days: 0 })).expires_at).toBeNull()
    expect((await as('viewer', 'POST', '/api/auth/tokens', { name: 't', expires_days: 731 })).status).toBe(422)
  })

  test('without a good token every management route is 401', async () => {
    for (const authorization of [
      undefined,
      'Bearer hf_bad',
      'Bearer a.b.c',
      `Basic ${btoa('admin:x')}`,
      `Bearer ${world.key}`,
    ])
      for (const path of [
        '/api/projects',
        '/api/publish/assets',
        `/api/publish/assets/${world.service}`,
        '/api/users',
        '/api/audit',
      ]) {
        const headers = { ...(authorization ? { authorization } : {}), ...world.stranger() }
        expect((await world.call(path, { headers })).status, `${authorization} ${path}`).toBe(401)
      }
    const none = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiaXNzIjoiY2FsbGdhdGUiLCJlcG9jaCI6MH0.'
    expect(
      (await world.call('/api/auth/me', { headers: { authorization: `Bearer ${none}`, ...world.stranger() } })).status,
    ).toBe(401)
  })

  test('a viewer reads, an editor builds and publishes, an admin rolls back', async () => {
    const asset = `/api/publish/assets/${world.service}`
    const statuses = async (method: string, path: string, body?: unknown, more = {}) =>
      Promise.all(
        ['viewer', 'editor', 'admin', 'stranger'].map(async who => (await as(who, method, path, body, more)).status),
      )
    expect(await statuses('GET', asset)).toEqual([200, 200, 200, 404])
    expect(await statuses('GET', `${asset}/versions/1/diff/1`)).toEqual([200, 200, 200, 404])
    expect(await statuses('PUT', asset, { description: 'd' })).toEqual([403, 200, 200, 404])
    expect(await statuses('POST', `${asset}/publish`, {})).toEqual([403, 200, 200, 404])
    expect(await statuses('GET', `${asset}/api-keys`)).toEqual([403, 200, 200, 404])
    expect(await statuses('POST', `${asset}/api-keys`, { name: 'k' })).toEqual([403, 201, 201, 404])
    expect(await statuses('POST', `/api/api-services/${world.service}/endpoints/customer/test`, { id: 1 })).toEqual([
      403, 200, 200, 404,
    ])
    expect(await statuses('POST', `${asset}/rollback/1`, {})).toEqual([403, 403, 200, 404])
    expect(await statuses('GET', `/api/projects/${world.shop}`)).toEqual([200, 200, 200, 404])
    expect(await statuses('PATCH', `/api/projects/${world.shop}`, { name: 'Shop' })).toEqual([403, 403, 200, 404])
    expect(await statuses('POST', `/api/projects/${world.shop}/api-keys`, { name: 'k' })).toEqual([403, 201, 201, 404])
    expect(await statuses('GET', '/api/datasets/marts.customers')).toEqual([200, 200, 200, 404])
    expect(await statuses('PATCH', '/api/datasets/marts.customers', { description: 'd' })).toEqual([403, 200, 200, 404])
    const project = { 'x-project-id': String(world.shop) }
    const draft = { asset_type: 'api_service', asset_key: 'shop' }
    expect(await statuses('POST', '/api/publish/assets', draft, project)).toEqual([403, 409, 409, 404])
    expect(await statuses('POST', '/api/projects', { name: 'n', slug: 'n' })).toEqual([403, 403, 403, 403])
    expect(await statuses('GET', '/api/users')).toEqual([403, 403, 403, 403])
    expect(await statuses('POST', '/api/users', { username: 'u', password: PASSWORD, is_admin: true })).toEqual([
      403, 403, 403, 403,
    ])
  })

  test("another project's things are in no list and 404 by their id, like what is not there", async () => {
    const slugs = (await as('stranger', 'GET', '/api/projects')).json.items.map((p: { slug: string }) => p.slug)
    expect(slugs).toEqual(['other'])
    const keys = (await as('stranger', 'GET', '/api/publish/assets')).json.map(
      (a: { asset_key: string }) => a.asset_key,
    )
    expect(keys).toEqual(['elsewhere'])
    expect((await as('stranger', 'GET', '/api/models')).json.models.map((m: { name: string }) => m.name)).toEqual([
      'iris',
    ])
    expect((await as('stranger', 'GET', '/api/datasets')).json.datasets).toHaveLength(1)
    expect((await as('viewer', 'GET', '/api/audit')).json.items).toEqual([])
    const foreign = await as('stranger', 'GET', `/api/publish/assets/${world.service}`)
    const absent = await as('stranger', 'GET', '/api/publish/assets/99999')
    expect({ ...foreign.json, request_id: '' }).toEqual({ ...absent.json, request_id: '' })
    const scoped = { 'x-project-id': String(world.shop) }
    expect((await as('stranger', 'GET', '/api/datasets', undefined, scoped)).status).toBe(404)
  })

  test('a new password ends every session, an inactive user has none, and the last administrator stays', async () => {
    const made = await world.admin('POST', '/api/users', { username: 'leaver', password: PASSWORD, roles: {} })
    expect(made.text).not.toMatch(/argon2|password/i)
    const { access_token } = (await login('leaver', PASSWORD)).json
    const use = async () =>
      (await world.call('/api/auth/me', { headers: { authorization: `Bearer ${access_token}`, ...world.stranger() } }))
        .status
    expect(await use()).toBe(200)
    await world.admin('PATCH', `/api/users/${made.json.user_id}`, { password: `${PASSWORD}!` })
    expect(await use()).toBe(401)
    await world.admin('PATCH', `/api/users/${made.json.user_id}`, { is_active: false })
    expect((await login('leaver', `${PASSWORD}!`)).status).toBe(401)
    expect((await world.admin('DELETE', `/api/users/${made.json.user_id}`)).status).toBe(200)
    const { user_id } = (await world.admin('GET', '/api/auth/me')).json
    expect((await world.admin('DELETE', `/api/users/${user_id}`)).status).toBe(409)
    expect((await world.admin('PATCH', `/api/users/${user_id}`, { is_admin: false })).status).toBe(409)
  })

  test('what a user may not be is 422, and a name is taken once', async () => {
    for (const body of [
      { username: 'short', password: 'short' },
      { username: 'sp ace', password: PASSWORD },
      { username: 'role', password: PASSWORD, roles: { shop: 'owner' } },
      { username: 'project', password: PASSWORD, roles: { nowhere: 'viewer' } },
      { username: 'field', password: PASSWORD, nonsense: true },
    ])
      expect((await world.admin('POST', '/api/users', body)).status, body.username).toBe(422)
    expect((await world.admin('POST', '/api/users', { username: 'admin', password: PASSWORD })).status).toBe(409)
  })
}

import { expect, test } from 'bun:test'
import { mintSecret } from '../../../src/lib/secret.ts'
import type { World } from './world.ts'

export function mintedKeys(world: World): void {
  const keys = () => `/api/publish/assets/${world.service}/api-keys`
  const status = async (key: string) => (await world.serve('customer?id=1', { key })).status

  test('minting shows the secret once, with the defaults of the SDK', async () => {
    const { status, json } = await world.admin('POST', keys(), { name: 'app' })
    expect(status).toBe(201)
    expect(json.key).toMatch(/^dk_[0-9A-Za-z]{36}$/)
    expect(json).toMatchObject({
      name: 'app',
      rate_limit: 100,
      masking_level: 'masked',
      sensitivity_max: 'medium',
      allowed_columns: [],
      allowed_endpoints: null,
      row_scope: null,
      is_active: true,
      prefix: json.key.slice(0, 7),
      last4: json.key.slice(-4),
    })
    const days = (Date.parse(json.expires_at) - Date.now()) / 86_400_000
    expect(Math.round(days)).toBe(90)
    expect((await world.admin('POST', keys(), { name: 'forever', expires_days: null })).json.expires_at).toBeNull()
  })

  test("a key without a name has one: the SDK's create_key() sends an empty one", async () => {
    for (const body of [{}, { name: '' }]) {
      const { status, json } = await world.admin('POST', keys(), body)
      expect([status, json.name]).toEqual([201, 'key'])
    }
    const { id } = await world.mint({ name: 'named' })
    expect((await world.admin('PATCH', `${keys()}/${id}`, { name: '' })).status).toBe(422)
  })

  test('keys are listed whole but for the secret, which is nowhere else', async () => {
    const scope = { region: ['north'] }
    const { id, key } = await world.mint({ name: 'listed', allowed_endpoints: ['customer'], row_scope: scope })
    const listed = await world.admin('GET', keys())
    expect(listed.json).toBeArray()
    const row = listed.json.find((k: { id: number }) => k.id === id)
    expect(row).toMatchObject({
      name: 'listed',
      allowed_endpoints: ['customer'],
      row_scope: scope,
      created_by: 'admin',
    })
    for (const path of [keys(), `${keys()}/${id}`, '/api/audit', `/api/publish/assets/${world.service}`])
      expect((await world.admin('GET', path)).text, path).not.toContain(key)
    expect(Object.keys(row)).not.toContain('key')
    expect(Object.keys(row)).not.toContain('hash')
    expect(world.callgate.output()).not.toContain(key)
  })

  test('a revoked key is 403 at once, not 401, and stays in the list', async () => {
    const { id, key } = await world.mint({})
    expect(await status(key)).toBe(200)
    expect((await world.admin('DELETE', `${keys()}/${id}`)).status).toBe(200)
    expect(await status(key)).toBe(403)
    expect((await world.admin('GET', `${keys()}/${id}`)).json.is_active).toBe(false)
    expect((await world.admin('PATCH', `${keys()}/${id}`, { is_active: true })).status).toBe(200)
    expect(await status(key)).toBe(200)
  })

  test('a key patched to a past expiry is 403 at once, and works again when that is taken back', async () => {
    const { id, key } = await world.mint({})
    expect(await status(key)).toBe(200)
    await world.admin('PATCH', `${keys()}/${id}`, { expires_at: '2000-01-01T00:00:00Z' })
    const refused = await world.serve('customer?id=1', { key })
    expect([refused.status, refused.json.code]).toEqual([403, 'key_expired'])
    await world.admin('PATCH', `${keys()}/${id}`, { expires_at: null })
    expect(await status(key)).toBe(200)
  })

  /** Holds a key to be served until that time, and to be 403 from then on. */
  async function expectToEnd(key: string, at: number): Promise<void> {
    for (;;) {
      const asked = Date.now()
      const answered = await status(key)
      if (Date.now() < at) expect(answered).toBe(200)
      if (asked >= at) return expect(answered).toBe(403)
      await Bun.sleep(20)
    }
  }

  test('a key expires while it is in use', async () => {
    const at = Date.now() + 3000
    const { key } = await world.mint({ expires_at: new Date(at).toISOString() })
    await expectToEnd(key, at)
  })

  test('rotation gives a successor with the same settings; the old key ends after the overlap', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const old = await world.mint({ name: 'turning', allowed_endpoints: ['customer'], expires_at })
    const asked = Date.now()
    const rotated = await world.admin('POST', `${keys()}/${old.id}/rotate`, { overlap_seconds: 1 })
    expect(rotated.status).toBe(201)
    expect(rotated.json).toMatchObject({
      name: 'turning',
      allowed_endpoints: ['customer'],
      expires_at,
      rotated_from: old.id,
    })
    const rotatedBy = Date.now()
    const { json: turned } = await world.admin('GET', `${keys()}/${old.id}`)
    expect(turned.rotated_to).toBe(rotated.json.id)
    const end = Date.parse(turned.expires_at)
    expect(end).toBeWithin(asked + 1000, rotatedBy + 1001)
    expect(await status(rotated.json.key)).toBe(200)
    await expectToEnd(old.key, end)
    expect(await status(rotated.json.key)).toBe(200)
  })

  test('rotation never makes a key live longer, and a dead key is not rotated', async () => {
    const expires_at = new Date(Date.now() + 60_000).toISOString()
    const old = await world.mint({ expires_at })
    await world.admin('POST', `${keys()}/${old.id}/rotate`, { overlap_seconds: 3600 })
    expect((await world.admin('GET', `${keys()}/${old.id}`)).json.expires_at).toBe(expires_at)
    await world.admin('DELETE', `${keys()}/${old.id}`)
    expect((await world.admin('POST', `${keys()}/${old.id}/rotate`, {})).status).toBe(409)
  })

  test('a secret may be given when it has the form; another is refused without being echoed', async () => {
    const secret = mintSecret('dk')
    expect((await world.mint({ secret })).key).toBe(secret)
    expect(await status(secret)).toBe(200)
    expect((await world.admin('POST', keys(), { name: 'again', secret })).status).toBe(409)
    for (const bad of ['dk_short', mintSecret('hf'), `${secret.slice(0, -1)}_`]) {
      const refused = await world.admin('POST', keys(), { name: 'bad', secret: bad })
      expect(refused.status).toBe(422)
      expect(refused.text).not.toContain(bad)
    }
  })

  test('what a key may not be is 422', async () => {
    for (const fields of [
      { sensitivity_max: 'secret' },
      { masking_level: 'none' },
      { rate_limit: 0 },
      { rate_limit: 1.5 },
      { expires_days: -1 },
      { expires_at: 'tomorrow' },
      { allowed_endpoints: 'customer' },
      { row_scope: { region: 'north' } },
      { allowed_services: ['shop'] }, // of project keys only
      { nonsense: 1 },
    ])
      expect((await world.admin('POST', keys(), { name: 'x', ...fields })).status, JSON.stringify(fields)).toBe(422)
  })

  test('a lifetime out of its bounds is told them', async () => {
    for (const expires_days of [0, 36_501]) {
      const { status, json } = await world.admin('POST', keys(), { expires_days })
      expect([status, json.detail]).toEqual([422, expect.stringContaining('from 1 to 36500')])
    }
    const token = await world.admin('POST', '/api/auth/tokens', { name: 'ci', expires_days: 731 })
    expect(token.json.detail).toContain('from 1 to 730')
  })

  test('an end is an ISO 8601 time; without a zone it is UTC', async () => {
    for (const [given, kept] of [
      ['2099-01-31T12:00:00Z', '2099-01-31T12:00:00.000Z'],
      ['2099-01-31T12:00:00+02:00', '2099-01-31T10:00:00.000Z'],
      ['2099-01-31T12:00:00.123456', '2099-01-31T12:00:00.123Z'],
      ['2096-02-29', '2096-02-29T00:00:00.000Z'],
    ])
      expect((await world.admin('POST', keys(), { name: 'x', expires_at: given })).json.expires_at).toBe(kept)
    for (const expires_at of [
      '',
      '0',
      '1',
      '2099',
      '+275760-09-13T00:00:00Z',
      '9999-12-31T23:59-01:00',
      '0000-01-01T00:00+01:00',
      '2099-02-30T00:00:00Z',
      '2099-13-01',
      '2099-01-31T25:00:00Z',
      'Sat, 31 Jan 2099 12:00:00 GMT',
    ]) {
      const refused = await world.admin('POST', keys(), { name: 'x', expires_at })
      expect([refused.status, expires_at]).toEqual([422, expires_at])
      expect(refused.json.detail).toContain('expires_at must be an ISO 8601 time')
    }
  })

  test("a key is not reached through another service's or project's path", async () => {
    const { id } = await world.mint({})
    for (const path of [
      `/api/publish/assets/${world.otherService}/api-keys/${id}`,
      `/api/projects/${world.shop}/api-keys/${id}`,
    ])
      for (const method of ['GET', 'DELETE']) expect((await world.admin(method, path)).status).toBe(404)
  })
}

import { expect, test } from 'bun:test'
import type { World } from './world.ts'

export function limits(world: World): void {
  test('a key over its limit a minute gets 429 with Retry-After and the RateLimit fields', async () => {
    const { key } = await world.mint({ rate_limit: 2 })
    const first = await world.serve('customer?id=1', { key })
    expect(first.headers.get('ratelimit-policy')).toBe('"default";q=2;w=60')
    expect(first.headers.get('ratelimit')).toMatch(/^"default";r=1;t=(60|59)$/)
    expect((await world.serve('customer?id=1', { key })).status).toBe(200)
    const refused = await world.serve('customer?id=1', { key })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(refused.headers.get('ratelimit')).toMatch(/^"default";r=0;t=\d+$/)
    expect(refused.text).not.toContain('budget_exceeded')
  })

  test('a refusal of a call that was counted has the RateLimit fields', async () => {
    const { key } = await world.mint({ rate_limit: 4 })
    const refused = [
      await world.serve('nothing', { key }),
      await world.serve('customer?id=1', { key, method: 'POST', body: {} }),
      await world.serve('customer?id=x', { key }),
    ]
    expect(refused.map(({ status, headers }) => [status, headers.get('ratelimit')?.split(';t=')[0]])).toEqual([
      [404, '"default";r=3'],
      [405, '"default";r=2'],
      [422, '"default";r=1'],
    ])
    expect(refused[1]!.headers.get('allow')).toBe('GET, HEAD')
    expect((await world.serve('nothing')).headers.get('ratelimit')).toBeNull()
  })

  test('a refused call counts too, a key without a limit has none, and one key does not spend for another', async () => {
    const { id, key } = await world.mint({ rate_limit: 2 })
    expect((await world.serve('nothing', { key })).status).toBe(404)
    expect((await world.serve('customer?id=x', { key })).status).toBe(422)
    expect((await world.serve('customer?id=1', { key })).status).toBe(429)
    const free = await world.serve('customer?id=1')
    expect([free.status, free.headers.get('ratelimit')]).toEqual([200, null])
    await world.admin('PATCH', `/api/publish/assets/${world.service}/api-keys/${id}`, { rate_limit: null })
    expect((await world.serve('customer?id=1', { key })).status).toBe(200)
  })

  test('many bad keys from one address get 429; a good key from there is not held up, nor is another address', async () => {
    const headers = world.stranger()
    const bad = () => world.call('/api/service/shop/customer?id=1', { key: 'dk_bad', headers })
    const statuses = await Promise.all(Array.from({ length: 70 }, async () => (await bad()).status))
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    const refused = await bad()
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true])
    expect((await world.serve('customer?id=1', { headers })).status).toBe(200)
    const other = await world.call('/api/service/shop/customer?id=1', { key: 'dk_bad', headers: world.stranger() })
    expect(other.status).toBe(401)
  })
}

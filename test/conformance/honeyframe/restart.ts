import { expect, test } from 'bun:test'
import type { World } from './world.ts'

export function restart(world: World): void {
  test('what was published, minted and changed is there again, and when a key was last used is written', async () => {
    const { id, key } = await world.mint({ name: 'lasting' })
    const revoked = await world.mint({})
    await world.admin('DELETE', `/api/publish/assets/${world.service}/api-keys/${revoked.id}`)
    const before = await world.serve('customer?id=3', { key })
    const path = `/api/publish/assets/${world.service}/api-keys/${id}`
    const tag = (await world.admin('GET', path)).headers.get('etag')
    const draft = await world.publish('lasting-draft', [], { publish: false })
    await world.restart()
    const after = await world.serve('customer?id=3', { key })
    expect([after.status, after.json]).toEqual([200, before.json])
    expect((await world.serve('customer?id=3', { key: revoked.key })).status).toBe(403)
    const { json: row, headers } = await world.admin('GET', path)
    // that it was used is no change of it
    expect(headers.get('etag')).toBe(tag)
    expect(Date.now() - Date.parse(row.last_used_at)).toBeWithin(0, 60_000)
    expect((await world.admin('GET', `/api/publish/assets/${draft}`)).json.status).toBe('draft')
    expect((await world.score({ features: { tenure: 30, plan: 'basic' } })).json.predictions).toEqual(['stays'])
  })
}

import { expect, test } from 'bun:test'
import type { World } from './world.ts'

const lookup = (id: string, more: object = {}) => ({
  id,
  kind: 'lookup',
  dataset: 'marts.customers',
  key_column: 'id',
  ...more,
})

export function lifecycle(world: World): void {
  const asset = (id: number) => `/api/publish/assets/${id}`

  test('a draft is not callable, publishing makes it so, unpublishing ends it', async () => {
    const id = await world.publish('life', [lookup('one')], { publish: false })
    const { key } = await world.mint({}, id)
    const call = () => world.call('/api/service/life/one?id=1', { key })
    expect((await world.admin('GET', asset(id))).json).toMatchObject({ status: 'draft', published_version: null })
    expect((await call()).status).toBe(404)
    const published = await world.admin('POST', `${asset(id)}/publish`, {})
    expect(published.status).toBe(200)
    expect(published.json).toMatchObject({ status: 'published', published_version: 1 })
    expect((await call()).json.rows).toHaveLength(1)
    expect((await world.admin('POST', `${asset(id)}/unpublish`, {})).json.status).toBe('draft')
    expect((await call()).status).toBe(404)
  })

  test('editing the draft does not republish; title and is_public act at once', async () => {
    const id = await world.publish('edit', [lookup('old')])
    const { key } = await world.mint({}, id)
    const saved = await world.admin('PUT', asset(id), {
      config: { endpoints: [lookup('new')] },
      change_note: 'renamed',
    })
    expect(saved.json).toMatchObject({ status: 'published', published_version: 1 })
    expect((await world.call('/api/service/edit/old?id=1', { key })).status).toBe(200)
    expect((await world.call('/api/service/edit/new?id=1', { key })).status).toBe(404)

    expect((await world.call('/api/service/edit/old?id=1')).status).toBe(401)
    await world.admin('PUT', asset(id), { is_public: true, title: 'Now public', change_note: '' })
    expect((await world.call('/api/service/edit/old?id=1', { headers: world.stranger() })).status).toBe(200)
    expect((await world.admin('GET', asset(id))).json).toMatchObject({
      title: 'Now public',
      is_public: true,
      published_version: 1,
    })

    await world.admin('POST', `${asset(id)}/publish`, {})
    expect((await world.call('/api/service/edit/old?id=1', { key })).status).toBe(404)
    expect((await world.call('/api/service/edit/new?id=1', { key })).status).toBe(200)
  })

  test('every save is a version, newest first, and a partial save keeps what it does not name', async () => {
    const id = await world.publish('versions', [lookup('a')], { publish: false })
    await world.admin('PUT', asset(id), {
      config: { endpoints: [lookup('a', { max_results: 7 }), lookup('b')] },
      change_note: 'more',
    })
    await world.admin('PUT', asset(id), { title: 'T2', change_note: 'title' })
    const { json } = await world.admin('GET', asset(id))
    expect(json.versions.map((v: { version: number; change_note: string }) => [v.version, v.change_note])).toEqual([
      [3, 'title'],
      [2, 'more'],
      [1, 'created'],
    ])
    expect(json.versions[0]).toMatchObject({
      published_by: 'admin',
      created_at: expect.any(String),
      id: expect.any(Number),
    })
    expect(json.config.endpoints).toHaveLength(2)
  })

  test('a diff names what was added, removed and changed between two versions', async () => {
    const id = await world.publish('diffed', [lookup('a'), lookup('gone')], { publish: false })
    await world.admin('PUT', asset(id), {
      config: { endpoints: [lookup('a', { key_column: 'plan' }), lookup('b')] },
      theme: { dark: true },
    })
    const { json } = await world.admin('GET', `${asset(id)}/versions/1/diff/2`)
    const byPath = Object.fromEntries(json.diff.map((d: { path: string; kind: string }) => [d.path, d.kind]))
    expect(byPath).toEqual({ 'endpoints.a.key_column': 'changed', 'endpoints.gone': 'removed', 'endpoints.b': 'added' })
    expect(json.diff.find((d: { kind: string }) => d.kind === 'changed')).toMatchObject({ left: 'id', right: 'plan' })
    expect(json.theme_diff).toEqual([{ path: 'dark', kind: 'added', left: null, right: true }])
    expect(json).toMatchObject({ left: { version: 1 }, right: { version: 2 } })
    expect((await world.admin('GET', `${asset(id)}/versions/1/diff/9`)).status).toBe(404)
  })

  test('a version is there whole, and the list says what waits to be published and how many keys there are', async () => {
    const id = await world.publish('listed', [lookup('a')])
    const row = async () =>
      (await world.admin('GET', '/api/publish/assets')).json.find((row: { id: number }) => row.id === id)
    expect(await row()).toMatchObject({ unpublished_changes: false, key_count: 0 })
    await world.mint({}, id)
    await world.admin('PUT', asset(id), { title: 'Only the title' })
    expect(await row()).toMatchObject({ unpublished_changes: false, key_count: 1 })
    await world.admin('PUT', asset(id), { config: { endpoints: [lookup('b')] }, change_note: 'another' })
    expect(await row()).toMatchObject({ unpublished_changes: true, status: 'published' })
    const first = await world.admin('GET', `${asset(id)}/versions/1`)
    expect(first.json).toMatchObject({ version: 1, config: { endpoints: [lookup('a')] } })
    expect((await world.admin('GET', `${asset(id)}/versions/3`)).json).toMatchObject({
      change_note: 'another',
      title: 'Only the title',
    })
    expect((await world.admin('GET', `${asset(id)}/versions/4`)).status).toBe(404)
    await world.admin('POST', `${asset(id)}/unpublish`, {})
    expect(await row()).toMatchObject({ unpublished_changes: false, status: 'draft' })
  })

  test('what refuses to be saved or published names its endpoint', async () => {
    const id = await world.publish('named', [lookup('a'), lookup('b', { dataset: 'no.such' })], { publish: false })
    const refused = await world.admin('POST', `${asset(id)}/publish`, {})
    expect([refused.status, refused.json.endpoint]).toEqual([422, 'b'])
    expect(refused.json.detail).toContain('endpoint b: ')
    const unsaved = await world.admin('PUT', asset(id), { config: { endpoints: [lookup('c', { max_results: 0 })] } })
    expect([unsaved.status, unsaved.json.endpoint]).toEqual([422, 'c'])
    expect(unsaved.json.detail).toStartWith('endpoint c: max_results')
  })

  test('a rollback is a new version of the draft; what is served stays until the next publish', async () => {
    const id = await world.publish('back', [lookup('first')])
    const { key } = await world.mint({}, id)
    await world.admin('PUT', asset(id), { config: { endpoints: [lookup('second')] } })
    await world.admin('POST', `${asset(id)}/publish`, {})
    const rolled = await world.admin('POST', `${asset(id)}/rollback/1`, {})
    expect(rolled.json.config.endpoints[0].id).toBe('first')
    expect(rolled.json.versions).toHaveLength(3)
    expect((await world.call('/api/service/back/second?id=1', { key })).status).toBe(200)
    await world.admin('POST', `${asset(id)}/publish`, {})
    expect((await world.call('/api/service/back/first?id=1', { key })).status).toBe(200)
    expect((await world.admin('POST', `${asset(id)}/rollback/99`, {})).status).toBe(404)
  })

  test('a config is given back exactly as it was saved, with members that mean nothing here', async () => {
    const config = {
      endpoints: [{ ...lookup('a'), title: 'A', description: '' }],
      __proto__x: { deep: [1, null, 'ü'] },
      notes: '',
    }
    const id = await world.publish('exact', [], { publish: false })
    await world.admin('PUT', asset(id), { config })
    const { text, json } = await world.admin('GET', asset(id))
    expect(json.config).toEqual(config)
    expect(text).toContain(JSON.stringify(config))
  })

  test('a draft may refer to what is not there; publishing it is refused and names the endpoint', async () => {
    const cases: [string, object, number][] = [
      ['no dataset', { id: 'ghost', kind: 'lookup', dataset: 'marts.nothing', key_column: 'id' }, 422],
      ['no column', { id: 'ghost', kind: 'lookup', dataset: 'marts.customers', key_column: 'nope' }, 422],
      ['no model name', { id: 'ghost', kind: 'model', model: 'nothing' }, 404],
      ['no model id', { id: 'ghost', kind: 'model', model_id: 999_999 }, 404],
      ["another project's model", { id: 'ghost', kind: 'model', model: 'iris' }, 404],
    ]
    const id = await world.publish('refers', [lookup('fine')])
    const { key } = await world.mint({}, id)
    for (const [why, endpoint, status] of cases) {
      expect((await world.admin('PUT', asset(id), { config: { endpoints: [endpoint] } })).status, why).toBe(200)
      const refused = await world.admin('POST', `${asset(id)}/publish`, {})
      expect(refused.status, why).toBe(status)
      expect(refused.json.detail, why).toContain('ghost')
      expect((await world.call('/api/service/refers/fine?id=1', { key })).status, why).toBe(200)
    }
  })

  test('a key and an endpoint id are taken once', async () => {
    const twice = { asset_type: 'api_service', asset_key: 'shop', config: { endpoints: [] } }
    const project = { 'x-project-id': String(world.shop) }
    expect((await world.admin('POST', '/api/publish/assets', twice, project)).status).toBe(409)
    const same = { asset_type: 'api_service', asset_key: 'same', config: { endpoints: [lookup('a'), lookup('a')] } }
    expect((await world.admin('POST', '/api/publish/assets', same, project)).status).toBe(409)
    expect((await world.admin('POST', '/api/publish/assets', { ...same, config: { endpoints: [] } })).status).toBe(422)
    const other = { asset_type: 'dashboard', asset_key: 'dash' }
    expect((await world.admin('POST', '/api/publish/assets', other, project)).status).toBe(422)
  })

  test('a deleted service is gone at every door, and its key with it', async () => {
    const id = await world.publish('mortal', [lookup('one')])
    const { key } = await world.mint({}, id)
    expect((await world.call('/api/service/mortal/one?id=1', { key })).status).toBe(200)
    expect((await world.admin('DELETE', asset(id))).status).toBe(200)
    expect((await world.call('/api/service/mortal/one?id=1', { key })).status).toBe(401)
    expect((await world.call('/api/service/mortal/one?id=1', { key: world.key })).status).toBe(404)
    expect((await world.admin('GET', asset(id))).status).toBe(404)
  })
}

import { expect, test } from 'bun:test'
import type { World } from './world.ts'

export function resources(world: World): void {
  test('single resources carry links and an ETag, and hold changes against If-Match', async () => {
    const id = await world.publish('tagged', [], { publish: false })
    const path = `/api/publish/assets/${id}`
    const read = await world.admin('GET', path)
    const etag = read.headers.get('etag')!
    expect(etag).toMatch(/^"[0-9a-f]+"$/)
    expect(read.json._links).toMatchObject({ self: { href: path }, api_keys: { href: `${path}/api-keys` } })
    expect((await world.admin('PUT', path, { title: 'A' }, { 'if-match': '"0"' })).status).toBe(412)
    expect((await world.admin('GET', path)).json.title).toBe('tagged')
    const saved = await world.admin('PUT', path, { title: 'A' }, { 'if-match': etag })
    expect(saved.status).toBe(200)
    expect(saved.headers.get('etag')).not.toBe(etag)
    expect((await world.admin('PUT', path, { title: 'B' }, { 'if-match': etag })).status).toBe(412)
    expect((await world.admin('POST', `${path}/publish`, {}, { 'if-match': etag })).status).toBe(412)
    expect((await world.admin('DELETE', path, undefined, { 'if-match': etag })).status).toBe(412)
    expect((await world.admin('PUT', path, { title: 'B' }, { 'if-match': '*' })).status).toBe(200)
    const now = (await world.admin('GET', path)).headers.get('etag')!
    expect((await world.admin('PUT', path, { title: 'C' }, { 'if-match': `"x", ${now}` })).status).toBe(200)
  })

  test('keys, users, projects and datasets take If-Match too', async () => {
    const { id } = await world.mint({})
    const user = await world.admin('POST', '/api/users', { username: 'matched', password: 'a long enough secret' })
    for (const [path, change] of [
      [`/api/publish/assets/${world.service}/api-keys/${id}`, { name: 'changed' }],
      [`/api/users/${user.json.user_id}`, { is_active: false }],
      [`/api/projects/${world.other}`, { name: 'Other' }],
      ['/api/datasets/marts.customers', { description: 'changed' }],
    ] as const) {
      const etag = (await world.admin('GET', path)).headers.get('etag')!
      expect((await world.admin('PATCH', path, change, { 'if-match': '"0"' })).status, path).toBe(412)
      expect((await world.admin('PATCH', path, change, { 'if-match': etag })).status, path).toBe(200)
    }
  })

  test('a key is revoked and rotated only as it was read, where the request says so', async () => {
    const { id } = await world.mint({})
    const path = `/api/publish/assets/${world.service}/api-keys/${id}`
    const stale = (await world.admin('GET', path)).headers.get('etag')!
    await world.admin('PATCH', path, { name: 'changed' })
    expect((await world.admin('POST', `${path}/rotate`, {}, { 'if-match': stale })).status).toBe(412)
    expect((await world.admin('DELETE', path, undefined, { 'if-match': stale })).status).toBe(412)
    const read = await world.admin('GET', path)
    expect(read.json).toMatchObject({ is_active: true, rotated_to: null })
    expect((await world.admin('POST', `${path}/rotate`, {}, { 'if-match': read.headers.get('etag')! })).status).toBe(
      201,
    )
    const rotated = (await world.admin('GET', path)).headers.get('etag')!
    expect((await world.admin('DELETE', path, undefined, { 'if-match': rotated })).status).toBe(200)
    expect((await world.admin('GET', path)).json.is_active).toBe(false)
  })

  test("a service's key and type stay as they are: what was read may be sent back, another is refused", async () => {
    const id = await world.publish('staying', [], { publish: false })
    const path = `/api/publish/assets/${id}`
    const { json } = await world.admin('GET', path)
    expect((await world.admin('PUT', path, { ...json, title: 'Sent back' })).status).toBe(200)
    for (const change of [{ asset_key: 'moved' }, { asset_type: 'dashboard' }]) {
      const { status, json: problem } = await world.admin('PUT', path, { title: 'Changed', ...change })
      expect([status, problem.detail]).toEqual([422, expect.stringContaining(Object.keys(change)[0]!)])
    }
    expect((await world.admin('GET', path)).json).toMatchObject({ asset_key: 'staying', title: 'Sent back' })
  })

  test('another method than a path has is 405, with those that it has; the platform that is not here stays 501', async () => {
    const service = `/api/publish/assets/${world.service}`
    const answers = [
      ['PATCH', service, 405, 'GET, HEAD, PUT, DELETE'],
      ['DELETE', '/api/users', 405, 'GET, HEAD, POST'],
      ['GET', `${service}/publish`, 405, 'POST'],
      ['GET', '/api/auth/login', 405, 'POST'],
      ['OPTIONS', '/api/projects', 405, 'GET, HEAD, POST'],
      ['DELETE', '/api/projects/1', 405, 'GET, HEAD, PATCH'],
      ['PUT', '/api/datasets/marts.customers', 405, 'GET, HEAD, PATCH, DELETE'],
      ['PUT', `${service}/api-keys/1/rotate`, 405, 'POST'],
      ['POST', '/', 405, 'GET, HEAD'],
      ['GET', '/api/nothing', 404, null],
      ['PUT', `/api/projects/${world.other}/preferences`, 501, null],
      ['POST', '/api/datasets/import', 501, null],
    ] as const
    for (const [method, path, status, allow] of answers) {
      const answer = await world.admin(method, path, method === 'GET' ? undefined : {})
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, status, allow])
      expect(answer.json.detail).toBeString()
    }
  })

  test('a list pages only when asked, with Link to its neighbours', async () => {
    const all = (await world.admin('GET', '/api/publish/assets')).json
    expect(all.length).toBeGreaterThan(4)
    const page = await world.admin('GET', '/api/publish/assets?page=2&page_size=2&asset_type=api_service')
    expect(page.json).toEqual(all.slice(2, 4))
    const link = page.headers.get('link')!
    const rels = Object.fromEntries([...link.matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, href, rel]) => [rel, href]))
    expect(Object.keys(rels).sort()).toEqual(['first', 'last', 'next', 'prev'])
    expect((await world.admin('GET', rels.next!)).json).toEqual(all.slice(4, 6))
    expect((await world.admin('GET', rels.last!)).json.at(-1)).toEqual(all.at(-1))
    const beyond = await world.admin('GET', '/api/publish/assets?page=999&page_size=2')
    expect(beyond.json).toEqual([])
    const [, last] = /<([^>]+)>; rel="last"/.exec(beyond.headers.get('link')!)!
    expect(beyond.headers.get('link')).toContain(`<${last}>; rel="prev"`)
    expect(beyond.headers.get('link')).not.toContain('rel="next"')
    for (const bad of ['page=0', 'page=x', 'page_size=1001', 'page=-1'])
      expect((await world.admin('GET', `/api/publish/assets?${bad}`)).status, bad).toBe(422)
    expect((await world.admin('GET', '/api/projects?page=1&page_size=1')).json.items).toHaveLength(1)
  })

  test('assets are listed as a bare array, by type, status and project', async () => {
    const keys = async (query: string) =>
      (await world.admin('GET', `/api/publish/assets?${query}`)).json.map((a: { asset_key: string }) => a.asset_key)
    expect(await keys(`project_id=${world.other}`)).toEqual(['elsewhere'])
    expect(await keys('status=published&scope=org')).toContain('shop')
    await world.publish('still-a-draft', [], { publish: false })
    expect(await keys('status=draft')).toContain('still-a-draft')
    expect(await keys('status=published')).not.toContain('still-a-draft')
    expect(await keys('asset_type=dashboard')).toEqual([])
    expect((await world.admin('GET', '/api/publish/assets?status=gone')).status).toBe(422)
  })

  test('an asset is an object with its config as an object', async () => {
    const { json } = await world.admin('GET', `/api/publish/assets/${world.otherService}`)
    expect(json).toMatchObject({
      id: world.otherService,
      asset_type: 'api_service',
      asset_key: 'elsewhere',
      title: 'elsewhere',
      description: '',
      config: { endpoints: [{ id: 'plan', kind: 'lookup' }] },
      theme: {},
      roles: [],
      is_public: false,
      icon: '',
      sort_order: 0,
      status: 'published',
      project_id: world.other,
      versions: [{ version: 1 }],
    })
  })

  test('projects, models and the instance have the shapes that the SDK reads', async () => {
    expect((await world.admin('GET', '/api/projects')).json.items[0]).toMatchObject({
      project_id: expect.any(Number),
      slug: 'shop',
      name: expect.any(String),
    })
    const [model] = (await world.admin('GET', '/api/models?name=churn_risk')).json.models
    expect((await world.admin('GET', `/api/models/${model.model_id}`)).json).toMatchObject({
      name: 'churn_risk',
      version: 1,
      task_type: 'classification',
      metrics: {},
      feature_importance: {},
      feature_columns: ['tenure', 'plan'],
      versions: [{ model_id: model.model_id, version: 1 }],
    })
    expect((await world.admin('GET', '/api/version')).json).toMatchObject({
      name: 'callgate',
      version: expect.any(String),
    })
    expect((await world.admin('GET', '/api/models?name=nothing')).json).toEqual({ models: [] })
    expect((await world.admin('GET', '/api/models/99999')).status).toBe(404)
  })

  test('what a published service needs is not deleted', async () => {
    const project = { 'x-project-id': String(world.shop) }
    expect((await world.admin('DELETE', '/api/datasets/marts.customers', undefined, project)).status).toBe(409)
    const [model] = (await world.admin('GET', '/api/models?name=churn_risk')).json.models
    expect((await world.admin('DELETE', `/api/models/${model.model_id}`)).status).toBe(409)
    expect((await world.serve('customer?id=1')).status).toBe(200)
  })

  test('the rest of the platform is 501, what nobody has is 404, each with a detail', async () => {
    for (const path of [
      '/api/sql',
      '/api/dashboards',
      '/api/catalog/engine',
      '/api/flow/ai-recipes',
      '/api/projects/1/variables',
      '/api/license/status',
      '/api/data/x',
    ]) {
      const { status, json } = await world.admin('POST', path, {})
      expect([path, status, typeof json.detail]).toEqual([path, 501, 'string'])
    }
    expect((await world.admin('GET', '/api/nothing')).status).toBe(404)
  })

  test('an uploaded table can be published at once; a broken one says where it is wrong and leaves nothing', async () => {
    const upload = (name: string, text: string, more: Record<string, string> = {}) => {
      const form = new FormData()
      form.set('file', new File([text], 'table.csv'))
      for (const [field, value] of Object.entries({ name, ...more })) form.set(field, value)
      return world.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': String(world.shop) })
    }
    const made = await upload('uploads.cities', 'id,name\n1,Ulm\n2,Köln\n', {
      primary_key: 'id',
      columns: '{"name":{"sensitivity":"medium"}}',
    })
    expect([made.status, made.json.row_count, made.json.primary_key]).toEqual([201, 2, ['id']])
    const id = await world.publish('cities', [
      { id: 'city', kind: 'lookup', dataset: 'uploads.cities', key_column: 'id' },
    ])
    const { key } = await world.mint({}, id)
    const call = async () => (await world.call('/api/service/cities/city?id=2', { key })).json.rows
    expect(await call()).toEqual([{ id: 2, name: '***' }])
    expect((await upload('uploads.cities', 'id,name\n1,x\n')).status).toBe(409)
    const broken = await upload('uploads.cities', 'id,name\n1,a\n1,b\n', { primary_key: 'id', replace: 'true' })
    expect(broken.status).toBe(422)
    const described = { description: 'x'.repeat(10_001), replace: 'true' }
    const long = await upload('uploads.cities', 'id,name\n1,a\n', described)
    expect([long.status, long.json.detail]).toEqual([422, expect.stringMatching(/^description: .*10000/)])
    expect(await call()).toEqual([{ id: 2, name: '***' }])
    expect((await upload('uploads.cities', 'id,name\n2,Bonn\n', { primary_key: 'id', replace: 'true' })).status).toBe(
      201,
    )
    expect(await call()).toEqual([{ id: 2, name: '***' }])
  })

  test("a table without a name has its file's, made one that there can be; a file without one is told so", async () => {
    const upload = (file: string) => {
      const form = new FormData()
      form.set('file', new File(['id\n1\n'], file))
      return world.admin('POST', '/api/datasets/file/upload', form, { 'x-project-id': String(world.other) })
    }
    for (const [file, name] of [
      ['2024-01 sales.csv', 'uploads._2024-01_sales'],
      [`${'long'.repeat(20)}.csv`, `uploads.${'long'.repeat(20).slice(0, 63)}`],
      ['../stock.csv', 'uploads.stock'],
    ] as const) {
      const { status, json } = await upload(file)
      expect([status, json.name]).toEqual([201, name])
    }
    const { status, json } = await upload('folder/')
    expect([status, json.detail]).toEqual([422, expect.stringMatching(/^A file without a name is not a file that/)])
  })

  test('rows that are replaced by an upload keep the key and the indexes that it does not name', async () => {
    const upload = async (text: string, more: Record<string, string> = {}) => {
      const form = new FormData()
      form.set('file', new File([text], 'nightly.csv'))
      for (const [field, value] of Object.entries({ name: 'uploads.nightly', replace: 'true', ...more }))
        form.set(field, value)
      const headers = { 'x-project-id': String(world.shop) }
      const { status, json } = await world.admin('POST', '/api/datasets/file/upload', form, headers)
      return status === 201 ? [json.row_count, json.primary_key, json.indexes] : [status, json.detail]
    }
    const how = { primary_key: 'id', indexes: '[["town"]]' }
    expect(await upload('id,town\n1,Ulm\n', how)).toEqual([1, ['id'], [['town']]])
    expect(await upload('id,town\n1,Ulm\n2,Bonn\n')).toEqual([2, ['id'], [['town']]])
    expect(await upload('id,town\n1,Ulm\n1,Bonn\n')).toEqual([
      422,
      'line 3, column id: the primary key is already taken by an earlier row',
    ])
    expect(await upload('id,town\n1,Ulm\n', { primary_key: 'town' })).toEqual([1, ['town'], [['town']]])
    expect(await upload('id,town\n1,Ulm\n', { primary_key: '[]', indexes: '[]' })).toEqual([1, null, []])
  })

  test('the audit says who did what, and holds no secret and no value of a row scope', async () => {
    const { key } = await world.mint({ name: 'audited', row_scope: { region: ['atlantis'] } })
    const { json, text } = await world.admin('GET', '/api/audit')
    expect(json.items.find((row: { target: string }) => row.target.startsWith('audited#'))).toMatchObject({
      actor: 'admin',
      action: 'key.mint',
      project_id: world.shop,
    })
    expect(text).not.toContain(key)
    expect(text).not.toContain('atlantis')
  })
}

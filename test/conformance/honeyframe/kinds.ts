import { expect, test } from 'bun:test'
import { ids, MODEL_ROW, type World } from './world.ts'

export function kinds(world: World): void {
  const dryRun = (endpoint: string, body: unknown) =>
    world.admin('POST', `/api/api-services/${world.service}/endpoints/${encodeURIComponent(endpoint)}/test`, body)

  test('a lookup answers its row, and an empty list where there is none', async () => {
    const found = await world.serve('customer?id=3')
    expect(found.status).toBe(200)
    expect(found.headers.get('content-type')).toBe('application/json')
    expect(found.json).toMatchObject({ count: 1, limit: 100, offset: 0, has_more: false })
    expect(found.json.rows[0]).toMatchObject({ id: 3, region: 'east' })
    const none = await world.serve('customer?id=999')
    expect([none.status, none.json.rows, none.json.count]).toEqual([200, [], 0])
  })

  test('a lookup needs its key and takes nothing else', async () => {
    expect((await world.serve('customer')).status).toBe(422)
    expect((await world.serve('customer?id=1&region=north')).status).toBe(400)
    expect((await world.serve('customer?id=1&id=2')).status).toBe(422)
  })

  test('an endpoint id with a space and a slash is called percent-encoded', async () => {
    const answer = await world.serve('by%20id%2F2?no=4')
    expect(answer.json).toMatchObject({ rows: [{ id: 4, region: 'west' }], limit: 5 })
    expect((await world.serve('by%20id/2?no=4')).status).toBe(404)
  })

  test('a sql endpoint filters by its parameters', async () => {
    expect(ids(await world.serve('search?region=north'))).toEqual([1, 5, 9, 13, 17])
    expect(ids(await world.serve('search?region=north&plan=free&plan=basic'))).toEqual([1, 5, 13, 17])
    expect(ids(await world.serve('search?region=north&from=10'))).toEqual([13, 17])
  })

  test('a model endpoint scores one row or many, and ignores the query string', async () => {
    const one = await world.score({ features: MODEL_ROW })
    expect(one.status).toBe(200)
    expect(one.json).toMatchObject({ predictions: ['stays'], count: 1 })
    expect(one.json.model_id).toBeNumber()
    const many = await world.serve('churn?explain=1', { body: { rows: [MODEL_ROW, { tenure: 1, plan: 'free' }] } })
    expect(many.json).toMatchObject({ count: 2, model_id: one.json.model_id })
    expect(many.json.predictions[0]).toBe('stays')
    expect(many.json.probabilities[0]).toEqual(one.json.probabilities[0])
  })

  test('a function is served with the method that it declares', async () => {
    const { status, json, headers } = await world.serve('greet', { method: 'POST', body: { name: 'Ada' } })
    expect([status, json, headers.get('content-type')]).toEqual([200, { hello: 'Ada' }, 'application/json'])
  })

  test('a wrong method is 405 with what is allowed', async () => {
    for (const [path, method, allow] of [
      ['customer?id=1', 'POST', 'GET, HEAD'],
      ['search', 'DELETE', 'GET, HEAD'],
      ['churn', 'GET', 'POST'],
      ['churn', 'PUT', 'POST'],
    ] as const) {
      const answer = await world.serve(path, { method, body: method === 'GET' ? undefined : '{}' })
      expect([path, method, answer.status, answer.headers.get('allow')]).toEqual([path, method, 405, allow])
    }
  })

  test('HEAD is GET without a body', async () => {
    const answer = await world.serve('customer?id=1', { method: 'HEAD' })
    expect([answer.status, answer.text]).toEqual([200, ''])
  })

  test('a dry-run gives what a raw key gets, from the draft, published or not', async () => {
    const served = await world.serve('customer?id=3', { key: world.rawKey })
    expect((await dryRun('customer', { id: 3 })).json).toEqual(served.json)
    expect((await dryRun('by id/2', { no: 4 })).json.rows).toEqual([{ id: 4, region: 'west' }])
    expect((await dryRun('search', { plan: ['free', 'basic'], limit: 3 })).json.count).toBe(3)
    expect((await dryRun('churn', { features: MODEL_ROW })).json.predictions).toEqual(['stays'])
    expect((await dryRun('greet', { name: 'Grace' })).json).toEqual({ hello: 'Grace' })
    expect((await dryRun('nothing', {})).status).toBe(404)
    const draft = await world.publish(
      'unseen',
      [{ id: 'd', kind: 'lookup', dataset: 'marts.customers', key_column: 'id' }],
      { publish: false },
    )
    const run = await world.admin('POST', `/api/api-services/${draft}/endpoints/d/test`, { id: 1 })
    expect(run.json.rows[0].name).toBe('Ada Lovelace')
  })

  test('a dry-run as the public, or as a key, gives what they get', async () => {
    const path = (id: string) => `/api/api-services/${world.service}/endpoints/${id}/test`
    const as = (who: string, id = 'customer', body: object = { id: 3 }) =>
      world.admin('POST', path(id), body, { 'x-test-as': who })
    const mint = async (fields: object) => {
      const { id, key } = await world.mint(fields)
      return { as: String(id), key }
    }
    const masked = await mint({ masking_level: 'masked', sensitivity_max: 'high' })
    const served = await world.serve('customer?id=3', { key: masked.key })
    const raw = await as('raw')
    expect(served.json).not.toEqual(raw.json)
    expect(raw.json).toEqual((await dryRun('customer', { id: 3 })).json)
    expect((await as(masked.as)).json).toEqual(served.json)
    expect((await as('public')).json.rows[0].email).toBe('[BLOCKED]')

    const scoped = await mint({ row_scope: { region: ['nowhere'] }, allowed_endpoints: ['customer'] })
    expect((await as(scoped.as)).json.rows).toEqual([])
    const beyond = await as(scoped.as, 'search', {})
    expect([beyond.status, beyond.json.code]).toEqual([403, 'endpoint_out_of_reach'])
    const ofProject = await world.mintForProject({ allowed_services: ['shop'], masking_level: 'masked' })
    expect((await as(String(ofProject.id))).json.rows[0].email).toBe('[BLOCKED]')

    await world.admin('DELETE', `/api/publish/assets/${world.service}/api-keys/${scoped.as}`)
    expect((await as(scoped.as)).json.code).toBe('key_inactive')
    const elsewhere = await world.mint({}, world.otherService)
    for (const [who, status] of [
      [String(elsewhere.id), 404],
      ['999999999', 404],
      ['everyone', 422],
      ['-1', 422],
    ] as const)
      expect([who, (await as(who)).status]).toEqual([who, status])
  })

  test('a dry-run takes no API key and needs to be signed in', async () => {
    const path = `/api/api-services/${world.service}/endpoints/customer/test`
    expect((await world.call(path, { key: world.rawKey, body: { id: 1 } })).status).toBe(401)
    const bearer = { authorization: `Bearer ${world.rawKey}`, ...world.stranger() }
    expect((await world.call(path, { headers: bearer, body: { id: 1 } })).status).toBe(401)
  })

  const tried = (body: object) => world.admin('POST', `/api/api-services/${world.service}/try`, body)

  test('an endpoint is tried before it is saved: its answer, its statement, what it logged', async () => {
    const query = {
      source: { schema: 'marts', table: 'customers' },
      columns: ['id', 'region'],
      filters: [{ column: 'region', param: 'region', required: true }],
    }
    const endpoint = { id: 'unsaved', kind: 'sql', query }
    const rows = await tried({ endpoint, input: { region: 'north', limit: '2' } })
    expect(rows.json).toMatchObject({ status: 200, body: { count: 2, has_more: true }, log: [] })
    expect(rows.json.body.rows[0]).toEqual({ id: 1, region: 'north' })
    expect(rows.json.sql).toMatch(/^SELECT .*"?region"?/i)
    expect(rows.json.sql).not.toContain('north')
    const missing = await tried({ endpoint })
    expect([missing.status, missing.json.detail]).toEqual([422, expect.stringContaining('region')])

    const handler = 'export default async ({ body }, host) => { host.log("saw", body.n); return { n: body.n } }'
    const fn = await tried({ endpoint: { id: 'f', kind: 'function', handler }, input: { n: 7 } })
    expect(fn.json).toMatchObject({ status: 200, body: { n: 7 }, log: ['saw 7'], sql: null })
    const broken = await tried({ endpoint: { id: 'f', kind: 'function', handler: 'export default () => { null.x }' } })
    expect([broken.status, broken.json.handler.line]).toEqual([500, 1])

    const model = await tried({
      endpoint: { id: 'm', kind: 'model', model: 'churn_risk' },
      input: { features: MODEL_ROW },
    })
    expect(model.json.body.predictions).toEqual(['stays'])
    expect((await world.serve('unsaved?region=north')).status).toBe(404)
  })

  test('what is tried must be an endpoint that could be saved', async () => {
    for (const [body, status] of [
      [{}, 422],
      [{ endpoint: { id: 'x' } }, 422],
      [{ endpoint: { id: 'x', kind: 'sql', query: { source: { schema: 'no', table: 'such' } } } }, 422],
      [{ endpoint: { id: 'x', kind: 'model', model: 'nothing' } }, 404],
      [{ endpoint: { id: 'x', kind: 'function', handler: 'not code(' } }, 422],
      [{ endpoint: { id: '', kind: 'lookup', dataset: 'a.b', key_column: 'c' } }, 422],
      [{ endpoint: { id: 'x', kind: 'sql' }, more: 1 }, 422],
    ] as const)
      expect([body, (await tried(body)).status]).toEqual([body, status])
    expect((await world.admin('POST', '/api/api-services/99999/try', {})).status).toBe(404)
  })

  const checked = (endpoint: object) => world.admin('POST', `/api/api-services/${world.service}/check`, { endpoint })

  test('an endpoint is checked before it is saved, and nothing of it runs', async () => {
    const porter = { namespace: 'shop', name: 'risk' }
    const model = { id: 'unsaved', kind: 'model', model: 'churn_risk' }
    const before = { handler: 'export default ({ rows }) => { throw new Error("it ran") }' }
    const accepted = await checked({ ...model, porter, before })
    expect(accepted.json).toEqual({ methods: ['POST'], porter_path: '/shop/risk/v1/prediction', warnings: [] })
    for (const [endpoint, status, detail] of [
      [
        { ...model, schema: { type: 'objekt' } },
        422,
        'understood here: type must be equal to one of the allowed values.',
      ],
      [{ ...model, after: { handler: 'export default (' } }, 422, 'after cannot be used'],
      [{ ...model, output: 'nothing' }, 422, 'has no such output'],
      [{ ...model, porter: { path: '/api/mine' } }, 422, 'would shadow another route'],
      [{ ...model, model: 'nothing' }, 404, 'has no model nothing'],
      [{ id: 'unsaved', kind: 'function', handler: 'not code(' }, 422, 'the function cannot be used'],
    ] as const) {
      const refused = await checked(endpoint)
      expect([refused.status, refused.json.endpoint]).toEqual([status, 'unsaved'])
      expect(refused.json.detail).toContain(detail)
    }
    expect((await world.admin('POST', '/api/api-services/99999/check', { endpoint: model })).status).toBe(404)
    expect((await world.serve('unsaved', { body: { features: MODEL_ROW } })).status).toBe(404)
  })

  test('what the code around a model logs is told to who tries it, refused or not', async () => {
    const handlerOf = (last: string) => ({
      handler: `export default ({ rows }, host) => { host.log('rows', rows.length); ${last} }`,
    })
    const endpoint = { id: 'unsaved', kind: 'model', model: 'churn_risk' }
    const input = { features: MODEL_ROW }
    const kept = await tried({
      endpoint: { ...endpoint, check: handlerOf(''), before: handlerOf('return rows') },
      input,
    })
    expect([kept.status, kept.json.log]).toEqual([200, ['rows 1', 'rows 1']])
    const refused = await tried({ endpoint: { ...endpoint, check: handlerOf('throw host.error(422, "no")') }, input })
    expect([refused.status, refused.json.detail, refused.json.log]).toEqual([422, 'no', ['rows 1']])
  })

  test('the types of handlers are there to be read', async () => {
    const { json } = await world.admin('GET', '/api/functions/types')
    expect(json.declarations).toContain("declare module 'callgate'")
  })
}

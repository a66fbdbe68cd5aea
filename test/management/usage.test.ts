/** What every serving door counts, and what the management API tells of it. */

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, FIXTURES, waitFor } from '../harness.ts'
import { readCsv } from '../read-csv.ts'
import { FLOWER, UsageWorld } from './usage-world.ts'

setDefaultTimeout(180_000)
const began = new Date()
const world = new UsageWorld()
beforeAll(() => world.start())
afterAll(cleanUp)

const call = (path: string, key?: string, init = {}) => world.callgate.call(path, { key, ...init })
/** What a piece of work adds to the counts of project shop. */
async function added(work: () => Promise<unknown>, project?: number | null): Promise<Record<string, number>> {
  const before = await world.counted(project)
  await work()
  const more = Object.entries(await world.counted(project)).map(([what, calls]) => [what, calls - (before[what] ?? 0)])
  return Object.fromEntries(more.filter(([, calls]) => calls !== 0))
}

describe('what is counted', () => {
  test('calls of API services, by how they ended', async () => {
    const { key } = world
    const counts = await added(async () => {
      const first = await call('/api/service/shop/row?id=1', key)
      await call('/api/service/shop/row?id=2', key)
      await call('/api/service/shop/row?id=1', key, { headers: { 'if-none-match': first.headers.get('etag') } })
      await call('/api/service/shop/row?id=x', key)
      await call('/api/service/shop/row?no=1', key)
      await call('/api/service/shop/row?id=1', key, { method: 'POST', body: {} })
      await call('/api/service/shop/nothing', key)
      await call('/api/service/shop/iris', key, { body: { rows: [FLOWER] } })
      await call('/api/service/shop/iris', key, { body: { rows: [{}] } })
      for (const status of [201, 302, 409, 503]) await call(`/api/service/shop/teapot?status=${status}`, key)
      await call('/api/service/shop/through', key, { body: {} })
    })
    expect(counts).toEqual({
      'shop.row =app() 2xx': 2,
      'shop.row =app() 304': 1,
      'shop.row =app() 422': 1,
      'shop.row =app() 400': 1,
      'shop.row =app() 405': 1,
      'shop. =app() 404': 1,
      'shop.iris =app() 2xx': 1,
      'shop.iris =app() 422': 1,
      'shop.teapot =app() 2xx': 1,
      'shop.teapot =app() 3xx': 1,
      'shop.teapot =app() 409': 1,
      'shop.teapot =app() 503': 1,
      'shop.through =app() 2xx': 1, // and the row that it looked up itself is no call of a caller's
    })
  })

  test('calls at the other doors, under the name of what is called', async () => {
    const tensor = { name: 'X', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }
    const key = world.projectKey
    const { json } = await call('/v2/models/iris', key)
    const body = { inputs: [{ ...tensor, name: json.inputs[0].name }] }
    const statuses: number[] = []
    const counts = await added(async () => {
      for (const [path, init] of [
        ['/v2/models/iris/infer', { body }],
        ['/v1/models/shop.iris:predict', { body: { instances: [FLOWER] } }],
        ['/v1/models', {}],
        ['/v2/models/nothing', {}],
        ['/flowers/iris/v1/prediction', { body: [{ id: 1, ...FLOWER }] }],
        ['/flowers/iris/v1/prediction', { method: 'OPTIONS' }],
        ['/v1/shop/flowers/v1/models/flowers:predict', { body: { instances: [FLOWER] } }],
        ['/v1/shop/flowers/', {}],
        ['/v1/shop/flowers/nothing', {}],
        ['/v1/shop/nothing/', {}],
        ['/v1/shop/remote/200', {}],
        ['/v1/shop/remote/418', {}],
        ['/v1/shop/remote/503', {}],
      ] as const)
        statuses.push((await call(path, key, init)).status)
      await call('/v1/shop/flowers/')
      const preflight = { origin: 'https://a.example', 'access-control-request-method': 'POST' }
      await call('/v1/shop/remote/200', undefined, { method: 'OPTIONS', headers: preflight })
      await call('/-/ready')
      await call('/nothing/at/all', key)
    })
    expect(statuses).toEqual([200, 200, 200, 404, 200, 200, 200, 200, 404, 404, 200, 418, 503])
    expect(counts).toEqual({
      'shop.iris whole 2xx': 3,
      '- whole 2xx': 1,
      '- whole 404': 2,
      'flowers whole 2xx': 2,
      'flowers whole 404': 1,
      'flowers unknown 401': 1,
      'remote whole 2xx': 1,
      'remote whole 418': 1,
      'remote whole 503': 1,
    })
  })

  test('who was refused: a throttled key, a revoked one, none, and unknown ones, which make no names', async () => {
    const unknown = () => mintSecret('dk')
    const revoked = await world.admin('POST', `/api/projects/${world.shop}/api-keys`, { name: 'revoked' })
    await world.admin('DELETE', `/api/projects/${world.shop}/api-keys/${revoked.json.id}`)
    const counts = await added(async () => {
      await call('/api/service/shop/row?id=1', revoked.json.key)
      for (let i = 0; i < 5; i++) await call('/api/service/shop/row?id=1', world.slow)
      await call('/api/service/shop/row?id=1')
      await call('/api/service/shop/row?id=1', unknown())
      await call('/v2/models/iris', unknown())
      await call('/api/service/open/row?id=1')
      await call('/api/service/open/row?id=1', unknown())
      await call('/api/service/shop/row?id=1', world.otherKey)
      await call('/api/service/open/row?id=1', world.otherKey)
    })
    expect(counts).toEqual({
      'shop.row revoked 403': 1,
      'shop.row slow 2xx': 2,
      'shop.row slow 429': 3,
      'shop.row unknown 401': 2,
      'shop.iris unknown 401': 1,
      'open.row public 2xx': 2,
      'open.row unknown 401': 1,
    })
    const nobody = await added(async () => {
      for (let i = 0; i < 20; i++) {
        await call(`/api/service/guess-${i}/${i}`, unknown())
        await call(`/v2/models/guess-${i}`)
        await call(`/v1/guess-${i}/guess/`)
      }
      await call('/api/service/guess/x', world.otherKey)
    }, null)
    expect(nobody).toEqual({ '- unknown 401': 60, '- others-app 404': 1 })
  })
})

describe('what is told', () => {
  test('totals, a series without gaps, and groups are of the same calls', async () => {
    const told = await world.usage('?step=minute&group_by=service,key')
    expect(Date.parse(told.to) - Date.parse(told.from)).toBeGreaterThanOrEqual(86_400_000)
    expect(told.series).toHaveLength((Date.parse(told.to) - Date.parse(told.from)) / 60_000)
    const sum = (rows: Record<string, number>[], name: string) => rows.reduce((total, row) => total + row[name]!, 0)
    for (const name of ['calls', 'succeeded', 'refused', 'throttled', 'failed']) {
      expect(sum(told.series, name)).toBe(told.totals[name])
      expect(sum(told.groups, name)).toBe(told.totals[name])
    }
    const { succeeded, refused, throttled, failed, calls } = told.totals
    expect(succeeded + refused + throttled + failed).toBe(calls)
    expect(
      sum(
        [told.totals.statuses].flatMap(s => Object.values<number>(s).map(calls => ({ calls }))),
        'calls',
      ),
    ).toBe(calls)
    for (const group of told.groups) expect(group.series.reduce((a: number, b: number) => a + b, 0)).toBe(group.calls)
    expect(throttled).toBe(3)
    for (const step of ['hour', 'day', 'auto']) expect((await world.usage(`?step=${step}`)).totals).toEqual(told.totals)
  })

  test('what is selected: by service, endpoint, deployment, key, status and time', async () => {
    const keys = (await world.admin('GET', '/api/publish/assets')).json
    const shop = keys.find((a: { asset_key: string }) => a.asset_key === 'shop').id
    const slow = (await world.admin('GET', `/api/publish/assets/${shop}/api-keys`)).json.find(
      (k: { name: string }) => k.name === 'slow',
    )
    const callsOf = async (query: string) => (await world.usage(query)).totals.calls
    expect(await callsOf(`?key=${slow.id}&status=429`)).toBe(3)
    expect(await callsOf(`?key=${slow.id}&status=2xx`)).toBe(2)
    expect(await callsOf('?service=shop&endpoint=row&status=304,422')).toBe(2)
    expect(await callsOf('?deployment=flowers')).toBe(4)
    expect(await callsOf('?service=open&key=public')).toBe(2)
    expect(await callsOf('?key=unknown&status=4xx')).toBe(5)
    expect(await callsOf('?service=nothing')).toBe(0)
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString()
    expect(await callsOf(`?from=${daysAgo(9)}&to=${daysAgo(8)}`)).toBe(0)
    expect(await callsOf(`?from=${daysAgo(60)}&service=open&key=public`)).toBe(2)
    const { latency_ms } = (await world.usage('?service=shop&endpoint=row&status=2xx')).totals
    expect(latency_ms.p50).toBeGreaterThan(0.01)
    expect(latency_ms.p95).toBeGreaterThanOrEqual(latency_ms.p50)
    expect((await world.usage('?status=401')).totals.latency_ms).toBeNull()
    const first = (await world.usage('?group_by=key&limit=1')).groups
    expect(first).toHaveLength(1)
    expect(first[0]).toMatchObject({ project_id: world.shop, key_id: expect.any(Number), key: '=app()' })
  })

  test('the same as CSV, in which no name is a formula', async () => {
    const scope = { 'x-project-id': String(world.shop) }
    const json = await world.usage('?group_by=endpoint,key&step=hour')
    for (const [query, headers] of [
      ['&format=csv', scope],
      ['', { ...scope, accept: 'text/csv' }],
    ] as const) {
      const answer = await world.admin('GET', `/api/usage?group_by=endpoint,key&step=hour${query}`, undefined, headers)
      expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
      expect(answer.headers.get('content-disposition')).toBe('attachment; filename="usage.csv"')
      const [head, ...lines] = readCsv(answer.text)
      expect(head!.join()).toBe(
        'at,project_id,service,endpoint,key_id,key,calls,succeeded,refused,throttled,failed,p50_ms,p95_ms,p99_ms',
      )
      expect(lines.reduce((sum, line) => sum + Number(line[6]), 0)).toBe(json.totals.calls)
      expect(lines.map(line => line[5])).toContain("'=app()")
      expect(answer.text).not.toMatch(/(^|,|")=app/m)
    }
    const plain = await world.admin('GET', '/api/usage?format=csv', undefined, scope)
    expect(readCsv(plain.text)[0]!.join()).toBe('at,calls,succeeded,refused,throttled,failed,p50_ms,p95_ms,p99_ms')
  })

  test('what is slow, which key was throttled, what nobody calls', async () => {
    const top = await world.usage('/top')
    expect(top.slowest.length).toBeGreaterThan(4)
    expect(top.slowest[0]).toMatchObject({ project_id: world.shop, service: 'shop' })
    const p95 = top.slowest.map((row: { latency_ms: { p95: number } }) => row.latency_ms.p95)
    expect(p95).toEqual([...p95].sort((a, b) => b - a))
    expect(top.throttled).toEqual([
      expect.objectContaining({ service: 'shop', endpoint: 'row', deployment: null, key: 'slow', throttled: 3 }),
    ])
    const uncalled = { project_id: world.shop, service: null, endpoint: null, deployment: null }
    expect(top.uncalled).toEqual([
      { ...uncalled, service: 'shop', endpoint: 'unloved', kind: 'lookup' },
      { ...uncalled, service: 'shop', endpoint: 'busy', kind: 'function' },
      { ...uncalled, deployment: 'idle', kind: 'deployment' },
    ])
    await call('/api/service/shop/unloved?id=1', mintSecret('dk')) // an unknown key is nobody
    expect((await world.usage('/top?service=shop')).uncalled_count).toBe(2)
    await call('/api/service/shop/unloved?id=1', world.key)
    expect((await world.usage('/top?service=shop&endpoint=unloved')).uncalled).toEqual([])
    expect((await world.usage('/top', world.other)).uncalled).toEqual([
      { ...uncalled, project_id: world.other, service: 'elsewhere', endpoint: 'row', kind: 'lookup' },
    ])
  })

  test('which keys called what is about to go', async () => {
    const keysOf = async (query: string) => {
      const told = await world.usage(`/callers${query}`)
      return new Set(told.callers.map((c: { key: string }) => c.key))
    }
    expect(await keysOf('?service=shop&endpoint=row')).toEqual(new Set(['=app()', 'slow']))
    expect(await keysOf('?service=open')).toEqual(new Set(['public']))
    expect(await keysOf('?deployment=flowers')).toEqual(new Set(['whole']))
    expect(await keysOf('?dataset=m.unused')).toEqual(new Set())
    expect(await keysOf('?model=iris')).toEqual(new Set(['=app()', 'whole']))
    const { uses, callers } = await world.usage('/callers?dataset=m.t')
    expect(uses.map((u: { service: string; endpoint: string }) => `${u.service}.${u.endpoint}`).sort()).toEqual([
      'open.row',
      'shop.row',
      'shop.through',
      'shop.unloved',
    ])
    const caller = callers.find((c: { endpoint: string }) => c.endpoint === 'unloved')
    const { key_id } = caller
    expect(caller).toEqual({
      project_id: world.shop,
      service: 'shop',
      endpoint: 'unloved',
      deployment: null,
      key_id,
      key: '=app()',
      calls: 1,
      last_hour: expect.any(String),
    })
    // the full hour may have come since the call
    expect([began, new Date()].map(at => `${at.toISOString().slice(0, 13)}:00:00Z`)).toContain(caller.last_hour)
    const ofKey = (await world.usage(`/callers?key=${key_id}`)).callers
    expect(ofKey.map((c: { endpoint: string }) => c.endpoint)).toContain('teapot')
  })

  test('who called one version of a model: what is pinned to it, and what follows the model while it is active', async () => {
    const keysOf = async (version: number) => {
      const { callers } = await world.usage(`/callers?model=iris&version=${version}`)
      return new Set(callers.map((c: { key: string }) => c.key))
    }
    const form = new FormData()
    form.append('name', 'iris')
    form.append('features', JSON.stringify(Object.keys(FLOWER)))
    form.append('file', new File([await Bun.file(join(FIXTURES, 'models/iris.onnx')).bytes()], 'iris.onnx'))
    const scope = { 'x-project-id': String(world.shop) }
    const { json: second } = await world.admin('POST', '/api/models', form, scope)
    const [first] = second.versions.filter((v: { version: number }) => v.version === 1)
    await world.admin('POST', `/api/models/${second.model_id}/activate`, {}, scope)
    expect([await keysOf(1), await keysOf(2)]).toEqual([new Set(), new Set(['=app()', 'whole'])])
    await world.admin('POST', `/api/models/${first.model_id}/activate`, {}, scope)
    expect([await keysOf(1), await keysOf(2)]).toEqual([new Set(['=app()', 'whole']), new Set()])
    // a day as a version
    form.set('version', '20261127')
    await world.admin('POST', '/api/models', form, scope)
    expect(await keysOf(20261127)).toEqual(new Set())
  })

  test('which keys that work made no call, of those that reach what is named', async () => {
    const scope = { 'x-project-id': String(world.shop) }
    const mint = async (fields: object) =>
      (await world.admin('POST', `/api/projects/${world.shop}/api-keys`, fields, scope)).json.id
    const spare = await mint({ name: 'spare', allowed_services: ['open'], expires_at: null })
    await mint({ name: 'ended', expires_at: '2020-01-01T00:00:00Z' })
    const unused = async (query = '') => {
      const { keys, key_count } = await world.usage(`/unused-keys${query}`)
      expect(keys.length).toBe(key_count)
      return keys.map(({ key }: { key: string }) => key).sort()
    }
    expect(await unused()).toEqual(['spare'])
    expect(await unused('?service=shop')).toEqual([])
    expect(await unused('?service=open')).toEqual(['spare', 'whole'])
    expect(await unused('?service=shop&endpoint=teapot')).toEqual(['slow', 'whole'])
    expect(await unused('?deployment=idle')).toEqual(['whole'])
    expect(await unused('?service=nothing')).toEqual([])
    const { keys } = await world.usage('/unused-keys?limit=1')
    expect(keys).toEqual([
      {
        project_id: world.shop,
        asset_id: null,
        key_id: spare,
        key: 'spare',
        created_at: expect.any(String),
        last_used_at: null,
      },
    ])
  })
})

describe('who is told', () => {
  test('viewers, of their projects only', async () => {
    await call('/api/service/elsewhere/row?id=1', world.otherKey)
    const roles = { other: 'viewer' }
    await world.admin('POST', '/api/users', { username: 'vera', password: 'a-long-password', roles })
    const { json } = await call('/api/auth/login', undefined, {
      body: { username: 'vera', password: 'a-long-password' },
    })
    const headers = { authorization: `Bearer ${json.access_token}` }
    const told = await call('/api/usage?group_by=project', undefined, { headers })
    expect(told.json.groups.map((g: { project_id: number }) => g.project_id)).toEqual([world.other])
    expect(told.text).not.toContain('shop')
    for (const path of ['/api/usage', '/api/usage/top', '/api/usage/callers?service=shop']) {
      const scoped = { headers: { ...headers, 'x-project-id': String(world.shop) } }
      expect((await call(path, undefined, scoped)).status).toBe(404)
      expect((await call(path)).status).toBe(401)
      expect((await call(path, world.key)).status).toBe(401)
    }
    const callers = await call('/api/usage/callers?service=shop', undefined, { headers })
    expect(callers.json.callers).toEqual([])
    expect((await call('/api/usage/top', undefined, { headers })).json.uncalled).toEqual([])
    const scoped = { headers: { ...headers, 'x-project-id': String(world.other) } }
    expect((await call('/api/usage/unused-keys', undefined, scoped)).status).toBe(403)
    expect((await call('/api/usage/unused-keys', undefined, { headers })).json).toMatchObject({
      keys: [],
      key_count: 0,
    })
    expect((await call('/api/usage/callers?connection=any', undefined, { headers })).status).toBe(403)
  })

  test('nobody, of what makes no sense: the refusal says what would', async () => {
    for (const [query, says] of [
      ['?step=second', 'step must be minute, hour, day or auto.'],
      ['?step=toString', 'step must be'],
      ['?from=yesterday', 'from must be an ISO 8601 time'],
      ['?to=2026-02-30', 'to must be an ISO 8601 time'],
      ['?from=2030-01-02&to=2030-01-01', 'from must be before to.'],
      ['?from=1999-01-01', 'kept for 5 years'],
      ['?to=2999-01-01', 'to must not be in the future.'],
      [
        `?step=minute&from=${new Date(Date.now() - 3 * 86_400_000).toISOString()}`,
        'By the minute usage is kept for 2 days',
      ],
      [
        `?step=hour&from=${new Date(Date.now() - 92 * 86_400_000).toISOString()}`,
        'By the hour usage is kept for 90 days',
      ],
      ['?status=200', 'status must be a list of'],
      ['?status=', 'status must be a list of'],
      ['?key=app', "key must be a key's id, or public, unknown, others."],
      ['?key=__proto__', 'key must be'],
      ['?service=', 'service must be a name.'],
      ['?group_by=colour', 'group_by must be a list of project, service'],
      ['?limit=0', 'limit must be a whole number'],
      ['?format=xml', 'format must be json or csv.'],
      ['?servcie=shop', 'servcie is not a parameter here'],
      ['?key=1&key=2', 'key is there twice'],
      ['/top?group_by=key', 'group_by is not a parameter here'],
      ['/callers', 'Name one of service'],
      ['/callers?dataset=m.t&days=91', 'days must be a whole number from 1 to 90.'],
      ['/callers?dataset=m.t&version=1', 'A version is of a model: give model too.'],
      ['/unused-keys?endpoint=row', 'An endpoint is named with its service: give service too.'],
      ['/unused-keys?key=1', 'key is not a parameter here'],
    ]) {
      const answer = await world.admin('GET', `/api/usage${query}`, undefined, { 'x-project-id': String(world.shop) })
      expect([query, answer.status, answer.json.detail]).toEqual([query, 422, expect.stringContaining(says!)])
    }
    expect((await world.admin('GET', '/api/usage/callers?dataset=m.t')).json.detail).toContain('send X-Project-Id')
    for (const absent of ['connection=absent', 'model=iris&version=77']) {
      const scope = { 'x-project-id': String(world.shop) }
      const { status } = await world.admin('GET', `/api/usage/callers?${absent}`, undefined, scope)
      expect([absent, status]).toEqual([absent, 404])
    }
  })
})

test('while the catalog cannot be written, usage is still told as it was, and nothing of it is lost', async () => {
  const { totals } = await world.usage('')
  const elsewhere = new Database(join(world.callgate.dataDir, 'catalog.db'))
  elsewhere.run('PRAGMA busy_timeout = 5000')
  elsewhere.run('BEGIN IMMEDIATE')
  await call('/api/service/shop/row?id=1', world.key)
  const told = await world.usage('')
  expect(told.totals).toEqual(totals)
  elsewhere.run('ROLLBACK')
  elsewhere.close()
  expect((await world.usage('')).totals.calls).toBe(totals.calls + 1)
})

test("a key's last use is told after its calls were written, and it survives an end in order", async () => {
  const before = await world.counted()
  await call('/api/service/shop/row?id=1', world.key)
  await world.restart('stop')
  const after = await world.counted()
  expect(after['shop.row =app() 2xx']).toBe(before['shop.row =app() 2xx']! + 1)
  const assets = (await world.admin('GET', '/api/publish/assets')).json
  const { id } = assets.find((a: { asset_key: string }) => a.asset_key === 'shop')
  const [key] = (await world.admin('GET', `/api/publish/assets/${id}/api-keys`)).json
  expect(Date.now() - Date.parse(key.last_used_at)).toBeLessThan(60_000)
})

test('a caller that goes away is counted as 499', async () => {
  const counts = await waitFor(async () => {
    const aborted = new AbortController()
    const init = { method: 'POST', headers: { 'x-api-key': world.key }, signal: aborted.signal }
    const going = fetch(`${world.callgate.url}/api/service/shop/busy`, init).catch(() => 'gone')
    await call('/-/ready') // by then it has most likely come in; else once more
    aborted.abort()
    expect(await going).toBe('gone')
    const counted = Object.keys(await world.counted()).filter(what => what.startsWith('shop.busy'))
    return counted.length > 0 ? counted : undefined
  })
  expect(counts).toEqual(['shop.busy =app() 499'])
})

import { expect, test } from 'bun:test'
import { sendRaw } from '../raw-http.ts'
import { MODEL_ROW, type World } from './world.ts'

export function wire(world: World): void {
  const basic = (password: string) => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`

  test('a key is presented as X-API-Key, ApiKey, Bearer or Basic, schemes in any case', async () => {
    const { key } = world
    const presented: Record<string, string>[] = [
      { 'x-api-key': key },
      { 'X-API-KEY': ` ${key} ` },
      { authorization: `ApiKey ${key}` },
      { authorization: `apikey ${key}` },
      { authorization: `Bearer ${key}` },
      { authorization: `BEARER ${key}` },
      { authorization: basic(key) },
      { authorization: basic(key).replace('Basic', 'bAsIc') },
    ]
    for (const headers of presented)
      expect((await world.call('/api/service/shop/customer?id=1', { headers })).status, JSON.stringify(headers)).toBe(
        200,
      )
  })

  test('a request without a Host, or with one that is none, is served like any other', async () => {
    const lines = [`X-API-Key: ${world.key}`, 'Connection: close']
    const send = (request: string, ...more: string[]) =>
      sendRaw(world.callgate.url, [`${[request, ...lines, ...more].join('\r\n')}\r\n\r\n`])
    const path = '/api/service/shop/customer?id=1'
    const { json: wanted } = await world.call(path, { key: world.key })
    for (const answer of [
      await send(`GET ${path} HTTP/1.0`),
      await send(`GET ${path} HTTP/1.1`, 'Host: a b'),
      await send(`GET ${path} HTTP/1.1`, 'Host:'),
    ])
      expect([answer.status, answer.json]).toEqual([200, wanted])
    const predicted = await sendRaw(world.callgate.url, [
      `POST /api/service/shop/churn HTTP/1.0\r\nX-API-Key: ${world.key}\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"rows":[]}`,
    ])
    expect([predicted.status, predicted.json.detail]).toEqual([422, 'rows is empty.'])
    expect((await send('GET /-/ready HTTP/1.0')).status).toBe(200)
    expect((await send('GET //api/service/shop/customer?id=1 HTTP/1.0')).status).toBe(404)
  })

  test('X-API-Key wins, even when it is empty', async () => {
    const authorization = `Bearer ${world.key}`
    for (const key of ['', 'dk_wrong', `${world.key}x`]) {
      const headers = { authorization, 'x-api-key': key, ...world.stranger() }
      expect((await world.call('/api/service/shop/customer?id=1', { headers })).status, JSON.stringify(key)).toBe(401)
    }
    const good = { authorization: 'Bearer dk_wrong', 'x-api-key': world.key }
    expect((await world.call('/api/service/shop/customer?id=1', { headers: good })).status).toBe(200)
  })

  test("a user's token is no key, and a key in the query string is none either", async () => {
    const headers = { authorization: `Bearer ${world.callgate.adminToken}`, ...world.stranger() }
    const answer = await world.call('/api/service/shop/customer?id=1', { headers })
    expect([answer.status, answer.json.code]).toEqual([401, 'key_missing'])
    expect((await world.call(`/api/service/shop/customer?id=1&api_key=${world.key}`)).status).toBe(401)
    const both = await world.call('/api/service/shop/customer?id=1', { headers, key: world.key })
    expect(both.status).toBe(200)
  })

  test('a refusal is a problem document whose detail is a string, with the request id', async () => {
    for (const path of [
      '/api/service/shop/customer',
      '/api/service/nowhere',
      '/api/nothing',
      '/nothing',
      '/api/publish/assets/1',
    ]) {
      const { status, json, headers } = await world.call(path, { headers: world.stranger() })
      expect(headers.get('content-type'), path).toBe('application/problem+json')
      expect(json, path).toEqual({
        type: 'about:blank',
        title: expect.any(String),
        status,
        detail: expect.any(String),
        code: expect.any(String),
        request_id: headers.get('x-request-id'),
      })
      expect(json.detail, path).not.toBe('Not Found') // the SDK would take it for a missing route and fall back
    }
  })

  test('a short and plain request id is accepted, anything else is replaced', async () => {
    const idOf = async (id: string) =>
      (await world.serve('customer?id=1', { headers: { 'x-request-id': id } })).headers.get('x-request-id')
    expect(await idOf('order-42.a_B')).toBe('order-42.a_B')
    for (const bad of ['', 'a b', 'a'.repeat(65), '<script>', 'a;b', 'a/../b'])
      expect(await idOf(bad), bad).toMatch(/^[0-9a-f]{32}$/)
    const refused = await world.call('/api/service/shop/customer', { headers: { 'x-request-id': 'mine' } })
    expect([refused.headers.get('x-request-id'), refused.json.request_id]).toEqual(['mine', 'mine'])
    expect(await idOf('')).not.toBe(await idOf(''))
  })

  test('a traceparent is continued with a span of ours', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const sent = `00-${trace}-b7ad6b7169203331-01`
    const got = (await world.serve('customer?id=1', { headers: { traceparent: sent } })).headers.get('traceparent')
    expect(got).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
    expect(got).not.toBe(sent)
    const bad = await world.serve('customer?id=1', { headers: { traceparent: '00-zz' } })
    expect(bad.headers.get('traceparent')).toBeNull()
  })

  test('answers at the same time have each their own headers, and nothing of each other', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const counted = await Promise.all(
      [11, 12].map(async limit => ({ limit, ...(await world.mint({ rate_limit: limit })) })),
    )
    const kinds = [{ limit: 0, key: world.key }, ...counted].flatMap(({ limit, key }) =>
      [false, true].flatMap(traced =>
        ['customer?id=1', 'customer?id=2', 'all?format=csv', 'churn'].map(path => ({ limit, key, traced, path })),
      ),
    )
    const etags = new Map<string, string>()
    await Promise.all(
      kinds.map(async ({ limit, key, traced, path }, i) => {
        const headers = {
          'x-request-id': `mine-${i}`,
          ...(traced ? { traceparent: `00-${trace}-b7ad6b7169203331-01` } : {}),
        }
        const init = path === 'churn' ? { method: 'POST', body: { features: MODEL_ROW } } : {}
        const answer = await world.serve(path, { key, headers, ...init })
        expect(answer.status).toBe(200)
        const said = (name: string) => answer.headers.get(name)
        expect(said('x-request-id')).toBe(`mine-${i}`)
        if (traced) expect(said('traceparent')).toStartWith(`00-${trace}-`)
        else expect(said('traceparent')).toBeNull()
        expect(said('ratelimit-policy')).toBe(limit === 0 ? null : `"default";q=${limit};w=60`)
        expect(said('ratelimit') !== null).toBe(limit > 0)
        if (path.startsWith('customer')) etags.set(path, said('etag')!)
      }),
    )
    expect(etags.get('customer?id=1')).not.toBe(etags.get('customer?id=2'))
  })

  test('a short host name is served like a long one', async () => {
    const { port } = new URL(world.callgate.url)
    const answer = await fetch(`http://127.0.0.1:${port}/api/service/shop/customer?id=1`, {
      headers: { host: 'api', 'x-api-key': world.key },
    })
    expect(answer.status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${port}/-/alive`, { headers: { host: 'x' } })).status).toBe(200)
  })

  test('there is no redirect, not for a slash at the end either', async () => {
    for (const path of ['/api/service/shop/customer/', '/api/service/shop', '/api/projects/', '/api/', '/nothing/']) {
      const { status } = await world.call(path, {
        key: world.key,
        headers: { authorization: `Bearer ${world.callgate.adminToken}` },
      })
      expect(status < 300 || status >= 400, `${path}: ${status}`).toBe(true)
    }
  })

  test('the probes answer anyone, with the request id in the body', async () => {
    for (const path of ['/-/alive', '/-/ready']) {
      const { status, json, headers } = await world.call(path)
      expect(status).toBe(200)
      expect(json).toEqual({
        app_meta: {},
        deployed_on: expect.any(String),
        porter_version: expect.any(String),
        request_id: headers.get('x-request-id'),
        services: {},
      })
      const post = await world.call(path, { method: 'POST', body: {} })
      expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
      expect(post.json).toMatchObject({ error: { name: 'MethodNotAllowed' } })
    }
  })
}

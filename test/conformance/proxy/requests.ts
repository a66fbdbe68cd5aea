/** What of a request the server gets. */

import { describe, expect, test } from 'bun:test'
import { mintSecret } from '../../../src/lib/secret.ts'
import { sendRaw } from '../raw-http.ts'
import { DOMAIN, ORIGIN, PREFIX, type World } from './world.ts'

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString('base64')

export function requests(world: World): void {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT', 'PURGE'])('%s', async method => {
    expect((await world.seen('/a', { method })).line).toBe(`${method} /a HTTP/1.1`)
  })

  test('HEAD', async () => {
    const { status, text, headers } = await world.call('/a', { method: 'HEAD' })
    expect([status, text, Number(headers.get('content-length')) > 100]).toEqual([200, '', true])
  })

  test.each([
    ['', '/'],
    ['/', '/'],
    ['?a=1', '/?a=1'],
    ['/a/', '/a/'],
    ['/a//b', '/a//b'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%2fb%20c', '/a%2fb%20c'],
    ['/%E4%BD%A0', '/%E4%BD%A0'],
    ["/a;b=1,c:d@e!$&'()*+~", "/a;b=1,c:d@e!$&'()*+~"],
    ['/a%25%2e', '/a%25%2e'],
    ['/a%00b', '/a%00b'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a;v=1/b;w=2,3?x;y', '/a;v=1/b;w=2,3?x;y'],
    ['/a?b=1?c=2;d=[e]&f={g}|h^`&%zz&%', '/a?b=1?c=2;d=[e]&f={g}|h^`&%zz&%'],
    [`/${'long/'.repeat(2000)}`, `/${'long/'.repeat(2000)}`],
    ['/a?x=1&x=2&y=%2F%20&z=&w', '/a?x=1&x=2&y=%2F%20&z=&w'],
    ['/a?q=/../b?c', '/a?q=/../b?c'],
    ['/a?', '/a?'],
    ['/a#b?c', '/a'],
    ['/a?q=a+b%2Bc', '/a?q=a+b%2Bc'],
    ["/a{b}\"?q='c'<d>", '/a%7Bb%7D%22?q=%27c%27%3Cd%3E'],
    ['/v1/proxy/raw/a', '/v1/proxy/raw/a'],
    ['/a%0d%0aX-Injected:%201?b=%0d%0a', '/a%0d%0aX-Injected:%201?b=%0d%0a'],
  ])('path and query as they were sent: %s', async (sent, got) => {
    const { line, header } = await world.seenRaw(`GET ${PREFIX}${sent}`)
    expect(line).toBe(`GET ${got} HTTP/1.1`)
    expect(header('x-injected')).toBeUndefined()
  })

  test('dots that stay below the deployment are resolved', async () => {
    expect((await world.seenRaw(`GET ${PREFIX}/a/../b/./c`)).line).toBe('GET /b/c HTTP/1.1')
    expect((await world.seenRaw(`GET ${PREFIX}/a/b%2F..%2Fc`)).line).toBe('GET /a/b%2F..%2Fc HTTP/1.1')
  })

  test('by Host the whole path is the server’s, and there is no prefix', async () => {
    const answer = await world.callgate.call('/v1/models/x?y=1', {
      headers: { authorization: `ApiKey ${world.key}`, host: `RAW.Proxy.${DOMAIN}:8080` },
    })
    expect(answer.json.line).toBe('GET /v1/models/x?y=1 HTTP/1.1')
    const names = answer.json.headers.map(([name]: [string]) => name)
    expect(names).not.toContain('x-forwarded-prefix')
  })

  describe('headers', () => {
    test('are handed on: repeated, empty, long, with bytes that are no ASCII', async () => {
      const long = 'y'.repeat(8000)
      const lines = [
        'X-Same: 1',
        'x-same: 2',
        'Cookie: a=1',
        'Cookie: b=2',
        'X-Empty:',
        `X-Long: ${long}`,
        'Accept-Encoding: br',
      ]
      const { header, headers } = await world.seenRaw(`GET ${PREFIX}/a`, lines)
      expect([header('x-same'), header('cookie'), header('x-empty'), header('x-long')]).toEqual([
        '1, 2',
        'a=1; b=2',
        '',
        long,
      ])
      expect(header('accept-encoding')).toBe('br')
      expect(new Set(headers.map(([name]) => name.toLowerCase())).size).toBe(headers.length)
      const latin = new Uint8Array([0x58, 0x2d, 0x4c, 0x3a, 0x20, 0x63, 0xe9])
      const answer = await sendRaw(world.callgate.url, [
        `GET ${PREFIX}/a HTTP/1.1\r\nHost: a\r\nAuthorization: ApiKey ${world.key}\r\n`,
        latin,
        '\r\n\r\n',
      ])
      expect(new Map(answer.json.headers).get('x-l')).toBe('c\xe9')
    })

    test('those that ask for a part, for what has changed, or say which way it came, are the server’s', async () => {
      const lines = [
        'Range: bytes=0-1',
        'If-Range: "x"',
        'If-None-Match: "x", W/"y"',
        'If-Modified-Since: Tue, 15 Nov 1994 08:12:31 GMT',
        'Via: 1.1 other',
        'Max-Forwards: 0',
        'Last-Event-ID: 7',
      ]
      const { headers } = await world.seenRaw(`GET ${PREFIX}/a`, [...lines, 'Accept: a/b', 'Accept: c/d'])
      const seen = new Map(headers)
      for (const [name, value] of lines.map(line => line.split(/: (.*)/)))
        expect(seen.get(name!.toLowerCase())).toBe(value)
      expect(seen.get('accept')).toBe('a/b, c/d')
    })

    test('a Connection that names what no request can do without takes nothing away', async () => {
      const named = 'Connection: close, Host, Content-Length, X-Forwarded-For, X-Request-Id'
      const { body, header } = await world.seenRaw(`POST ${PREFIX}/a`, [named, 'Content-Length: 5'], ['hello'])
      expect([body, header('host'), header('content-length')]).toEqual([base64('hello'), 'a.example', '5'])
      expect([header('x-forwarded-for'), typeof header('x-request-id')]).toEqual(['127.0.0.1', 'string'])
    })

    test('the Host is the caller’s', async () => {
      const { header } = await world.seenRaw(`GET ${PREFIX}/a`)
      expect([header('host'), header('x-forwarded-host')]).toEqual(['a.example', 'a.example'])
    })

    test('nothing is added that asks for another answer', async () => {
      const { headers } = await world.seenRaw(`GET ${PREFIX}/a`)
      expect(headers.map(([name]) => name).toSorted()).toEqual([
        'host',
        'traceparent',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-prefix',
        'x-forwarded-proto',
        'x-request-id',
      ])
    })

    test('those of one hop are not handed on', async () => {
      const { headers } = await world.seenRaw(`GET ${PREFIX}/a`, [
        'Connection: keep-alive, X-Hop , x-other',
        'X-Hop: 1',
        'X-Other: 1',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic abc',
        'TE: trailers',
        'Trailer: X-Sum',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAAP__',
        'X-Kept: 1',
      ])
      const names = headers.map(([name]) => name.toLowerCase())
      for (const gone of ['connection', 'x-hop', 'x-other', 'keep-alive', 'proxy-connection', 'proxy-authorization'])
        expect(names).not.toContain(gone)
      for (const gone of ['te', 'trailer', 'upgrade', 'http2-settings']) expect(names).not.toContain(gone)
      expect(names).toContain('x-kept')
    })

    test('a Proxy, by which CGI would send its own requests elsewhere, is not handed on', async () => {
      const { headers } = await world.seenRaw(`GET ${PREFIX}/a`, ['Proxy: http://evil.example', 'X-Proxy: 1'])
      const names = headers.map(([name]) => name.toLowerCase())
      expect([names.includes('proxy'), names.includes('x-proxy')]).toEqual([false, true])
    })

    test('where a call comes from is told, and nobody is believed about it', async () => {
      const { headers, header } = await world.seenRaw(`GET ${PREFIX}/a`, [
        'X-Forwarded-For: 6.6.6.6',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Prefix: /evil',
        'X-Forwarded-User: root',
        'X_Forwarded_For: 6.6.6.6',
        'Forwarded: for=6.6.6.6',
        'X-Real-IP: 6.6.6.6',
      ])
      expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|evil|root/)
      expect(header('x-forwarded-for')).toBe('127.0.0.1')
      expect(header('x-forwarded-proto')).toBe('http')
      expect(header('x-forwarded-prefix')).toBe(PREFIX)
    })

    test('a trace is continued, or begun; the request has an id', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c'
      const given = await world.call('/a', {
        headers: { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-request-id': 'mine-1' },
      })
      const sent = new Map<string, string>(given.json.headers)
      expect(sent.get('traceparent')).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
      expect([sent.get('x-request-id'), given.headers.get('x-request-id')]).toEqual(['mine-1', 'mine-1'])
      const begun = await world.seen('/a', { headers: { traceparent: 'nonsense' } })
      expect(begun.header('traceparent')).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/)
    })
  })

  describe('the key', () => {
    const through = (headers: Record<string, string>, deployment = 'raw') =>
      world.callgate.call(`/v1/proxy/${deployment}/a`, { headers })

    test('does not reach the server, however it is presented', async () => {
      for (const headers of [
        { authorization: `ApiKey ${world.key}` },
        { authorization: `bearer ${world.key}` },
        { authorization: `Basic ${btoa(`user:${world.key}`)}` },
        { 'x-api-key': world.key },
        { 'x-api-key': world.key, authorization: `ApiKey ${world.key}` },
        { 'x-api-key': world.key, authorization: `Basic ${btoa(`:${mintSecret('dk')}`)}` },
        { 'x-api-key': world.key, authorization: `Basic ${btoa(`${world.key}:`)}` },
        { 'x-api-key': world.key, authorization: `Token ${world.key}` },
        { 'x-api-key': world.key, authorization: world.key },
        { 'x-api-key': world.key, authorization: `Bearer its-own, Bearer ${world.key}` },
      ] as Record<string, string>[]) {
        const { status, json, text } = await through(headers)
        expect(status).toBe(200)
        expect(text).not.toContain(world.key)
        const names = json.headers.map(([name]: [string]) => name.toLowerCase())
        expect(names).not.toContain('authorization')
        expect(names).not.toContain('x-api-key')
      }
    })

    test('leaves Authorization to the server, where it came as X-API-Key', async () => {
      for (const authorization of ['Bearer the-servers-own', 'Bearer sdk_own', `Basic ${btoa('sdk_own:secret')}`]) {
        const { json } = await through({ 'x-api-key': world.key, authorization })
        expect(new Map(json.headers).get('authorization')).toBe(authorization)
      }
    })

    test('reaches a server that is to have it', async () => {
      const { json } = await through({ authorization: `ApiKey ${world.key}` }, 'trusting')
      expect(new Map(json.headers).get('authorization')).toBe(`ApiKey ${world.key}`)
    })

    test('is asked for first: nothing else is told, and nothing reaches the server', async () => {
      const mark = world.mark()
      for (const headers of [{}, { authorization: `ApiKey ${mintSecret('dk')}` }] as Record<string, string>[]) {
        const answer = await through({ ...headers, 'x-mark': mark })
        expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'ApiKey'])
        expect(Object.keys(answer.json).length).toBeGreaterThan(0)
      }
      expect(await world.reached(mark)).toBe(false)
    })
  })

  describe('browsers', () => {
    const preflight = (headers: Record<string, string>) =>
      world.callgate.call(`${PREFIX}/a`, {
        method: 'OPTIONS',
        headers: { origin: ORIGIN, 'access-control-request-method': 'PUT', ...headers },
      })

    test('a preflight is answered without a key, and does not reach the server', async () => {
      const mark = world.mark()
      for (const host of ['a.example', `raw.proxy.${DOMAIN}`]) {
        const { status, text, headers } = await preflight({
          host,
          'x-mark': mark,
          'access-control-request-headers': 'authorization,x-own',
        })
        expect([status, text, headers.get('access-control-allow-origin')]).toEqual([204, '', ORIGIN])
        expect(headers.get('access-control-allow-methods')).toContain('PUT')
        expect(headers.get('access-control-allow-headers')?.toLowerCase()).toMatch(/authorization.*content-type.*x-own/)
      }
      expect(await world.reached(mark)).toBe(false)
    })

    test('of another origin it allows nothing', async () => {
      const { headers } = await preflight({ origin: 'https://evil.example' })
      expect(headers.has('access-control-allow-origin')).toBe(false)
    })

    test('another OPTIONS is the server’s', async () => {
      expect((await world.seen('/a', { method: 'OPTIONS' })).line).toBe('OPTIONS /a HTTP/1.1')
      expect((await world.seen('/a', { method: 'OPTIONS', headers: { origin: ORIGIN } })).line).toStartWith('OPTIONS')
    })

    test('the edge says who may read, and not the server', async () => {
      const own = await world.call('/raw/cors', { headers: { origin: ORIGIN } })
      expect(own.headers.get('access-control-allow-origin')).toBe(ORIGIN)
      expect(own.headers.has('access-control-allow-credentials')).toBe(false)
      expect(own.headers.get('vary')).toMatch(/accept.*origin/i)
      const evil = await world.call('/raw/cors', { headers: { origin: 'https://evil.example' } })
      expect(evil.headers.has('access-control-allow-origin')).toBe(false)
    })
  })
}

/** What handlers fetch: from a real server of this test's, and not from where they must not. */
import { afterAll, beforeAll, describe, expect, setSystemTime, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { getServers, setServers } from 'node:dns'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { deflateRawSync, gzipSync } from 'node:zlib'
import ipaddr from 'ipaddr.js'
import { mintSecret } from '../../src/lib/secret.ts'
import { fetchOutside } from '../../src/sandbox/outside.ts'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'

const key = mintSecret('dk')
/** connections that wait for the slow answer, and those of them that were given up */
const slow = { asked: 0, left: 0 }
/** hours that one path sets the clock by */
let clock = 0
const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('of another origin') })
let received: { method: string; headers: Record<string, string>; body: string } | undefined
const remote = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    received = { method: request.method, headers: request.headers.toJSON(), body: await request.text() }
    if (pathname === '/json') return Response.json({ rate: 1.5 })
    if (pathname === '/bytes') return new Response(new Uint8Array([0, 255, 1]))
    if (pathname === '/missing') return new Response('not here', { status: 404 })
    if (pathname === '/large') return new Response('x'.repeat(3_000_000))
    if (pathname === '/bomb')
      return new Response(gzipSync('x'.repeat(30_000_000)), { headers: { 'content-encoding': 'gzip' } })
    if (pathname === '/packed')
      return new Response(gzipSync('{"a":1}'), {
        headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
      })
    if (pathname === '/shouted')
      return new Response(gzipSync('{"a":1}'), {
        headers: { 'content-encoding': 'GZIP', 'content-type': 'application/json' },
      })
    if (pathname === '/deflated')
      return new Response(deflateRawSync('deflated'), {
        headers: { 'content-encoding': 'deflate', 'content-type': 'text/plain' },
      })
    if (pathname === '/marked') return new Response('\ufeffhi')
    if (pathname === '/again') return Response.redirect('/json', 302)
    if (pathname === '/round') return Response.redirect('/round', 302)
    if (pathname === '/clock') {
      setSystemTime(Date.now() + clock * 3_600_000)
      return Response.redirect(searchParams.get('to')!, 302)
    }
    if (pathname === '/away') return Response.redirect(`http://127.0.0.1:${other.port}/`, 302)
    if (pathname === '/file') return Response.redirect('file:///etc/passwd', 302)
    if (pathname === '/after-slow') await waitFor(() => slow.asked > 0 || undefined)
    if (pathname === '/slow') {
      slow.asked++
      request.signal.addEventListener('abort', () => slow.left++)
      await new Promise(() => {})
    }
    return new Response('hello')
  },
})
const base = `http://localhost:${remote.port}`
const bounds = (more: object = {}) => ({
  hosts: [`localhost:${remote.port}`],
  networks: [ipaddr.parseCIDR('127.0.0.0/8'), ipaddr.parseCIDR('::1/128')] as [ipaddr.IPv4, number][],
  bytes: 1 << 20,
  deadline: performance.now() + 5000,
  ...more,
})
const refusal = (url: string, more: object = {}) =>
  fetchOutside({ url }, bounds(more)).then(
    () => 'fetched',
    error => `${error.status} ${error.code}`,
  )

afterAll(async () => {
  await remote.stop(true)
  await other.stop(true)
  await cleanUp()
})

describe('where it may not go', () => {
  test.each([
    ['a host that is not on the list', 'http://example.org/', '403 fetch_refused'],
    ['another port', `http://localhost:${other.port}/`, '403 fetch_refused'],
    ['an address for a name', `http://127.0.0.1:${remote.port}/`, '403 fetch_refused'],
    ['a file', 'file:///etc/passwd', '422 unprocessable'],
    ['data', 'data:text/plain,x', '422 unprocessable'],
    ['no URL', 'nothing', '422 unprocessable'],
    ['a name and password', `http://a:b@localhost:${remote.port}/`, '422 unprocessable'],
    ['a redirect to another origin', `${base}/away`, '403 fetch_refused'],
    ['a redirect to a file', `${base}/file`, '422 unprocessable'],
    ['redirects without an end', `${base}/round`, '502 fetch_failed'],
    ['a large answer', `${base}/large`, '502 fetch_failed'],
    ['a small answer that unpacks to a large one', `${base}/bomb`, '502 fetch_failed'],
  ])('%s', async (_, url, expected) => {
    expect(await refusal(url)).toBe(expected)
  })

  test.each([
    'http://localhost/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://168.63.129.16/',
    'http://[::ffff:168.63.129.16]/',
    'http://100.64.0.1/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
  ])('%s is not public, and refused though it is on the list', async url => {
    const { hostname } = new URL(url)
    // no pattern of a definition can name an address in brackets: the check of the address is what is tried here
    expect(await refusal(url, { hosts: [hostname], networks: [] })).toBe('403 fetch_refused')
  })

  test('when the call that asked for it has ended', async () => {
    const over = new AbortController()
    const refused = refusal(`${base}/slow`, { signal: over.signal, deadline: performance.now() + 30_000 })
    await waitFor(() => slow.asked === 1 || undefined)
    over.abort()
    const began = Date.now()
    expect(await refused).toBe('504 deadline_passed')
    expect(Date.now() - began).toBeLessThan(10_000)
    received = undefined
    expect(await refusal(`${base}/json`, { signal: over.signal })).toBe('504 deadline_passed')
    expect(received).toBeUndefined()
  })

  test('longer than it may', async () => {
    expect(await refusal(`${base}/slow`, { deadline: performance.now() + 100 })).toBe('504 deadline_passed')
  })

  test('longer than it may where nobody answers for names, and files are read meanwhile', async () => {
    const silent = createSocket('udp4')
    await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
    const servers = getServers()
    setServers([`127.0.0.1:${silent.address().port}`])
    try {
      const named = (n: number, more: object) =>
        refusal(`http://${n}.example.org/`, { hosts: ['*.example.org'], ...more })
      expect(await named(0, { deadline: performance.now() + 100 })).toBe('504 deadline_passed')
      const over = new AbortController()
      // more than there are threads to read files
      const many = Array.from({ length: 2 * navigator.hardwareConcurrency }, (_, n) =>
        named(n + 1, { deadline: performance.now() + 60_000, signal: over.signal }),
      )
      let ended = 0
      for (const one of many) one.then(() => ended++)
      await readFile(import.meta.path)
      expect(ended).toBe(0)
      over.abort()
      expect(new Set(await Promise.all(many))).toEqual(new Set(['504 deadline_passed']))
    } finally {
      setServers(servers)
      silent.close()
    }
  })

  test.each([-1, 1])(
    'longer than it may, and not before, though the clock is set by %d hours meanwhile',
    async hours => {
      clock = hours
      try {
        expect(await refusal(`${base}/clock?to=/json`)).toBe('fetched')
        expect(await refusal(`${base}/clock?to=/slow`, { deadline: performance.now() + 400 })).toBe(
          '504 deadline_passed',
        )
      } finally {
        setSystemTime()
      }
    },
  )
})

describe('what is sent and received', () => {
  /** what the raw server got on each connection */
  const got: string[] = []
  const raw = createServer(socket => {
    const at = got.push('') - 1
    socket.on('data', bytes => {
      got[at] += bytes.toString('latin1')
      // the last bytes of every body here
      if (got[at]!.endsWith('}')) socket.end('HTTP/1.1 204 No Content\r\n\r\n')
    })
  })
  beforeAll(() => new Promise<void>(resolve => raw.listen(0, '127.0.0.1', resolve)))
  afterAll(() => void raw.close())

  test.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST'])(
    'a body has its length with it, of a %s too: it is nothing that could be read as another request',
    async method => {
      const { port } = raw.address() as { port: number }
      const text = 'GET /other HTTP/1.1\r\nHost: elsewhere\r\n\r\n{}'
      const url = `http://localhost:${port}/one`
      await fetchOutside({ url, method, text }, bounds({ hosts: [`localhost:${port}`] }))
      const [head, ...rest] = got.at(-1)!.split('\r\n\r\n')
      expect(head).toMatch(new RegExp(`^content-length: ${text.length}$`, 'im'))
      expect(rest.join('\r\n\r\n')).toBe(text)
    },
  )

  test('a request that is none is refused, and nothing of it is read', async () => {
    const long = { length: 500_000_000 }
    for (const request of [
      null,
      5,
      'x',
      [],
      {},
      { url: long },
      ...['text', 'json', 'base64'].map(name => ({ url: base, [name]: long })),
    ])
      expect(await fetchOutside(request as object, bounds()).catch(error => error.status)).toBe(422)
  })

  test('an answer is unpacked, however its coding is written, and its bytes are all there', async () => {
    const get = (path: string) => fetchOutside({ url: `${base}/${path}` }, bounds())
    expect((await get('shouted')).text).toBe('{"a":1}')
    expect((await get('deflated')).text).toBe('deflated')
    expect(Buffer.from((await get('marked')).base64!, 'base64').toString('hex')).toBe('efbbbf6869')
  })
})

describe('a server that answers as it likes', () => {
  const byPath: Record<string, string> = {
    '/bytes': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nb\r\n'.repeat(400_000)}0\r\n\r\n`,
    '/other': 'SSH-2.0-OpenSSH_9.2\r\n',
    '/headers': `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(20_000)}\r\n`,
    '/early': 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhere',
    '/switched': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\nmore',
    '/unasked': 'HTTP/1.1 101 Switching Protocols\r\n\r\nmore',
    '/below': 'HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\nok',
    '/to': 'HTTP/1.1 302 Found\r\nlocation: /café\r\n\r\n',
    '/caf%C3%A9': 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nthere',
  }
  const raw = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', head => socket.end(byPath[head.toString().split(' ')[1]!] ?? ''))
  })
  const get = (path: string) => {
    const { port } = raw.address() as { port: number }
    return fetchOutside({ url: `http://localhost:${port}${path}` }, bounds({ hosts: [`localhost:${port}`] }))
  }
  beforeAll(() => new Promise<void>(resolve => raw.listen(0, '127.0.0.1', resolve)))
  afterAll(() => void raw.close())

  test('a byte at a time lets others be served meanwhile', async () => {
    let served = 0
    const others = setInterval(() => served++, 0)
    const { base64 } = await get('/bytes')
    clearInterval(others)
    expect(Buffer.from(base64!, 'base64').equals(Buffer.alloc(400_000, 'b'))).toBe(true)
    expect(served).toBeGreaterThan(20)
  })

  test.each([
    ['/other', 'The host answered in something else than HTTP.'],
    ...['/switched', '/unasked', '/below'].map(
      path => [path, 'The host answered in something else than HTTP.'] as const,
    ),
    ['/headers', 'The headers of the answer are too large.'],
    ['/nothing', 'The host ended the connection.'],
  ])('%s is refused, and the author told why', async (path, message) => {
    expect(await get(path).catch(({ status, message }) => ({ status, message }))).toEqual({ status: 502, message })
  })

  test('with a certificate of another name, and the author is told that it is that', async () => {
    const [cert, key] = ['cert.pem', 'key.pem'].map(name => join(temporaryFolder(), name))
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=other.example']
    Bun.spawnSync(['openssl', ...made, '-keyout', key!, '-out', cert!])
    const secure = createTlsServer({ cert: readFileSync(cert!), key: readFileSync(key!) }, socket => socket.end())
    await new Promise<void>(resolve => secure.listen(0, '127.0.0.1', resolve))
    const { port } = secure.address() as { port: number }
    const url = `https://localhost:${port}/`
    const { status, message } = await fetchOutside({ url }, bounds({ hosts: [`localhost:${port}`] })).catch(e => e)
    secure.close()
    expect([status, message]).toEqual([502, 'The host has no valid certificate for its name.'])
  })

  test('what is said before an answer is no part of it', async () => {
    expect(await get('/early')).toMatchObject({ status: 200, text: 'here', headers: { 'content-type': 'text/plain' } })
  })

  test('where a redirect leads to may be UTF-8', async () => {
    const { url, text } = await get('/to')
    expect([new URL(url).pathname, text]).toEqual(['/caf%C3%A9', 'there'])
  })
})

describe('from a handler', () => {
  let server: Callgate
  const run = (id: string, body: unknown = {}) => server.call(`/api/service/f/${id}`, { key, body })
  const named = (id: string, body: string, hosts: string[]) => ({
    id,
    kind: 'function',
    handler: `export default async (request, host) => { ${body} }`,
    grants: { fetch: hosts },
  })

  beforeAll(async () => {
    const host = [`localhost:${remote.port}`]
    const endpoints = [
      named(
        'get',
        `const r = await host.fetch('${base}/json'); return { ok: r.ok, status: r.status, url: r.url, ...r.json() }`,
        host,
      ),
      named('packed', `return (await host.fetch('${base}/packed')).json()`, host),
      named('bytes', `return [...(await host.fetch('${base}/bytes')).bytes()]`, host),
      named('missing', `const r = await host.fetch('${base}/missing'); return [r.status, r.ok, r.text()]`, host),
      named('again', `return (await host.fetch('${base}/again', { method: 'POST', body: { a: 1 } })).url`, host),
      named(
        'post',
        `await host.fetch('${base}/x', { method: 'PUT', headers: { 'X-A': 'b', Host: 'evil', 'Content-Length': '999' }, body: request.body }); return null`,
        host,
      ),
      named(
        'leaves',
        `void host.fetch('${base}/slow').catch(() => {}); await host.fetch('${base}/after-slow'); return 'left'`,
        host,
      ),
      named('star', `return host.fetch('${base}/json').then(r => r.status, e => e.code)`, ['*.localhost']),
      named('none', `return host.fetch('${base}/json').then(r => r.status, e => e.code)`, []),
    ]
    const service = { key: 'f', publish: true, endpoints, keys: [{ name: 'k', secret_env: 'FETCH_KEY' }] }
    server = await startCallgate({
      manifest: { projects: [{ slug: 'f', services: [service] }] },
      env: { FETCH_KEY: key, HTTP_PROXY: 'http://127.0.0.1:9' },
      flags: ['--function-networks', '127.0.0.0/8,::1/128'],
    })
  }, 180_000)

  test('an answer has its status, where it came from, and its content as JSON, text or bytes', async () => {
    expect((await run('get')).json).toEqual({ ok: true, status: 200, url: `${base}/json`, rate: 1.5 })
    expect((await run('packed')).json).toEqual({ a: 1 })
    expect((await run('bytes')).json).toEqual([0, 255, 1])
    expect((await run('missing')).json).toEqual([404, false, 'not here'])
  })

  test('it sends what it is given, but for what belongs to the connection; never the caller’s key', async () => {
    await run('post', { b: 2 })
    expect([received?.method, received?.body]).toEqual(['PUT', '{"b":2}'])
    expect(received?.headers).toMatchObject({
      'x-a': 'b',
      host: `localhost:${remote.port}`,
      'content-type': 'application/json',
      'content-length': '7',
    })
    expect(JSON.stringify(received)).not.toContain(key)
  })

  test('a redirect is followed as browsers do it', async () => {
    expect((await run('again')).json).toBe(`${base}/json`)
    expect([received?.method, received?.body]).toEqual(['GET', ''])
  })

  test('is given up with the call that asked for it', async () => {
    Object.assign(slow, { asked: 0, left: 0 })
    expect((await run('leaves')).json).toBe('left')
    await waitFor(() => slow.left === 1 || undefined)
    expect(slow.asked).toBe(1)
  })

  test('`*.` stands for names below, and without a list there is no host', async () => {
    expect((await run('star')).json).toBe('fetch_refused')
    expect((await run('none')).json).toBe('fetch_refused')
  })
})

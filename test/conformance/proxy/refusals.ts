/** What is refused before it reaches the server: requests that could be read in two ways, and paths that lead elsewhere. */
import { expect, test } from 'bun:test'
import { sendRaw } from '../raw-http.ts'
import { MOST, PREFIX, type World } from './world.ts'

export function refusals(world: World): void {
  const POST = `POST ${PREFIX}/a`
  const CHUNKED = 'Transfer-Encoding: chunked'
  const smuggled = `GET ${PREFIX}/smuggled HTTP/1.1\r\nHost: a\r\nX-Mark: smuggled\r\n\r\n`

  test.each<[string, string, string[], string[]]>([
    ['a length and chunks', POST, ['Content-Length: 6', CHUNKED], ['0\r\n\r\n', smuggled]],
    ['chunks and a length', POST, [CHUNKED, 'Content-Length: 6'], ['0\r\n\r\n', smuggled]],
    ['two lengths', POST, ['Content-Length: 5', 'Content-Length: 50'], ['hello', smuggled]],
    ['a length twice', POST, ['Content-Length: 5', 'Content-Length: 5'], ['hello']],
    ['a list of lengths', POST, ['Content-Length: 5, 5'], ['hello']],
    ['a length with a sign', POST, ['Content-Length: +5'], ['hello']],
    ['a negative length', POST, ['Content-Length: -1'], [smuggled]],
    ['a length in hex', POST, ['Content-Length: 0x5'], ['hello']],
    ['an empty length', POST, ['Content-Length:'], [smuggled]],
    ['a length with a space in it', POST, ['Content-Length: 5 0'], ['hello']],
    ['an encoding that is not chunked', POST, ['Transfer-Encoding: xchunked'], ['0\r\n\r\n', smuggled]],
    ['chunked and more', POST, ['Transfer-Encoding: chunked, identity'], ['0\r\n\r\n', smuggled]],
    ['chunked twice', POST, [CHUNKED, CHUNKED], ['0\r\n\r\n', smuggled]],
    ['chunked behind a vertical tab', POST, ['Transfer-Encoding: \x0bchunked'], ['0\r\n\r\n', smuggled]],
    ['identity', POST, ['Transfer-Encoding: identity'], ['hello']],
    ['identity and a length', POST, ['Transfer-Encoding: identity', 'Content-Length: 5'], ['hello']],
    ['an encoding below the chunks', POST, ['Transfer-Encoding: gzip, chunked'], ['5\r\nhello\r\n0\r\n\r\n']],
    ['an empty encoding', POST, ['Transfer-Encoding:'], ['5\r\nhello\r\n0\r\n\r\n']],
    ['a space before a chunk size', POST, [CHUNKED], [' 5\r\nhello\r\n0\r\n\r\n']],
    ['a space behind a chunk size', POST, [CHUNKED], ['5 \r\nhello\r\n0\r\n\r\n']],
    ['a chunk extension that ends in a line feed', POST, [CHUNKED], ['5;a\nhello\r\n0\r\n\r\n']],
    ['a chunk extension without an end', POST, [CHUNKED], [`5;${'a'.repeat(100_000)}`]],
    ['a space before the colon', POST, ['Transfer-Encoding : chunked'], ['0\r\n\r\n', smuggled]],
    ['a chunk size that is none', POST, [CHUNKED], ['xyz\r\nhello\r\n0\r\n\r\n']],
    ['a chunk size with a sign', POST, [CHUNKED], ['+5\r\nhello\r\n0\r\n\r\n']],
    ['a chunk size in C', POST, [CHUNKED], ['0x5\r\nhello\r\n0\r\n\r\n']],
    ['a chunk size beyond counting', POST, [CHUNKED], ['FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n']],
    ['chunks with bare line feeds', POST, [CHUNKED], ['5\nhello\n0\n\n']],
    ['a chunk that is longer than it says', POST, [CHUNKED], ['3\r\nhello\r\n0\r\n\r\n']],
    ['a folded header', `GET ${PREFIX}/a`, ['X-A: 1', ' X-B: 2'], []],
    ['a bare CR in a header', `GET ${PREFIX}/a`, ['X-A: 1\rX-B: 2'], []],
    ['a bare LF in a header', `GET ${PREFIX}/a`, ['X-A: 1\nX-B: 2'], []],
    ['a NUL in a header', `GET ${PREFIX}/a`, ['X-A: 1\0'], []],
    ['a header without a name', `GET ${PREFIX}/a`, [': x'], []],
    ['a header with a space in its name', `GET ${PREFIX}/a`, ['X A: x'], []],
    ['two Hosts', `GET ${PREFIX}/a`, ['Host: b.example'], []],
    ['CONNECT to a path', `CONNECT ${PREFIX}/a`, [], []],
    ['CONNECT to elsewhere', 'CONNECT evil.example:443', [], []],
    ['TRACE', `TRACE ${PREFIX}/a`, [], []],
    ['a GET with a body', `GET ${PREFIX}/a`, ['Content-Length: 5'], ['hello']],
    [
      'a GET with a body that looks like a request',
      `GET ${PREFIX}/a`,
      [`Content-Length: ${smuggled.length}`],
      [smuggled],
    ],
    ['a GET with chunks', `GET ${PREFIX}/a`, [CHUNKED], ['5\r\nhello\r\n0\r\n\r\n']],
    ['HTTP/1.2', `GET ${PREFIX}/a HTTP/1.2\r\nX-A: b\r\n\r\nGET /`, [], []],
    ['a space in the path', `GET ${PREFIX}/a b`, [], []],
    ['a NUL in the path', `GET ${PREFIX}/a\0b`, [], []],
    ['*', 'OPTIONS *', [], []],
    ['a method that nobody knows', `FOO ${PREFIX}/a`, [], []],
    ['a method in small letters', `get ${PREFIX}/a`, [], []],
    ['no method', ` ${PREFIX}/a`, [], []],
    ['a target that is only a host', 'GET a.example:80', [], []],
    ['HTTP/0.9', `GET ${PREFIX}/a\r\n`, [], []],
    ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET /', [], []],
    ['a HEAD with a body', `HEAD ${PREFIX}/a`, ['Content-Length: 5'], ['hello']],
    ['another control character in a header', `GET ${PREFIX}/a`, ['X-A: 1\x01'], []],
    ['a header that is too long', `GET ${PREFIX}/a`, [`X-A: ${'a'.repeat(70_000)}`], []],
    ['too many headers', `GET ${PREFIX}/a`, Array.from({ length: 300 }, (_, i) => `X-${i}: a`), []],
    ['a path that is too long', `GET ${PREFIX}/${'a'.repeat(70_000)}`, [], []],
  ])('%s', async (what, request, lines, body) => {
    const mark = world.mark()
    const answer = await world.raw(request, [`X-Mark: ${mark}`, ...lines], body)
    expect(answer.status ?? 400, what).toBeWithin(400, 506)
    expect(answer.status, what).not.toBe(500)
    expect(await world.reachedWhole(mark)).toBe(false)
    expect(await world.reached('smuggled')).toBe(false)
    expect(answer.text).not.toContain(world.key)
  })

  test.each([
    '/..%2f',
    '/..%2F..%2fadmin',
    '/%2e%2e%2fadmin',
    '/%2e.%5cadmin',
    '/a/..%2f..%2fadmin',
    '/a%2f..%2f..%2fadmin',
    '/..%5c..%5cadmin',
    '/.%2e%2f..%2f',
    '/..;/admin',
    '/a/..;x=1/..%3bx/admin',
    '/%2e%2e;/admin',
  ])('a path that would leave the deployment in escapes: %s', async path => {
    const mark = world.mark()
    const answer = await world.raw(`GET ${PREFIX}${path}`, [`X-Mark: ${mark}`])
    expect([answer.status, answer.json.code]).toEqual([400, 'path_leaves'])
    expect(await world.reached(mark)).toBe(false)
  })

  test.each(['a b', 'a/b', 'a?b', 'a#b', 'user@a', 'a\\b', 'caf\xe9', 'a, b', '[::1', 'a:b', '"a"', '<a>'])(
    'a Host that is none: %s',
    async host => {
      const mark = world.mark()
      const { status, json } = await sendRaw(world.callgate.url, [
        Buffer.from(
          `GET ${PREFIX}/a HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ApiKey ${world.key}\r\nX-Mark: ${mark}\r\n\r\n`,
          'latin1',
        ),
      ])
      expect([status, json?.code]).toEqual([400, 'malformed_host'])
      expect(await world.reached(mark)).toBe(false)
    },
  )

  test.each(['a', 'a.example:8080', 'A_b-c.example', '127.0.0.1', '[::1]', '[::1]:8080', 'a.example.'])(
    'a Host that is one is handed on: %s',
    async host => {
      const { json } = await sendRaw(world.callgate.url, [
        `GET ${PREFIX}/a HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ApiKey ${world.key}\r\n\r\n`,
      ])
      expect(new Map(json.headers).get('host')).toBe(host)
    },
  )

  test.each([
    '/../x',
    '/%2e%2e/x',
    '/../../x',
    '/%2E%2e/%2e%2E/x',
    '/..\\..\\x',
    '/../../../api/version',
    '/../raw2/x',
  ])('a path that leaves the deployment is another path, with the same key: %s', async path => {
    const mark = world.mark()
    const answer = await world.raw(`GET ${PREFIX}${path}`, [`X-Mark: ${mark}`])
    expect([401, 403, 404]).toContain(answer.status!)
    expect(await world.reached(mark)).toBe(false)
  })

  test('trailers of a request reach nobody, and neither does what follows them', async () => {
    const answer = await world.raw(POST, [CHUNKED], ['5\r\nhello\r\n', `0\r\nX-Trailing: 1\r\n\r\n${smuggled}`])
    expect([200, 400, undefined]).toContain(answer.status)
    expect(answer.text).not.toMatch(/x-trailing/i)
    expect(await world.reached('smuggled')).toBe(false)
  })

  test('where a target names a host, that host is not asked, and the Host decides', async () => {
    const { line, header } = await world.seenRaw(`GET http://evil.example${PREFIX}/a?b`)
    expect([line, header('host')]).toEqual(['GET /a?b HTTP/1.1', 'a.example'])
    expect(header('x-forwarded-host')).toBe('a.example')
  })

  test('a refused request says why, in an object that clients can read', async () => {
    const { status, json, head } = await world.raw(`GET ${PREFIX}/a`, ['Content-Length: 5'], ['hello'])
    expect([status, json.status, json.code]).toEqual([400, 400, 'body_refused'])
    expect(json.errorMsg).toBe(json.detail)
    expect(head.toLowerCase()).toContain('x-request-id')
  })

  test('a body beyond the limit is refused, announced or not', async () => {
    const mark = world.mark()
    const announced = await world.raw(`POST ${PREFIX}/a`, [`X-Mark: ${mark}`, `Content-Length: ${MOST + 1}`])
    expect([announced.status, announced.json.code]).toEqual([413, 'body_too_large'])
    expect(await world.reached(mark)).toBe(false)
    const block = 'z'.repeat(1 << 20)
    const chunk = `${block.length.toString(16)}\r\n${block}\r\n`
    const chunks = Array.from({ length: MOST / block.length + 2 }, () => chunk)
    const counted = await sendRaw(
      world.callgate.url,
      [
        `POST ${PREFIX}/a HTTP/1.1\r\nHost: a\r\nAuthorization: ApiKey ${world.key}\r\n${CHUNKED}\r\n\r\n`,
        ...chunks,
        '0\r\n\r\n',
      ],
      1000,
      50_000,
    )
    expect([counted.status, counted.json.code]).toEqual([413, 'body_too_large'])
  }, 180_000)

  test('HTTP/1.0 is answered, with a Host or without, and not in chunks', async () => {
    const asked = (path: string, host: string) =>
      sendRaw(
        world.callgate.url,
        [`GET ${PREFIX}${path} HTTP/1.0\r\n${host}Authorization: ApiKey ${world.key}\r\n\r\n`],
        2000,
      )
    for (const host of ['Host: a\r\n', '']) {
      const { status, json } = await asked('/a', host)
      expect([status, json.line]).toEqual([200, 'GET /a HTTP/1.1'])
      for (const name of ['to the end of the connection', 'chunks in pieces']) {
        const { text, head } = await asked(`/raw/${encodeURIComponent(name)}`, host)
        expect([text, /^transfer-encoding:/im.test(head)]).toEqual(['hello', false])
      }
    }
  })
}

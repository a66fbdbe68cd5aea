/** What of the server's answer the caller gets. */
import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { BAD, GOOD } from './answers.ts'
import { PREFIX, type World } from './world.ts'

const STATUSES = [
  200, 201, 202, 203, 204, 205, 206, 207, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 409,
  410, 411, 412, 413, 415, 416, 418, 421, 422, 423, 425, 428, 429, 431, 451, 500, 501, 502, 503, 504, 507, 511, 599,
]

export function responses(world: World): void {
  const raw = (name: string, init: Parameters<World['call']>[1] = {}) =>
    world.call(`/raw/${encodeURIComponent(name)}`, init)

  test('every status is the server’s', async () => {
    for (const status of STATUSES) {
      const answer = await world.call(`/status?${status}`)
      expect(answer.status).toBe(status)
      expect(answer.text).toBe([204, 205, 304].includes(status) ? '' : 'ok')
    }
  })

  test.each(Object.keys(GOOD))('an answer: %s', async name => {
    const { status, text } = await raw(name)
    expect([status, text]).toEqual([200, 'hello'])
    expect((await raw(name)).text).toBe('hello')
  })

  test.each(Object.keys(BAD))('no answer, or one that could be read in two ways: %s', async name => {
    const answer = await raw(name)
    expect([answer.status, answer.headers.get('retry-after'), answer.json.code]).toEqual([502, '1', 'bad_gateway'])
    expect(answer.json.errorMsg).toBeString()
    expect(answer.text).not.toMatch(/hello|X-Odd|127\.0\.0\.1/)
    expect((await raw('length')).text).toBe('hello')
  })

  test('no answer in time is 504', async () => {
    const mark = world.mark()
    const answer = await raw('never answered', { headers: { 'x-mark': mark } })
    expect([answer.status, answer.json.code]).toEqual([504, 'deadline_passed'])
    await world.abandoned(mark)
  })

  describe('headers', () => {
    test('cookies stay apart, others of one name in their order', async () => {
      const { headers } = await raw('cookies')
      expect(headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2, c'])
      expect(headers.get('x-same')).toBe('1, 2')
    })

    test('what is said more than once stays in its order, and what is said to be empty is', async () => {
      const { headers } = await raw('repeated')
      expect(['via', 'www-authenticate', 'x-none'].map(name => headers.get(name))).toEqual([
        '1.1 a, 1.0 b',
        'Basic realm="a, b", Bearer',
        '',
      ])
      expect(headers.get('vary')!.replaceAll(', Origin', '')).toBe('A, B')
    })

    test('those of one hop are not handed on', async () => {
      const { headers } = await raw('hops')
      for (const gone of ['x-hop', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'upgrade', 'te'])
        expect(headers.has(gone)).toBe(false)
      expect(headers.get('x-kept')).toBe('1')
    })

    test('bytes that are no ASCII stay as they are', async () => {
      const { head } = await world.raw(`GET ${PREFIX}/raw/latin`)
      expect(Buffer.from(head).toString('hex')).toContain(Buffer.from('caf').toString('hex'))
      expect((await raw('latin')).headers.get('x-name')).toBe('caf\xe9')
    })

    test('no content type is no content type, and the length stays known', async () => {
      expect((await raw('untyped')).headers.has('content-type')).toBe(false)
      const { headers } = await raw('untyped and longer')
      expect([headers.has('content-type'), headers.get('content-length')]).toEqual([false, '1000'])
      expect((await raw('length')).headers.get('content-type')).toBe('text/x-own')
      expect((await raw('empty')).headers.has('content-type')).toBe(false)
    })

    test('date and server are the server’s', async () => {
      const { headers } = await raw('dated')
      expect([headers.get('date'), headers.get('server')]).toEqual(['Tue, 15 Nov 1994 08:12:31 GMT', 'own/1.0'])
    })

    test('the request’s id is added, unless the server has one', async () => {
      expect((await raw('length')).headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
      expect((await raw('identified')).headers.get('x-request-id')).toBe('its-own')
    })

    test('a redirect is the caller’s to follow', async () => {
      const { status, headers } = await raw('moved')
      expect([status, headers.get('location')]).toEqual([302, 'http://elsewhere.example/a?b#c'])
    })
  })

  describe('bodies', () => {
    test('are as long as the server says, where it says so', async () => {
      const { head } = await world.raw(`GET ${PREFIX}/raw/length`)
      expect(head).toMatch(/^content-length: 5$/im)
      expect(head).not.toMatch(/^transfer-encoding/im)
      // its server sends each event only when it is told to: what has come whole by its end is sent with its length
      let over = false
      const events = world.raw(`GET ${PREFIX}/raw/events`).finally(() => {
        over = true
      })
      while (!over) await world.call('/on')
      const chunked = await events
      expect(chunked.head).toMatch(/^transfer-encoding: chunked$/im)
      expect(chunked.head).not.toMatch(/^content-length/im)
    })

    test('trailers are let go', async () => {
      const answer = await world.raw(`GET ${PREFIX}/raw/trailers`)
      expect(answer.head + answer.text).not.toMatch(/x-sum: 1|set-cookie/i)
      expect((await raw('trailers')).headers.getSetCookie()).toEqual([])
    })

    test.each([204, 205, 304])('where there is none, what comes all the same is nobody’s answer: %d', async status => {
      for (let i = 0; i < 3; i++) {
        const answer = await raw(`${status} with a body`)
        expect([answer.status, answer.text]).toEqual([status, ''])
        expect((await world.seen('/a')).line).toBe('GET /a HTTP/1.1')
      }
    })

    test('what is compressed stays so', async () => {
      const { head, text } = await world.raw(`GET ${PREFIX}/raw/gzip`, ['Accept-Encoding: gzip'])
      expect(head).toMatch(/^content-encoding: gzip$/im)
      expect(head).toMatch(/^content-length: 4$/im)
      expect(text.charCodeAt(0)).toBe(0x1f)
    })

    test('a part is a part', async () => {
      const { status, headers, text } = await raw('ranged')
      expect([status, headers.get('content-range'), text]).toEqual([206, 'bytes 1-2/5', 'el'])
    })

    test('HEAD has none, and the length that it would have', async () => {
      const known = await world.raw(`HEAD ${PREFIX}/raw/head%20with%20a%20length`)
      expect([known.status, known.text]).toEqual([200, ''])
      expect(known.head).toMatch(/^content-length: 1234$/im)
      for (const status of [200, 404]) {
        const unknown = await world.raw(`HEAD ${PREFIX}/raw/head%20without%20a%20length,%20${status}`)
        expect([unknown.status, unknown.text]).toEqual([status, ''])
        expect(unknown.head).not.toMatch(/^content-length/im)
      }
    })

    test('204 and 304 have none', async () => {
      const none = await world.raw(`GET ${PREFIX}/raw/204`)
      expect([none.status, none.text, /^x-own: 1$/im.test(none.head)]).toEqual([204, '', true])
      expect(none.head).not.toMatch(/^(content-length|transfer-encoding)/im)
      const unchanged = await world.raw(`GET ${PREFIX}/raw/304`)
      expect([unchanged.status, unchanged.text, /^etag: "a"$/im.test(unchanged.head)]).toEqual([304, '', true])
    })
  })

  describe('connections to the server', () => {
    test('are used again', async () => {
      await world.seen('/a')
      expect((await world.seen('/a')).before).toBeGreaterThan(0)
    })

    test.each(['two answers', 'an answer and more, later'])(
      'are not where there was more than one answer: %s',
      async name => {
        for (let i = 0; i < 3; i++) {
          expect((await raw(name)).text).toBe('hello')
          await Bun.sleep(50) // while the connection is in nobody's hands
          expect((await world.seen('/a')).line).toBe('GET /a HTTP/1.1')
        }
      },
    )

    test('that the server closes behind an answer cost no request', async () => {
      for (let i = 0; i < 10; i++) {
        expect((await raw('closed behind')).text).toBe('hello')
        await Bun.sleep(i * 4)
        expect((await world.seen('/a')).line).toBe('GET /a HTTP/1.1')
      }
    })

    test('a POST that got no answer is not sent again', async () => {
      const mark = world.mark()
      await world.seen('/a') // so that a connection waits
      const { status } = await raw('no answer', { method: 'POST', body: 'x', headers: { 'x-mark': mark } })
      expect(status).toBe(502)
      const { marks } = (await world.call('/marks')).json as { marks: string[] }
      expect(marks.filter(seen => seen === mark)).toEqual([mark])
    })
  })

  describe('what goes wrong when the answer has begun', () => {
    test.each(['cut off late', 'half a chunk', 'chunks cut off late', 'bad chunk late'])(
      'is not taken for its end: %s',
      async name => {
        const received = await new Promise<string>(resolve => {
          const { hostname, port } = new URL(world.callgate.url)
          let text = ''
          const socket = connect(Number(port), hostname, () =>
            socket.write(
              `GET ${PREFIX}/raw/${encodeURIComponent(name)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ApiKey ${world.key}\r\n\r\n`,
            ),
          )
          socket.on('data', data => {
            text += data.toString('latin1')
          })
          socket.on('error', () => {})
          socket.on('close', () => resolve(text))
        })
        expect(received).toStartWith('HTTP/1.1 200')
        expect(received).not.toEndWith('0\r\n\r\n')
      },
    )
  })
}

/** WebSockets through the proxy. */
import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { mintSecret } from '../../../src/lib/secret.ts'
import { waitFor } from '../../harness.ts'
import { sendRaw } from '../raw-http.ts'
import type { World } from './world.ts'

const PATH = '/v1/proxy/sockets'
/** how long more of an answer is waited for whose end is the connection's */
const ENDED_MS = 5000

/** A WebSocket and what came over it. */
class Talk {
  readonly received: (string | Uint8Array)[] = []
  end: { code: number; reason: string } | undefined
  readonly ws: WebSocket

  constructor(
    world: World,
    path: string,
    headers: Record<string, string> = {},
    protocols: string[] = [],
    below = PATH,
  ) {
    this.ws = new WebSocket(`${world.callgate.url.replace('http', 'ws')}${below}${path}`, {
      headers: { authorization: `ApiKey ${world.key}`, ...headers },
      protocols,
    } as never)
    this.ws.binaryType = 'arraybuffer'
    this.ws.onmessage = ({ data }) => this.received.push(typeof data === 'string' ? data : new Uint8Array(data))
    this.ws.onclose = ({ code, reason }) => {
      this.end = { code, reason }
    }
  }

  opened = () => waitFor(() => this.ws.readyState !== WebSocket.CONNECTING || undefined)
  messages = (count: number) => waitFor(() => this.received.length >= count || undefined)
  closed = () => waitFor(() => this.end)
}

export function webSockets(world: World): void {
  const talk = async (path: string, headers?: Record<string, string>, protocols?: string[]) => {
    const opened = new Talk(world, path, headers, protocols)
    await opened.opened()
    return opened
  }
  /** A request for a WebSocket, with the key of RFC 6455, 1.3. */
  const asking = (path: string) =>
    [
      `GET ${path} HTTP/1.1`,
      'Host: a',
      `Authorization: ApiKey ${world.key}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ].join('\r\n')
  const closedAt = (path: string) =>
    waitFor(
      async () =>
        (await world.callgate.call(`${PATH}/closed`, { key: world.key })).json[path] as [number, string] | undefined,
      30_000,
    )

  test('text and bytes go both ways, in their order', async () => {
    const { ws, received, messages } = await talk('/echo')
    const big = new Uint8Array(3_000_000).map((_, i) => i % 251)
    const sent = ['hello', '', '\u4f60\u597d \u{1f600}', new Uint8Array([0, 255, 128]), 'x'.repeat(70_000), big, 'last']
    for (const message of sent) ws.send(message)
    await messages(sent.length)
    expect(received.map(m => (typeof m === 'string' ? m : Bun.hash(m)))).toEqual(
      sent.map(m => (typeof m === 'string' ? m : Bun.hash(m))),
    )
    ws.close()
  })

  test('what the server says at once is not lost', async () => {
    const { received, messages, ws } = await talk('/at-once')
    await messages(3)
    expect(received).toEqual(['one', 'two', 'three'])
    ws.close()
  })

  test('more than waits at a time is not lost', async () => {
    const { received, messages, ws } = await talk('/flood')
    await messages(40)
    expect(received.map(m => [m.length, m[0] as number])).toEqual(Array.from({ length: 40 }, (_, i) => [1 << 20, i]))
    ws.close()
  })

  test('large messages to a caller who reads slowly all arrive, in their order', async () => {
    const [count, bytes] = [24, 15 << 20]
    const { hostname, port } = new URL(world.callgate.url)
    const socket = connect(Number(port), hostname)
    socket.write(`${asking(`/v1/proxy/raw/websocket/messages?${count},${bytes}`)}\r\n\r\n`)
    const numbers: number[] = []
    let head = Buffer.alloc(0)
    let received = -1
    /** where the next message's first byte is, behind the head of its frame */
    let next = 10
    socket.on('data', (piece: Buffer) => {
      if (received < 0) {
        head = Buffer.concat([head, piece])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        piece = head.subarray(end + 4)
        received = 0
      }
      for (; next < received + piece.length; next += 10 + bytes) numbers.push(piece[next - received]!)
      received += piece.length
    })
    for (let i = 0; i < 100; i++) {
      socket.pause()
      await Bun.sleep(20)
      socket.resume()
      await Bun.sleep(1)
    }
    await waitFor(() => received >= count * (10 + bytes) || socket.destroyed || undefined).catch(() => {})
    socket.destroy()
    expect([received, numbers]).toEqual([count * (10 + bytes), Array.from({ length: count }, (_, i) => i)])
  })

  test('as many small messages as their caller takes hold up nobody else', async () => {
    const { hostname, port } = new URL(world.callgate.url)
    const caller = connect(Number(port), hostname, () =>
      caller.write(`${asking('/v1/proxy/raw/websocket/small')}\r\n\r\n`),
    )
    let bytes = 0
    caller.on('data', data => {
      bytes += data.length
    })
    await waitFor(() => bytes > 1_000_000 || undefined)
    for (let i = 0; i < 10; i++) expect((await world.callgate.call('/-/alive')).status).toBe(200)
    caller.destroy()
  })

  test('what a server does not read is bounded, answers to its pings too', async () => {
    const { closed } = new Talk(world, '/websocket/pings', {}, [], '/v1/proxy/raw')
    expect(await closed()).toEqual({ code: 1013, reason: 'The server of this deployment is too slow.' })
  })

  test('what a caller sent before its end comes to a server that is slow to read it, and the end behind it', async () => {
    const [count, bytes] = [3, 4 << 20]
    const expected = count * (14 + bytes) // with the heads of frames
    const { ws, opened } = new Talk(world, `/websocket/stalls?6000,${expected}`, {}, [], '/v1/proxy/raw')
    await opened()
    for (let i = 0; i < count; i++) ws.send(new Uint8Array(bytes))
    ws.close(1000)
    const stalled = () => world.call('/stalled').then(({ json }) => json[0])
    expect(await waitFor(stalled)).toEqual({ bytes: expected, code: 1000 })
  })

  test('the server gets the path, the forwarded headers, and no key', async () => {
    const { received, messages, ws } = await talk('/headers', { 'x-mine': '1' })
    await messages(1)
    expect(received[0]).not.toContain(world.key)
    expect(JSON.parse(received[0] as string)).toMatchObject({
      'x-mine': '1',
      'x-forwarded-prefix': PATH,
      'x-forwarded-for': '127.0.0.1',
    })
    expect(received[0]).not.toContain('permessage-deflate')
    ws.close()
  })

  test('the protocol is the server’s choice', async () => {
    const chosen = await talk('/echo', {}, ['first', 'second'])
    expect(chosen.ws.protocol).toBe('second')
    chosen.ws.close()
    for (const offered of ['first', 'first, second']) {
      const hello = Buffer.from('\x81\x02hi', 'latin1').toString('hex')
      const answer = await sendRaw(world.callgate.url, [
        `${asking(`/v1/proxy/raw/raw/websocket?${hello}`)}\r\nSec-WebSocket-Protocol: ${offered}\r\n\r\n`,
      ])
      expect(answer.head).toStartWith('HTTP/1.1 101')
      expect(answer.head).not.toMatch(/sec-websocket-protocol/i)
    }
  })

  test('a ping of the server is answered', async () => {
    const { received, messages, ws } = await talk('/ping')
    await messages(1)
    expect(received).toEqual(['pong are you there'])
    ws.close()
  })

  test('an end is told with its code and reason, either way', async () => {
    expect(await (await talk('/bye')).closed()).toEqual({ code: 4321, reason: 'that was it' })
    const endedBy = (frame: string) => new Talk(world, `/raw/websocket?${frame}`, {}, [], '/v1/proxy/raw').closed()
    expect((await endedBy('8800')).code).toBe(1005)
    expect((await endedBy('880203ee')).code).toBe(1014) // 1006 is no code that is sent
    const own = await talk('/own-end')
    own.ws.close(4001, 'enough')
    expect((await own.closed()).code).toBe(4001)
    expect(await closedAt('/own-end')).toEqual([4001, 'enough'])
    const gone = await talk('/gone')
    ;(gone.ws as unknown as { terminate(): void }).terminate()
    expect((await closedAt('/gone'))[0]).toBe(1006)
  })

  test('a message that is too large ends it, and is not handed on', async () => {
    const { ws, received, closed } = await talk('/too-large')
    ws.send('huge')
    expect((await closed()).code).toBe(1009)
    expect(received).toEqual([])
  })

  test('what the server answers instead is the answer', async () => {
    const { status, text, head } = await sendRaw(world.callgate.url, [`${asking(`${PATH}/refused`)}\r\n\r\n`])
    expect([status, text, /^x-own: 1$/im.test(head)]).toEqual([403, 'not for you', true])
    const plain = await world.callgate.call(`${PATH}/plain`, { key: world.key })
    expect([plain.status, plain.text]).toEqual([200, 'a plain answer'])
  })

  test('the headers with which the server agrees reach the caller, but for those of one hop and Callgate’s session', async () => {
    const lines = [
      'Connection: Upgrade, X-Hop',
      'Upgrade: websocket',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'X-Own: caf\xe9',
      'Set-Cookie: a=1',
      'Set-Cookie: callgate_session=1',
      'Set-Cookie: b=2',
    ]
    const agreement = Buffer.from(lines.map(line => `${line}\r\n`).join('')).toString('hex')
    const { head } = await sendRaw(world.callgate.url, [
      `${asking(`/v1/proxy/raw/raw/agreement?${agreement}`)}\r\n\r\n`,
    ])
    expect(head).toStartWith('HTTP/1.1 101')
    expect(head).toMatch(/^x-own: caf\xe9\r$/im)
    expect(head.match(/^set-cookie: .*$/gim)).toEqual(['set-cookie: a=1', 'set-cookie: b=2'])
    expect(head).toMatch(/^x-request-id: [0-9a-f]{32}\r$/im)
    expect(head).not.toMatch(/^(?:x-hop|keep-alive):/im)
    for (const once of ['connection', 'upgrade', 'sec-websocket-accept', 'date'])
      expect(head.match(new RegExp(`^${once}:`, 'gim'))?.length, once).toBe(1)
  })

  test.each([
    ['nothing says to what', ['Connection: Upgrade']],
    ['to something else', ['Connection: Upgrade', 'Upgrade: h2c']],
    ['of which Connection says nothing', ['Upgrade: websocket']],
    [
      'with a protocol that was not offered',
      ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Protocol: c'],
    ],
    [
      'with two protocols',
      ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: b'],
    ],
  ])('a server that switches is held to what was asked for: %s', async (_, lines) => {
    const answerTo = async (lines: string[]) => {
      const agreement = Buffer.from(lines.map(line => `${line}\r\n`).join('')).toString('hex')
      const head = `${asking(`/v1/proxy/raw/raw/agreement?${agreement}`)}\r\nSec-WebSocket-Protocol: a, b\r\n\r\n`
      return sendRaw(world.callgate.url, [head])
    }
    const { status, json } = await answerTo(lines)
    expect([status, json?.code]).toEqual([502, 'bad_gateway'])
    const good = await answerTo(['connection: keep-alive, upgrade', 'upgrade: WebSocket', 'sec-websocket-protocol: b'])
    expect(good.head).toStartWith('HTTP/1.1 101')
    expect(good.head).toMatch(/^sec-websocket-protocol: b$/im)
  })

  test.each([
    ['an unknown opcode', '\x83\x00'],
    ['a reserved bit', '\xc1\x02hi'],
    ['a masked frame', '\x81\x82abcdhi'],
    ['a continuation of nothing', '\x80\x02hi'],
    ['a message within a message', '\x01\x02hi\x81\x02hi'],
    ['a ping in fragments', '\x09\x00'],
    ['a ping that is too long', `\x89\x7e\x00\x7e${'p'.repeat(126)}`],
    ['a length beyond counting', '\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff'],
    ['a text that is not UTF-8', '\x81\x02a\xff'],
    ['an end of one byte', '\x88\x01a'],
    ['an end with the code 0', '\x88\x02\x00\x00'],
    ['an end with the code 999', '\x88\x02\x03\xe7'],
    ['an end with the code 1005', '\x88\x02\x03\xed'],
    ['an end with the code 1006', '\x88\x02\x03\xee'],
    ['an end with the code 65535', '\x88\x02\xff\xff'],
  ])('what a server sends that is no frame ends it: %s', async (_, bytes) => {
    const path = `/v1/proxy/raw/raw/websocket?${Buffer.from(bytes, 'latin1').toString('hex')}`
    const { text, head } = await sendRaw(world.callgate.url, [`${asking(path)}\r\n\r\n`], ENDED_MS)
    expect(head).toStartWith('HTTP/1.1 101')
    // a close frame, and nothing before it
    expect(text.charCodeAt(0)).toBe(Buffer.from([0x88]).toString().charCodeAt(0))
    expect((await talk('/at-once')).end).toBeUndefined()
  })

  /** Sends bytes over a WebSocket when there is one, and reads what comes until its end, or `enough`. */
  const spoken = (path: string, bytes: Buffer, enough = (_: Buffer) => false) =>
    new Promise<Buffer>(resolve => {
      const { hostname, port } = new URL(world.callgate.url)
      const socket = connect(Number(port), hostname, () => socket.write(`${asking(path)}\r\n\r\n`))
      let received = Buffer.alloc(0)
      let begin = 0
      socket.on('error', () => {}).on('close', () => resolve(received.subarray(begin)))
      socket.on('data', data => {
        received = Buffer.concat([received, data])
        const end = received.indexOf('\r\n\r\n') + 4
        if (begin === 0 && end >= 4) {
          begin = end
          socket.write(bytes)
        }
        if (begin > 0 && enough(received.subarray(begin))) socket.destroy()
      })
    })
  /** A caller's frame, with a mask of zeros. */
  const masked = (first: number, payload: string) => {
    const body = Buffer.from(payload, 'latin1')
    const length = body.length < 126 ? [0x80 | body.length] : [0xfe, body.length >> 8, body.length & 255]
    return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), body])
  }

  test.each([
    ['no mask', Buffer.from('\x81\x02hi', 'latin1'), 1002],
    ['a reserved bit', masked(0xc1, 'hi'), 1002],
    ['an unknown opcode', masked(0x83, 'hi'), 1002],
    ['a continuation of nothing', masked(0x80, 'hi'), 1002],
    ['a message within a message', Buffer.concat([masked(0x01, 'a'), masked(0x81, 'b')]), 1002],
    ['a ping that is too long', masked(0x89, 'p'.repeat(126)), 1002],
    ['a ping in fragments', masked(0x09, 'p'), 1002],
    ['an end of one byte', masked(0x88, 'a'), 1002],
    ['an end with the code 1005', masked(0x88, '\x03\xed'), 1002],
    ['a text that is not UTF-8', masked(0x81, 'a\xff'), 1007],
    ['a reason that is not UTF-8', masked(0x88, '\x03\xe8\xff'), 1007],
    ['a message that is too large', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ])(
    'what a caller sends that is no frame ends it, and the server has nothing of it: %s',
    async (what, bytes, code) => {
      const path = `/echo?${encodeURIComponent(what)}`
      const answer = await spoken(`${PATH}${path}`, bytes)
      expect([answer[0], answer.readUInt16BE(2)]).toEqual([0x88, code])
    },
  )

  test('a caller’s message in fragments, with a ping among them, is one; a character may be in two of them', async () => {
    const frames = [masked(0x01, '\xe4'), masked(0x89, 'p'), masked(0x00, '\xbd'), masked(0x80, '\xa0')]
    const answer = await spoken(`${PATH}/echo`, Buffer.concat(frames), ({ length }) => length >= 8)
    expect(answer.toString('hex')).toBe('8a0170' + '8103e4bda0')
  })

  test('a caller’s end is answered with its code, and what follows it is nobody’s', async () => {
    for (const [end, answer] of [
      [masked(0x88, ''), '8800'],
      [masked(0x88, '\x03\xe8bye'), '880503e8627965'],
      [Buffer.concat([masked(0x88, '\x0f\xa0'), masked(0x81, 'late')]), '88020fa0'],
    ] as const)
      expect((await spoken(`${PATH}/echo`, end)).toString('hex')).toBe(answer)
  })

  test('an Upgrade that Connection does not name is none, and a Sec-WebSocket-Key that is none is refused', async () => {
    const head = (...lines: string[]) =>
      [`GET ${PATH}/echo HTTP/1.1`, 'Host: a', `X-API-Key: ${world.key}`, 'Upgrade: websocket', ...lines, '', ''].join(
        '\r\n',
      )
    const version = 'Sec-WebSocket-Version: 13'
    for (const connection of ['', 'Connection: keep-alive\r\n']) {
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
      const { status, text } = await sendRaw(world.callgate.url, [head(`${connection}${version}`, key)])
      expect([status, text]).toEqual([200, 'a plain answer'])
    }
    for (const key of ['short', 'x'.repeat(100), '']) {
      const lines = ['Connection: keep-alive, upgrade', version, `Sec-WebSocket-Key: ${key}`]
      const { status, json } = await sendRaw(world.callgate.url, [head(...lines)])
      expect([key, status, json?.code]).toEqual([key, 400, 'malformed_websocket'])
    }
  })

  test('without a good key there is none', async () => {
    for (const authorization of ['', `ApiKey ${mintSecret('dk')}`]) {
      const { closed } = new Talk(world, '/echo', { authorization })
      expect((await closed()).code).not.toBe(1000)
    }
  })

  test('a crash of the server is told, and the next one is served', async () => {
    const { ws, closed } = await talk('/crash')
    ws.send('die')
    expect((await closed()).code).toBe(1014)
    const again = await talk('/echo')
    again.ws.send('there')
    await again.messages(1)
    expect(again.received).toEqual(['there'])
    again.ws.close()
  })
}

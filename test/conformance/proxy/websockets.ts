/** WebSockets through the proxy. */
import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { mintSecret } from '../../../src/lib/secret.ts'
import { waitFor } from '../../harness.ts'
import { sendRaw } from '../raw-http.ts'
import type { World } from './world.ts'

const PATH = '/v1/proxy/sockets'

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
    socket.write(`${world.asking(`/v1/proxy/raw/websocket/messages?${count},${bytes}`)}\r\n\r\n`)
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
      caller.write(`${world.asking('/v1/proxy/raw/websocket/small')}\r\n\r\n`),
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
        `${world.asking(`/v1/proxy/raw/raw/websocket?${hello}`)}\r\nSec-WebSocket-Protocol: ${offered}\r\n\r\n`,
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
    const { status, text, head } = await sendRaw(world.callgate.url, [`${world.asking(`${PATH}/refused`)}\r\n\r\n`])
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
      `${world.asking(`/v1/proxy/raw/raw/agreement?${agreement}`)}\r\n\r\n`,
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
      const head = `${world.asking(`/v1/proxy/raw/raw/agreement?${agreement}`)}\r\nSec-WebSocket-Protocol: a, b\r\n\r\n`
      return sendRaw(world.callgate.url, [head])
    }
    const { status, json } = await answerTo(lines)
    expect([status, json?.code]).toEqual([502, 'bad_gateway'])
    const good = await answerTo(['connection: keep-alive, upgrade', 'upgrade: WebSocket', 'sec-websocket-protocol: b'])
    expect(good.head).toStartWith('HTTP/1.1 101')
    expect(good.head).toMatch(/^sec-websocket-protocol: b$/im)
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

/** What is long, slow or given up on the way, in both directions. */

import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { waitFor } from '../../harness.ts'
import { head, sendRaw } from '../raw-http.ts'
import { PREFIX, type World } from './world.ts'

const HUNDRED_MB = 100 * 1024 * 1024
/** What the main process's heap may grow by while a hundred megabytes go through it: on a busy machine it is cleaned later. */
const MOST_MB = 72

export function streams(world: World): void {
  const residentMb = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.callgate.process.pid}/status`, 'utf8'))![1]) / 1024
  const headers = { authorization: `ApiKey ${world.key}` }
  const open = (request: string, ...lines: string[]): Promise<Socket> =>
    new Promise(resolve => {
      const { hostname, port } = new URL(world.callgate.url)
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          [`${request} HTTP/1.1`, 'Host: a', `Authorization: ApiKey ${world.key}`, ...lines, '', ''].join('\r\n'),
        )
        resolve(socket)
      })
      socket.on('error', () => {})
    })

  /** An answer in the pieces that it comes in: its server sends each of them only when the one before it has come. */
  const piecesOf = async (name: string) => {
    const response = await fetch(`${world.callgate.url}${PREFIX}/raw/${encodeURIComponent(name)}`, { headers })
    const pieces: string[] = []
    for await (const piece of response.body!) {
      pieces.push(Buffer.from(piece).toString())
      await world.call('/on')
    }
    return { type: response.headers.get('content-type'), pieces }
  }

  test('events arrive as they come', async () => {
    const pieces = [0, 1, 2, 3].map(i => `data: ${i}\n\n`)
    expect(await piecesOf('events')).toEqual({ type: 'text/event-stream', pieces })
  })

  test('so does a body of a known length', async () => {
    expect(await piecesOf('a slow length')).toEqual({ type: 'text/plain', pieces: ['first', 'later'] })
  })

  test('a hundred megabytes up, by length and in chunks, in constant memory', async () => {
    const block = Buffer.alloc(1 << 20, 'u')
    const hash = createHash('sha256')
    for (let i = 0; i < 100; i++) hash.update(block)
    const sha256 = hash.digest('hex')
    for (const framing of [`Content-Length: ${HUNDRED_MB}`, 'Transfer-Encoding: chunked']) {
      const before = residentMb()
      let most = before
      const socket = await open(`POST ${PREFIX}/a`, framing)
      const chunked = framing.startsWith('Transfer')
      let answer = ''
      socket.on('data', data => {
        answer += data.toString()
      })
      for (let i = 0; i < 100; i++) {
        const piece = chunked ? Buffer.concat([Buffer.from('100000\r\n'), block, Buffer.from('\r\n')]) : block
        if (!socket.write(piece)) await new Promise(resolve => socket.once('drain', resolve))
        most = Math.max(most, residentMb())
      }
      if (chunked) socket.write('0\r\n\r\n')
      while (!answer.includes(sha256) && !socket.destroyed) await Bun.sleep(10)
      socket.destroy()
      expect(answer).toContain(`"bytes":${HUNDRED_MB}`)
      expect(most - before, framing).toBeLessThan(MOST_MB)
    }
  }, 180_000)

  test('a hundred megabytes down to a slow reader, in constant memory', async () => {
    const before = residentMb()
    let most = before
    const socket = await open(`GET ${PREFIX}/download?${HUNDRED_MB}`)
    let received = 0
    socket.on('data', data => {
      received += data.length
    })
    socket.pause()
    for (let i = 0; i < 10; i++) {
      await Bun.sleep(30)
      most = Math.max(most, residentMb())
    }
    expect(received).toBeLessThan(HUNDRED_MB / 2)
    socket.resume()
    while (received < HUNDRED_MB && !socket.destroyed) {
      await Bun.sleep(5)
      most = Math.max(most, residentMb())
    }
    socket.destroy()
    expect(received).toBeGreaterThanOrEqual(HUNDRED_MB)
    expect(most - before).toBeLessThan(MOST_MB)
  }, 180_000)

  test('an answer that comes before the body is sent is handed on', async () => {
    const socket = await open(`POST ${PREFIX}/early`, `Content-Length: ${HUNDRED_MB}`)
    const answer = await new Promise<string>(resolve => {
      let text = ''
      socket.on('data', data => {
        text += data.toString()
        if (text.includes('big')) resolve(text)
      })
      socket.on('close', () => resolve(text))
      setTimeout(() => resolve(`nothing more came after: ${text}`), 60_000)
      const block = Buffer.alloc(1 << 16)
      const more = () => {
        if (!socket.destroyed && !text) {
          socket.write(block)
          setTimeout(more, 5)
        }
      }
      more()
    })
    socket.destroy()
    expect(answer).toStartWith('HTTP/1.1 413')
    expect(answer).toEndWith('big')
  })

  /** Waits until a pattern has come `times` over a connection. */
  const heard = (socket: Socket) => {
    let text = ''
    socket.on('data', data => {
      text += data.toString('latin1')
    })
    return (pattern: RegExp, times = 1) =>
      waitFor(() => ((text.match(pattern) ?? []).length >= times ? text : undefined), 20_000)
  }

  test('an answer and its request go on side by side', async () => {
    const socket = await open(`POST ${PREFIX}/duplex`, 'Transfer-Encoding: chunked')
    const hear = heard(socket)
    for (const word of ['first', 'other', 'third']) {
      socket.write(`5\r\n${word}\r\n`)
      await hear(new RegExp(`5\r\n${word}\r\n`, 'g'))
    }
    socket.write('0\r\n\r\n')
    expect(await hear(/\r\n0\r\n\r\n/g)).toStartWith('HTTP/1.1 200 OK')
    socket.destroy()
  })

  test.each([
    ['Content-Length: 200000', 'x'.repeat(100), 'x'.repeat(199_900)],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n', '5\r\nagain\r\n0\r\n\r\n'],
  ])(
    'a caller who was answered early ends the request, and asks again on the same connection: %s',
    async (framing, begin, end) => {
      const socket = await open(`POST ${PREFIX}/early-and-on`, framing)
      const hear = heard(socket)
      socket.write(begin)
      await hear(/no$/g)
      socket.write(end)
      socket.write(head(`GET ${PREFIX}/a`, 'Host: a', `Authorization: ApiKey ${world.key}`))
      expect(await hear(/GET \/a HTTP\/1\.1/g)).toMatch(/^HTTP\/1\.1 401.*\r\n\r\nnoHTTP\/1\.1 200/s)
      socket.destroy()
    },
  )

  describe('a body is sent whole however often a connection for it was looked for,', () => {
    const chunk = Buffer.alloc(1000, 'c').toString()
    const chunked = `${`3e8\r\n${chunk}\r\n`.repeat(30)}0\r\n\r\n`
    const bodies: [string, string, string, number][] = [
      ['short', 'Content-Length: 100', 'x'.repeat(100), 100],
      ['long', 'Content-Length: 100000', 'x'.repeat(100_000), 100_000],
      ['in chunks', 'Transfer-Encoding: chunked', chunked, 30_000],
    ]
    const send = (path: string, framing: string, body: string) =>
      sendRaw(
        world.callgate.url,
        [head(`POST ${path}`, 'Host: a', `Authorization: ApiKey ${world.key}`, framing), body],
        1000,
      )

    test.each(bodies)('%s, to a server that does not listen for a moment', async (_, framing, body, bytes) => {
      // the first of two leaves it so
      for (let i = 0; i < 2; i++) {
        const { status, text } = await send('/v1/proxy/restless/', framing, body)
        expect([status, text]).toEqual([200, String(bytes)])
      }
    })

    test.each(bodies.slice(1))('%s, and where nobody listens that is said', async (_, framing, body) => {
      const { status, json } = await send('/v1/proxy/refusing/', framing, body)
      expect([status, json?.code]).toEqual([502, 'bad_gateway'])
    })
  })

  describe('a caller who goes away is gone for the server too', () => {
    test('while it waits for the answer', async () => {
      const mark = world.mark()
      const socket = await open(`GET ${PREFIX}/raw/never%20answered`, `X-Mark: ${mark}`)
      while (!(await world.reached(mark))) await Bun.sleep(10)
      socket.destroy()
      await world.abandoned(mark)
    })

    test('while it sends', async () => {
      const mark = world.mark()
      const socket = await open(`POST ${PREFIX}/a`, `X-Mark: ${mark}`, `Content-Length: ${HUNDRED_MB}`)
      socket.write(Buffer.alloc(100_000))
      while (!(await world.reached(mark))) await Bun.sleep(10)
      socket.destroy()
      await world.abandoned(mark)
    })

    test('while it receives', async () => {
      const mark = world.mark()
      const socket = await open(`GET ${PREFIX}/download?${HUNDRED_MB * 10}`, `X-Mark: ${mark}`)
      await new Promise(resolve => socket.once('data', resolve))
      socket.destroy()
      await world.abandoned(mark)
    })
  })
}

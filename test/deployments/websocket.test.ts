import { describe, expect, test } from 'bun:test'
import type { ServerWebSocket } from 'bun'
import type { Lease } from '../../src/deployments/backend.ts'
import type { SocketEvents } from '../../src/deployments/tunnel.ts'
import { webSocketUpgrade } from '../../src/deployments/websocket.ts'
import type { AnswerHead } from '../../src/deployments/wire/head.ts'
import type { Answering, Line } from '../../src/deployments/wire/line.ts'
import { waitFor } from '../harness.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
/** of RFC 6455, 1.3 */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/** A WebSocket between a caller and a server who are both here. */
function open() {
  const got: string[] = []
  const ends: number[] = []
  const written: Uint8Array[] = []
  let tunnel!: Answering & SocketEvents
  const line = {
    hand: (to: Answering) => {
      tunnel = to as Answering & SocketEvents
    },
    write: (bytes: Uint8Array) => {
      written.push(bytes)
      tunnel.wrote(bytes.length)
    },
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  } as unknown as Line
  const caller = {
    sendText: (text: string) => got.push(text),
    getBufferedAmount: () => 0,
    close: (code: number) => ends.push(code),
  } as unknown as ServerWebSocket<SocketEvents>
  const head = { upgrade: 'websocket', headers: [['sec-websocket-accept', ACCEPT]] } as unknown as AnswerHead
  const request = new Request('http://x/', { headers: { 'sec-websocket-key': KEY } })
  webSocketUpgrade(
    request,
    () => {},
    () => true,
  ).agreed(head, line, { release() {} } as unknown as Lease)
  tunnel.open(caller)
  return { tunnel, caller, got, ends, written }
}

const COUNT = 200_000
const letters = Array.from({ length: COUNT }, (_, i) => String.fromCharCode(97 + (i % 26)))
const frames = (first: (i: number) => number) =>
  Buffer.concat(letters.map((letter, i) => Buffer.from([first(i), 1, letter.charCodeAt(0)])))

describe('what comes at once and is very much', () => {
  test('of a server is handed on with others served in between, and none of it is lost where the server ends', async () => {
    const { tunnel, got, ends } = open()
    tunnel.data(frames(() => 0x81))
    tunnel.failed(new Error('it is gone'))
    expect(got.length).toBeLessThan(COUNT)
    await waitFor(() => ends.length > 0 || undefined)
    expect(got.join('')).toBe(letters.join(''))
    expect(ends).toEqual([1014])
  })
  test('so is a message in very many fragments', async () => {
    const { tunnel, got } = open()
    let served = 0
    const others = setInterval(() => served++, 0)
    tunnel.data(frames(i => (i === 0 ? 0x01 : i === COUNT - 1 ? 0x80 : 0x00)))
    expect(got).toEqual([])
    await waitFor(() => got.length > 0 || undefined)
    clearInterval(others)
    expect(got).toEqual([letters.join('')])
    expect(served).toBeGreaterThan(0)
  })
  test('of a caller goes to the server in one write', async () => {
    const { tunnel, caller, written } = open()
    for (let i = 0; i < 1000; i++) tunnel.message(caller, 'x')
    await waitFor(() => written.length > 0 || undefined)
    expect(written.map(({ length }) => length)).toEqual([7000])
  })
})

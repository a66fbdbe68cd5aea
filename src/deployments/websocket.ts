/** WebSockets to a deployment's server: the server is asked first, then the caller is answered. */
import type { ServerWebSocket } from 'bun'
import type { Lease } from './backend.ts'
import type { Upgrade } from './proxy.ts'
import type { Connection, Exchange } from './wire/connection.ts'
import { closeFrameOf, FrameError, FrameReader, frameOf, OPCODE } from './wire/frames.ts'
import { type AnswerHead, MalformedAnswer } from './wire/head.ts'

/** Bytes of one message, either way. */
export const MOST_OF_A_MESSAGE = 16 * 1024 * 1024
/** What may wait for a slow server; the HTTP server cannot make its caller wait. */
const MOST_WAITING = 64 * 1024 * 1024
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** How long the other side may take to agree to an end. */
const CLOSING_MS = 5000
const CODE = { goingAway: 1001, noStatus: 1005, lost: 1006, tooMuch: 1013, badGateway: 1014 }

export const isWebSocket = ({ method, headers }: Request): boolean =>
  method === 'GET' && headers.get('upgrade')?.toLowerCase() === 'websocket' && headers.has('sec-websocket-key')

/** Answers the caller's request with a WebSocket. `data` gets its events. @returns false: the request is gone */
export type Accept = (data: SocketEvents, headers: [string, string][]) => boolean

/** What the HTTP server calls with what happens on the caller's side. */
export interface SocketEvents {
  open(ws: ServerWebSocket<SocketEvents>): void
  message(ws: ServerWebSocket<SocketEvents>, message: string | Buffer): void
  drain(ws: ServerWebSocket<SocketEvents>): void
  close(ws: ServerWebSocket<SocketEvents>, code: number, reason: string): void
}

/** How a request for a WebSocket is handed on. */
export function webSocketUpgrade(request: Request, accept: Accept): Upgrade {
  const key = request.headers.get('sec-websocket-key')!
  return {
    lines: 'connection: Upgrade\r\nupgrade: websocket\r\n',
    agreed(head, connection, lease) {
      const headers = checkedHeaders(head, key)
      const tunnel = new Tunnel(connection, lease)
      connection.takeOver(tunnel)
      connection.pause()
      if (!accept(tunnel, headers)) tunnel.failed()
      // nothing more is sent: the HTTP server has answered
      return new Response(null)
    },
  }
}

/** @throws MalformedAnswer the server did not agree to this WebSocket */
function checkedHeaders(head: AnswerHead, key: string): [string, string][] {
  const expected = new Bun.CryptoHasher('sha1').update(key + GUID).digest('base64')
  const passed: [string, string][] = []
  let accepted: string | undefined
  for (const [name, value] of head.headers)
    switch (name.toLowerCase()) {
      case 'sec-websocket-accept':
        accepted = value
        break
      case 'sec-websocket-extensions':
        throw new MalformedAnswer('the server took an extension that was not offered')
      case 'sec-websocket-protocol':
      case 'set-cookie':
        passed.push([name, value])
    }
  if (accepted !== expected) throw new MalformedAnswer('the server did not accept this WebSocket')
  return passed
}

class Tunnel implements Exchange, SocketEvents {
  readonly method = 'GET'
  #connection: Connection
  #lease: Lease
  #reader = new FrameReader(MOST_OF_A_MESSAGE)
  #caller: ServerWebSocket<SocketEvents> | undefined
  /** the caller has not taken what was sent last */
  #blocked = false
  #over = false
  #closing: ReturnType<typeof setTimeout> | undefined

  constructor(connection: Connection, lease: Lease) {
    this.#connection = connection
    this.#lease = lease
    lease.stopping = () => this.#end(CODE.goingAway, 'The server of this deployment is stopping.')
  }

  open(caller: ServerWebSocket<SocketEvents>): void {
    if (this.#over) return caller.close(CODE.badGateway)
    this.#caller = caller
    this.#connection.resume()
    this.#relay()
  }

  message(_caller: unknown, message: string | Buffer): void {
    const text = typeof message === 'string'
    this.#connection.write(frameOf(text ? OPCODE.text : OPCODE.binary, text ? Buffer.from(message) : message))
    if (this.#connection.waiting > MOST_WAITING) this.#end(CODE.tooMuch, 'The server of this deployment is too slow.')
  }

  drain(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#connection.resume()
    this.#relay()
  }

  close(_caller: unknown, code: number, reason: string): void {
    if (this.#over) return
    if (code === CODE.lost) return this.#finish()
    this.#connection.write(closeFrameOf(code === CODE.noStatus ? undefined : code, reason))
    this.#closing ??= setTimeout(() => this.#finish(), CLOSING_MS)
  }

  data(bytes: Buffer): void {
    this.#reader.push(bytes)
    this.#relay()
  }

  failed(): void {
    this.#finish()
    this.#caller?.close(CODE.badGateway, 'The server of this deployment ended the connection.')
  }

  ended(): void {
    this.failed()
  }

  answered(): void {}
  unfinished(): void {}
  drained(): void {}

  #relay(): void {
    try {
      while (this.#caller && !this.#blocked && !this.#over) {
        const incoming = this.#reader.next()
        if (!incoming) return
        switch (incoming.opcode) {
          case OPCODE.text:
            this.#sent(this.#caller.sendText(incoming.payload.toString()))
            break
          case OPCODE.binary:
            this.#sent(this.#caller.sendBinary(incoming.payload))
            break
          case OPCODE.ping:
            this.#connection.write(frameOf(OPCODE.pong, incoming.payload))
            break
          case OPCODE.close:
            this.#connection.write(closeFrameOf(incoming.code, ''))
            this.#finish()
            this.#caller.close(incoming.code, incoming.reason)
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#connection.write(closeFrameOf(error.code, ''))
      this.#finish()
      this.#caller?.close(error.code === 1009 ? 1009 : CODE.badGateway, 'The server of this deployment broke the protocol.')
    }
  }

  #sent(status: number): void {
    if (status >= 0) return
    this.#blocked = true
    this.#connection.pause()
  }

  /** Both sides are told. */
  #end(code: number, reason: string): void {
    if (this.#over) return
    this.#connection.write(closeFrameOf(code, reason))
    this.#finish()
    this.#caller?.close(code, reason)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#closing)
    this.#connection.end()
    this.#lease.release()
  }
}

/** WebSockets to a deployment's server: the server is asked first, then the caller is answered. */

import { badRequest } from '../lib/fault.ts'
import type { Upgrade } from './attempt.ts'
import { type SocketEvents, Tunnel } from './tunnel.ts'
import { type AnswerHead, MalformedAnswer, UPGRADE } from './wire/head.ts'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Whether a WebSocket is asked for; an `Upgrade` that `Connection` does not name is somebody else's (RFC 9110, 7.8). */
export const isWebSocket = ({ method, headers }: Request): boolean =>
  method === 'GET' &&
  headers.get('upgrade')?.toLowerCase() === 'websocket' &&
  headers.has('sec-websocket-key') &&
  UPGRADE.test(headers.get('connection') ?? '')

/** 16 bytes in base64 */
const KEY = /^[A-Za-z0-9+/]{22}==$/

/** Answers the caller's request with a WebSocket. `data` gets its events. @returns false: the request is gone */
export type Accept = (data: SocketEvents, headers: [string, string][]) => boolean

/**
 * How a request for a WebSocket is handed on.
 * @param checkAgain asked now and then: throws when the caller would not be let in any more
 * @throws Fault 400 its key is none: the HTTP server would not answer it
 */
export function webSocketUpgrade(request: Request, checkAgain: () => void, accept: Accept): Upgrade {
  const key = request.headers.get('sec-websocket-key')!
  if (!KEY.test(key)) throw badRequest('Sec-WebSocket-Key must be 16 bytes in base64.', 'malformed_websocket')
  const offered = request.headers.get('sec-websocket-protocol')?.split(/[\t ]*,[\t ]*/) ?? []
  return {
    lines: 'connection: Upgrade\r\nupgrade: websocket\r\n',
    agreed(head, line, lease) {
      const headers = checkedHeaders(head, key, offered)
      const tunnel = new Tunnel(line, lease, request, checkAgain)
      line.hand(tunnel)
      if (!accept(tunnel, headers)) tunnel.failed()
      // nothing more is sent: the HTTP server has answered
      return new Response(null)
    },
  }
}

/** @throws MalformedAnswer the server did not agree to this WebSocket (RFC 6455, 4.1) */
function checkedHeaders(head: AnswerHead, key: string, offered: string[]): [string, string][] {
  if (head.upgrade?.toLowerCase() !== 'websocket') throw new MalformedAnswer('the server switched to another protocol')
  const expected = new Bun.CryptoHasher('sha1').update(key + GUID).digest('base64')
  const passed: [string, string][] = []
  let accepted: string | undefined
  let chosen = false
  for (const [name, value] of head.headers)
    switch (name.toLowerCase()) {
      case 'sec-websocket-accept':
        accepted = value
        break
      case 'sec-websocket-extensions':
        throw new MalformedAnswer('the server took an extension that was not offered')
      case 'sec-websocket-protocol':
        if (chosen || !offered.includes(value)) throw new MalformedAnswer('the server chose what was not offered')
        chosen = true
        passed.push([name, value])
        break
      default:
        passed.push([name, value])
    }
  if (accepted !== expected) throw new MalformedAnswer('the server did not accept this WebSocket')
  // of a server that chose none, Bun would say that it chose the first
  if (!chosen) passed.push(['sec-websocket-protocol', ''])
  return passed
}

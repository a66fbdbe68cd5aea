/** What a request's head becomes on its way to a deployment's server. */
import { withoutSession } from '../lib/session-cookie.ts'
import { HOP_NAMES } from './wire/head.ts'

/** Where a request is sent, and what its server is told of where it came from. */
export interface Forwarding {
  /** path and query as they were sent, without the part of the path that led here */
  target: string
  /** the `Host` that the server gets */
  host: string
  /** the `Host` that the caller named */
  callersHost: string
  /** the part of the path that was taken off; empty where the Host led here */
  prefix: string
  /** the address that the connection comes from */
  peer: string
  scheme: 'http' | 'https'
  /** whether the peer is a proxy whose `X-Forwarded-*` are believed */
  trusted: boolean
  requestId: string
  traceparent: string
  /** headers that are not handed on, in small letters: those that hold the caller's key */
  withheld: readonly string[]
}

/** `passed` on; `ours`, of this hop or written anew here; `telling` who the caller is, for which only a trusted proxy is believed. */
type Kind = 'passed' | 'ours' | 'telling' | 'key' | 'cookie'
/** Of this hop only, or written anew here; and `Proxy`, which servers that make HTTP_PROXY of it would send their own requests to. */
const OURS = [
  ...HOP_NAMES,
  'proxy',
  'host',
  'expect',
  'http2-settings',
  'sec-websocket-extensions',
  'x-request-id',
  'traceparent',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-prefix',
]
const KEYS = ['authorization', 'x-api-key']
const TELLING = /^(?:forwarded|x-real-ip|x-forwarded-.*)$/

/** the kinds of names that came lately */
const kinds = new Map<string, Kind>()
const MOST_KINDS = 2000

/**
 * The request's head, ready to be written: a character is a byte.
 * @param framing the lines that say how long the body is, each with its end; or what an upgrade needs
 */
export function requestHead(request: Request, to: Forwarding, framing: string): string {
  const { headers } = request
  const { trusted, withheld } = to
  const listed = connectionOptions(headers.get('connection'))
  let head = `${request.method} ${to.target} HTTP/1.1\r\nhost: ${to.host}\r\n${framing}`
  headers.forEach((value, name) => {
    const kind = kinds.get(name) ?? kindOf(name)
    if (kind === 'ours' || (kind === 'telling' && !trusted) || (kind === 'key' && withheld.includes(name))) return
    if (listed?.has(name)) return
    if (kind !== 'cookie') head += `${name}: ${value}\r\n`
    else {
      const cookies = withoutSession(value)
      if (cookies) head += `${name}: ${cookies}\r\n`
    }
  })
  return `${head}${trusted ? forwardedBefore(headers, to) : forwarded(to)}x-request-id: ${to.requestId}\r\ntraceparent: ${to.traceparent}\r\n\r\n`
}

const forwarded = ({ peer, scheme, callersHost, prefix }: Forwarding): string =>
  `x-forwarded-for: ${peer}\r\nx-forwarded-proto: ${scheme}\r\nx-forwarded-host: ${callersHost}\r\n${prefix && `x-forwarded-prefix: ${prefix}\r\n`}`

/** What a trusted proxy said, and what is added to it. */
function forwardedBefore(headers: Headers, to: Forwarding): string {
  const before = headers.get('x-forwarded-for')
  return forwarded({
    ...to,
    peer: before ? `${before}, ${to.peer}` : to.peer,
    scheme: (headers.get('x-forwarded-proto') as 'https' | null) ?? to.scheme,
    callersHost: headers.get('x-forwarded-host') ?? to.callersHost,
    prefix: (headers.get('x-forwarded-prefix') ?? '') + to.prefix,
  })
}

function kindOf(name: string): Kind {
  // servers that make HTTP_X_FORWARDED_FOR of a name take an underscore for a hyphen
  const plain = name.replaceAll('_', '-')
  const own = OURS.includes(plain) || KEYS.includes(plain) || TELLING.test(plain)
  let kind: Kind = 'passed'
  if (own && plain !== name) kind = 'ours'
  else if (OURS.includes(name)) kind = 'ours'
  else if (KEYS.includes(name)) kind = 'key'
  else if (name === 'cookie') kind = 'cookie'
  else if (own) kind = 'telling'
  if (kinds.size >= MOST_KINDS) kinds.clear()
  kinds.set(name, kind)
  return kind
}

/** The headers that `Connection` says are of this hop only; undefined: none but the usual. */
function connectionOptions(connection: string | null): Set<string> | undefined {
  if (connection === null || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map(name => name.trim().toLowerCase()))
}

/** What a request's head becomes on its way to a deployment's server. */

/** Where a request is sent, and what its server is told of where it came from. */
export interface Forwarding {
  /** path and query as they were sent, without the part of the path that led here */
  target: string
  /** the `Host` that the server gets */
  host: string
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

/** Of this hop only (RFC 9110, 7.6.1), or written anew here. */
const OURS = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'http2-settings',
  'sec-websocket-extensions',
  'x-request-id',
  'traceparent',
])
/** What is said here of the caller, added to what a trusted proxy said. */
const RENEWED = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-prefix'])
/** Says who the caller is, for which only a trusted proxy is believed; as is any other `X-Forwarded-`. */
const SAYS_WHO = new Set(['forwarded', 'x-real-ip'])

/**
 * The request's head, ready to be written.
 * @param framing the lines that say how long the body is, each with its end; or what an upgrade needs
 */
export function requestHead(request: Request, to: Forwarding, framing: string): Buffer {
  const { headers } = request
  const { trusted } = to
  const before = (name: string) => (trusted ? headers.get(name) : null)
  const listed = connectionOptions(headers.get('connection'))
  const forwardedFor = before('x-forwarded-for')
  let head = `${request.method} ${to.target} HTTP/1.1\r\nhost: ${to.host}\r\n${framing}`
  headers.forEach((value, name) => {
    if (OURS.has(name) || listed?.has(name) || to.withheld.includes(name)) return
    if (saysWho(name, trusted)) return
    head += `${name}: ${value}\r\n`
  })
  head += `x-forwarded-for: ${forwardedFor ? `${forwardedFor}, ` : ''}${to.peer}\r\n`
  head += `x-forwarded-proto: ${before('x-forwarded-proto') ?? to.scheme}\r\n`
  head += `x-forwarded-host: ${before('x-forwarded-host') ?? headers.get('host') ?? ''}\r\n`
  const prefix = (before('x-forwarded-prefix') ?? '') + to.prefix
  if (prefix) head += `x-forwarded-prefix: ${prefix}\r\n`
  head += `x-request-id: ${to.requestId}\r\ntraceparent: ${to.traceparent}\r\n\r\n`
  // a character of a header is a byte, as it came
  return Buffer.from(head, 'latin1')
}

/**
 * Whether a header says who the caller is without being believed. Servers that make `HTTP_X_FORWARDED_FOR` of a name take an
 * underscore for a hyphen.
 */
function saysWho(sent: string, trusted: boolean): boolean {
  const name = sent.includes('_') ? sent.replaceAll('_', '-') : sent
  if (name !== sent || !trusted) return name.startsWith('x-forwarded-') || SAYS_WHO.has(name)
  return RENEWED.has(name)
}

/** The headers that `Connection` says are of this hop only; undefined: none but the usual. */
function connectionOptions(connection: string | null): Set<string> | undefined {
  if (connection === null || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map(name => name.trim().toLowerCase()))
}

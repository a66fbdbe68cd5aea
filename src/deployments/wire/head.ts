/** The head of a server's answer, taken apart strictly (RFC 9112): what could be read in two ways is no answer. */

export type HeaderLines = [name: string, value: string][]

/** How the end of the body is found. `length`: after so many bytes; `close`: where the connection ends. */
type Framing = { by: 'none' } | { by: 'length'; length: number } | { by: 'chunked' } | { by: 'close' }

export interface AnswerHead {
  status: number
  /** those that are for whoever asked, in the server's spelling and order; without the length and those of one hop */
  headers: HeaderLines
  /** what the server says of the body's length */
  length: string | undefined
  framing: Framing
  /** the protocol that a 101 switches to, where its `Connection` says so */
  upgrade: string | undefined
}

/** What else a head says, of the connection that it came on. */
export interface ParsedHead extends AnswerHead {
  /** whether the connection may carry another request after this answer */
  persistent: boolean
  /** seconds that the server keeps an idle connection, where it says so (`Keep-Alive: timeout=5`) */
  keepAliveSeconds: number | undefined
}

/** The server sent what is no HTTP answer. */
export class MalformedAnswer extends Error {
  override name = 'MalformedAnswer'
}

const [TAB, CR, SPACE, COLON, DELETE] = [9, 13, 32, 58, 127]
/** whether a character may be in a name (RFC 9110, 5.6.2) */
const IN_NAMES = Uint8Array.from({ length: 256 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)) ? 1 : 0,
)
const DIGITS = /^\d{1,15}$/
const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i
const KEEP = /keep-alive/i
export const UPGRADE = /(?:^|,)\s*upgrade\s*(?:,|$)/i

export const HEAD_END = '\r\n\r\n'
const MOST_OF_A_HEAD = 64 * 1024
/** of what came, where a head's end is looked for first */
const USUAL_HEAD = 2048
const BARE_LF = /(?:^|[^\r])\n/

/**
 * @returns the head that these bytes begin with, without its end, one character a byte; undefined: it is not all there
 * @throws MalformedAnswer it is too long, or its end would be waited for in vain
 */
export function headIn(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, USUAL_HEAD))
  const found = text.indexOf(HEAD_END)
  const end = found >= 0 || bytes.length <= USUAL_HEAD ? found : bytes.indexOf(HEAD_END)
  if (end < 0 ? bytes.length > MOST_OF_A_HEAD : end > MOST_OF_A_HEAD)
    throw new MalformedAnswer('the head of the answer is too long')
  if (end >= 0) return found >= 0 ? text.slice(0, end) : bytes.toString('latin1', 0, end)
  if (BARE_LF.test(text)) throw new MalformedAnswer('a line does not end as lines do')
  return undefined
}

/**
 * @param text the head without the empty line behind it, one character a byte
 * @param method of the request, which says whether there can be a body
 * @throws MalformedAnswer
 */
export function parseAnswerHead(text: string, method: string): ParsedHead {
  const status = statusOf(text)
  const headers: HeaderLines = []
  const hop: HopHeaders = {}
  let at = text.indexOf('\r\n')
  if (at < 0) at = text.length
  while (at < text.length) {
    if (text.charCodeAt(at + 1) !== 10) throw new MalformedAnswer('a line does not end as lines do')
    const start = at + 2
    let colon = start
    while (IN_NAMES[text.charCodeAt(colon)]) colon++
    if (colon === start || text.charCodeAt(colon) !== COLON) throw new MalformedAnswer('a header has no proper name')
    at = endOfValue(text, colon + 1)
    const name = text.slice(start, colon)
    const value = trimmed(text, colon + 1, at)
    if (!(HOP_LENGTHS & (1 << name.length)) || !takeHop(hop, name.toLowerCase(), value)) headers.push([name, value])
  }
  const { length, encoding, connection, keepAlive } = hop
  if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || length !== undefined))
    throw new MalformedAnswer('the transfer encoding is not chunked alone')
  const framing = framingOf(method, status, encoding, length)
  const isCurrent = text.charCodeAt(7) > ZERO
  // HTTP/1.0 knows no chunks: whoever is between may have taken the body to end elsewhere (RFC 9112, 6.1)
  const persists = isCurrent
    ? connection === undefined || !CLOSE.test(connection)
    : connection !== undefined && KEEP.test(connection) && encoding === undefined
  // a server that speaks of a body here may well send it, where the next answer is looked for (RFC 9110, 8.6)
  const isAtOdds = status === 204 && (encoding !== undefined || Number(length ?? 0) > 0)
  const switches = status === 101 && connection !== undefined && UPGRADE.test(connection)
  return {
    status,
    upgrade: switches ? hop.upgrade : undefined,
    headers: connection === undefined || USUAL.test(connection) ? headers : withoutListed(headers, connection),
    length,
    framing,
    persistent: persists && framing.by !== 'close' && status !== 101 && !isAtOdds,
    keepAliveSeconds: keepAlive === undefined ? undefined : timeoutOf(keepAlive),
  }
}

const ZERO = '0'.charCodeAt(0)

/** Of `HTTP/1.1 200 OK`; the phrase may be left out, and a later minor version is read as this one (RFC 9110, 2.5). */
function statusOf(text: string): number {
  digit(text, 7)
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== SPACE) throw new MalformedAnswer('the status line is none')
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11)
  const behind = text.charCodeAt(12)
  if (status < 100 || (behind !== SPACE && behind !== CR && text.length > 12))
    throw new MalformedAnswer('the status line is none')
  return status
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48
  if (!(value >= 0 && value <= 9)) throw new MalformedAnswer('the status line is none')
  return value
}

/** Where a line's CR is, or the text ends. @throws MalformedAnswer a control character comes first */
function endOfValue(text: string, from: number): number {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === CR) break
    if ((code < SPACE && code !== TAB) || code === DELETE) throw new MalformedAnswer('a header has a control character')
  }
  return at
}

function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to]
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number) => code === SPACE || code === TAB

/** What of the head is of this hop only (RFC 9110, 7.6.1) and says how to read it. */
interface HopHeaders {
  length?: string
  encoding?: string
  connection?: string
  keepAlive?: string
  upgrade?: string
}
/** Headers of one hop only (RFC 9110, 7.6.1), in small letters, and those that say how to read the body. */
export const HOP_NAMES: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
])
/** a bit for each length that such a name has, so that most names need no more than a look */
const HOP_LENGTHS = [...HOP_NAMES].reduce((bits, name) => bits | (1 << name.length), 0)
const USUAL = /^(?:keep-alive|close)$/i

/** @returns whether the header is one of those. @throws MalformedAnswer a length that is none, or another than before */
function takeHop(hop: HopHeaders, name: string, value: string): boolean {
  if (!HOP_NAMES.has(name)) return false
  switch (name) {
    case 'connection':
      hop.connection = joined(hop.connection, value)
      break
    case 'keep-alive':
      hop.keepAlive = value
      break
    case 'upgrade':
      hop.upgrade = joined(hop.upgrade, value)
      break
    case 'transfer-encoding':
      hop.encoding = joined(hop.encoding, value)
      break
    case 'content-length':
      if (!DIGITS.test(value) || (hop.length !== undefined && hop.length !== value))
        throw new MalformedAnswer('the content length is none, or there are two')
      hop.length = value
  }
  return true
}

/** Without those that `Connection` names. */
function withoutListed(headers: HeaderLines, connection: string): HeaderLines {
  const listed = new Set(connection.split(',').map(name => name.trim().toLowerCase()))
  return headers.filter(([name]) => !listed.has(name.toLowerCase()))
}

function framingOf(method: string, status: number, encoding: string | undefined, length: string | undefined): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { by: 'none' }
  if (encoding !== undefined) return { by: 'chunked' }
  if (length === undefined) return { by: 'close' }
  return length === '0' ? { by: 'none' } : { by: 'length', length: Number(length) }
}

const joined = (before: string | undefined, value: string) => (before === undefined ? value : `${before},${value}`)

function timeoutOf(keepAlive: string): number | undefined {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

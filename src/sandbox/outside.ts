/**
 * What handlers fetch: from the main process, from the hosts on their definition's list only, and never from an address that
 * is not public. The address that was looked at is the one that is connected to; every redirect is looked at again.
 */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import ipaddr from 'ipaddr.js'
import { addressesOf, isWithin, type Networks } from '../lib/address.ts'
import { codingOf, unpack } from '../lib/body.ts'
import { inTime } from '../lib/deadline.ts'
import { deadlinePassed, Fault, forbidden, unprocessable } from '../lib/fault.ts'
import { Gathering } from '../lib/gathering.ts'
import { isObject } from '../lib/json.ts'
import { slices } from '../lib/slices.ts'

/** What a guest asks for. It may be anything: a list, or what says of itself that it is as long as one, costs what it likes to read. */
export interface FetchRequest {
  url?: unknown
  method?: unknown
  headers?: unknown
  text?: unknown
  json?: unknown
  base64?: unknown
}

export interface FetchBounds {
  /** `api.example.org`, `*.example.org`, `api.example.org:8443` */
  hosts: readonly string[]
  /** networks that may be fetched from though they are not public */
  networks: Networks
  /** of an answer, unpacked */
  bytes: number
  /** as performance.now() */
  deadline: number
  /** nobody waits for it any more */
  signal?: AbortSignal
}

/** An answer as the guest takes it: text where it is text, or bytes. */
export interface Fetched {
  status: number
  url: string
  headers: Record<string, string>
  text?: string
  base64?: string
}

const REDIRECTS = 5
/** Many more would cost this process seconds. */
const HEADERS = 100
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** They belong to the connection. */
const NOT_THEIRS = /^(host|connection|content-length|transfer-encoding|keep-alive|te|trailer|upgrade|expect|proxy-.*)$/
const TEXT = /^(text\/|application\/([\w.+-]+\+)?(json|xml)\b|application\/(javascript|x-www-form-urlencoded)\b)/i

const refused = (message: string) => forbidden(message, 'fetch_refused')
const nobodyWaits = () => deadlinePassed('The call that asked for it has ended.')
const failed = (message: string, cause?: unknown) => new Fault(502, 'fetch_failed', message, { cause })

/** @throws Fault 403 a host or address that is not allowed; 422 no request; 502 no answer, or one that is too large; 504 */
export async function fetchOutside(request: FetchRequest, bounds: FetchBounds): Promise<Fetched> {
  if (!isObject(request)) throw unprocessable('A fetch needs a URL.')
  let method = typeof request.method === 'string' ? request.method.toUpperCase() : 'GET'
  if (!METHODS.has(method)) throw unprocessable('This method cannot be used to fetch.')
  const headers = headersOf(request.headers)
  let body = bodyOf(request, headers)
  let url = urlOf(request.url)
  for (let hop = 0; ; hop++) {
    const answer = await once(url, method, headers, body, bounds)
    const { location } = answer.headers
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined)
      return { url: url.href, ...answer }
    if (hop === REDIRECTS) throw failed('There were too many redirects.')
    // headers are read as Latin-1; where one leads to is UTF-8, as browsers take it
    const next = urlOf(Buffer.from(location, 'latin1').toString(), url)
    // as the Fetch Standard has it (HTTP-redirect fetch, 12 to 14)
    if (answer.status === 303 ? method !== 'HEAD' : answer.status <= 302 && method === 'POST') {
      method = 'GET'
      body = undefined
      for (const name of ['content-type', 'content-encoding', 'content-language']) headers.delete(name)
    }
    if (next.origin !== url.origin) for (const name of ['authorization', 'cookie']) headers.delete(name)
    url = next
  }
}

function urlOf(text: unknown, base?: URL): URL {
  const url = typeof text === 'string' && URL.canParse(text, base) ? new URL(text, base) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw unprocessable('Only http and https URLs can be fetched.')
  if (url.username !== '' || url.password !== '')
    throw unprocessable('A URL with a name or password cannot be fetched.')
  return url
}

function headersOf(given: unknown): Headers {
  const list = given ?? {}
  // the keys of a text, or of a long list, would take seconds
  const names = Array.isArray(list) ? list : isObject(list) ? Object.keys(list) : undefined
  if (names && names.length > HEADERS) throw unprocessable(`A fetch has at most ${HEADERS} headers.`)
  let headers: Headers
  try {
    if (!names) throw new TypeError('no headers')
    headers = new Headers(list as Record<string, string>)
  } catch {
    throw unprocessable('The headers of a fetch must be names and texts.')
  }
  for (const name of [...headers.keys()]) if (NOT_THEIRS.test(name)) headers.delete(name)
  return headers
}

function bodyOf({ text, json, base64 }: FetchRequest, headers: Headers): Uint8Array | undefined {
  const content = base64 ?? json ?? text
  if (content === undefined) return undefined
  if (typeof content !== 'string') throw unprocessable('The body of a fetch is text, bytes or JSON.')
  if (base64 !== undefined) return Buffer.from(content, 'base64')
  if (!headers.has('content-type'))
    headers.set('content-type', json === undefined ? 'text/plain; charset=utf-8' : 'application/json')
  return Buffer.from(content)
}

async function once(
  url: URL,
  method: string,
  headers: Headers,
  body: Uint8Array | undefined,
  bounds: FetchBounds,
): Promise<Omit<Fetched, 'url'>> {
  const address = await addressOf(url, bounds)
  if (bounds.signal?.aborted) throw nobodyWaits()
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Fetched, 'url'>>()
  const options: https.RequestOptions = {
    method,
    headers: {
      ...Object.fromEntries(headers),
      'accept-encoding': 'gzip, deflate, br',
      // node says it of some methods only: a body that is not announced would be read as the next request
      ...(body ? { 'content-length': body.length } : {}),
    },
    agent: false,
    lookup: (_host, { all }, found) => (all ? found(null, [address]) : found(null, address.address, address.family)),
  }
  const send = url.protocol === 'https:' ? https.request : http.request
  const sent = send(url, options, message => void received(message, bounds.bytes).then(resolve, reject))
  sent.on('error', error => reject(failed(whyNot(error), error)))
  // nothing asked it to: there would be no answer
  sent.on('upgrade', (_, socket) => {
    socket.destroy()
    reject(failed(NO_HTTP))
  })
  sent.end(body)
  try {
    return await waitedFor(promise, bounds)
  } finally {
    sent.destroy()
  }
}

/** @throws Fault 504; what the work throws */
async function waitedFor<T>(work: Promise<T>, { deadline, signal }: FetchBounds): Promise<T> {
  try {
    return await inTime(work, deadline, signal)
  } catch (error) {
    if (signal?.aborted) throw nobodyWaits()
    throw error instanceof Fault && error.status === 504 ? deadlinePassed('The fetch took too long.') : error
  }
}

const NO_HTTP = 'The host answered in something else than HTTP.'

/** For the author; what else is known goes into the log. */
function whyNot({ code = '' }: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'The headers of the answer are too large.'
  if (code.startsWith('HPE_')) return NO_HTTP
  if (/CERT|SIGNATURE/.test(code)) return 'The host has no valid certificate for its name.'
  if (code === 'ECONNRESET') return 'The host ended the connection.'
  return 'The host could not be reached.'
}

/** The host's address, if the host is on the list and all of its addresses may be used. @throws Fault 403, 502, 504 */
async function addressOf(url: URL, bounds: FetchBounds): Promise<{ address: string; family: number }> {
  const { hosts, networks } = bounds
  if (!hosts.some(host => allows(host, url))) throw refused('This host is not one that the function may fetch from.')
  const name = url.hostname.replace(/^\[|\]$/g, '')
  let found: { address: string; family: number }[]
  try {
    found = await waitedFor(addressesOf(name), bounds)
  } catch (error) {
    throw error instanceof Fault ? error : failed('The host has no address.', error)
  }
  const [first] = found
  if (!first) throw failed('The host has no address.')
  if (!found.every(({ address }) => isPublic(address) || isWithin(address, networks)))
    throw refused('This host has an address that is not public.')
  return first
}

function allows(pattern: string, { protocol, hostname, port }: URL): boolean {
  const [, wanted, wantedPort = ''] = /^(.*?)(?::(\d+))?$/.exec(pattern.toLowerCase())!
  const standard = protocol === 'https:' ? '443' : '80'
  if ((wantedPort || standard) !== (port || standard)) return false
  return wanted!.startsWith('*.') ? hostname.endsWith(wanted!.slice(1)) : hostname === wanted
}

/** What Azure tells its machines about themselves is here, at an address that looks public; other clouds' are link-local. */
const OF_AZURE = '168.63.129.16'

/** Global unicast, and none of the ranges in it that lead elsewhere. */
function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || parsed.toString() === OF_AZURE) return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(ipaddr.IPv6.parse('2000::'), 3)
}

async function received(message: IncomingMessage, most: number): Promise<Omit<Fetched, 'url'>> {
  const { statusCode: status = 0 } = message
  if (status < 200) throw failed(NO_HTTP)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  const bytes = await unpacked(await collect(message, most), headers['content-encoding'] ?? '', most)
  const answer = { status, headers }
  const type = headers['content-type'] ?? ''
  if (TEXT.test(type) && !/charset=(?!"?utf-?8)/i.test(type))
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      // the guest's text is without the mark, and its bytes are with it
      if (!text.startsWith('\ufeff')) return { ...answer, text }
    } catch {}
  return { ...answer, base64: bytes.toString('base64') }
}

const tooLarge = (most: number) => failed(`The answer is larger than ${most >> 10} KB.`)

/** It may come a byte at a time: others are served meanwhile, and it takes no more memory than its bytes together. */
async function collect(message: IncomingMessage, most: number): Promise<Buffer> {
  const gathered = new Gathering()
  const others = slices()
  try {
    for await (const chunk of message) {
      gathered.push(chunk as Buffer)
      if (gathered.length > most) throw tooLarge(most)
      const turn = others()
      if (turn) await turn
    }
  } catch (error) {
    throw error instanceof Fault ? error : failed('The answer was cut off.', error)
  }
  return gathered.take()
}

const CODINGS = ['gzip', 'deflate', 'br'] as const

async function unpacked(bytes: Buffer, encoding: string, most: number): Promise<Buffer> {
  const named = codingOf(encoding)
  const coding = CODINGS.find(known => known === named)
  if (!coding || bytes.length === 0) return bytes
  return unpack(bytes, coding, most, {
    tooLarge: () => tooLarge(most),
    malformed: cause => failed('The answer is not packed as it says.', cause),
  })
}

import { BODILESS } from '../lib/bodiless.ts'
import { setsSession } from '../lib/session-cookie.ts'
import { unread } from '../lib/unread.ts'
import { withOrigin } from '../lib/vary.ts'
import type { AnswerHead, HeaderLines } from './wire/head.ts'

/** What the edge adds to every answer of a server, and what it does not let through. */
export interface AnswerEdge {
  /** added where the server does not say them itself; names in small letters */
  headers: Record<string, string>
  /** whether the edge says itself what browsers may do: then the server does not */
  cors: boolean
  /** whether browsers see the server at Callgate's own origin: then it does not speak for all of it */
  sharesOrigin: boolean
}

type HeaderLine = HeaderLines[number]

const CORS = /^access-control-(?:allow-|max-age$)/i
const TYPE = 'content-type'
const SET_COOKIE = 'set-cookie'
/** They empty a browser of what it keeps of an origin, and let a script answer for all of its paths. */
const OF_ORIGIN = ['clear-site-data', 'service-worker-allowed']

/** A server's answer as the caller gets it. @param body undefined: there is none */
export function answerOf(
  head: AnswerHead,
  method: string,
  edge: AnswerEdge,
  body: Uint8Array | ReadableStream<Uint8Array> | undefined,
): Response {
  const { status, length } = head
  const headers = headersOf(head, edge)
  // of a body that is not sent, its length is told
  if (length !== undefined && (method === 'HEAD' || status === 304)) headers.push(['content-length', length])
  const init = { status, headers }
  if (body instanceof ReadableStream) return new Response(body, init)
  if (body === undefined)
    return new Response(method === 'HEAD' && length === undefined && !BODILESS.has(status) ? unread() : null, init)
  // Bun gives bytes a content type; a stream that is closed already is sent as bytes are, without one
  return new Response(says(headers, TYPE) ? (body as Uint8Array<ArrayBuffer>) : closed(body), init)
}

/** A server's headers as the caller gets them. */
export function headersOf(head: AnswerHead, edge: AnswerEdge): HeaderLines {
  let headers = edge.cors ? withoutCors(head.headers) : head.headers
  const isCallgates = (line: HeaderLine) => takesSession(line) || (edge.sharesOrigin && isOfOrigin(line))
  if (headers.some(isCallgates)) headers = headers.filter(line => !isCallgates(line))
  for (const name in edge.headers) if (!says(headers, name)) headers.push([name, edge.headers[name]!])
  return headers
}

/** @param name in small letters */
const isNamed = (said: string, name: string): boolean =>
  said.length === name.length &&
  (said.charCodeAt(0) | 32) === name.charCodeAt(0) &&
  (said === name || said.toLowerCase() === name)

/** @param name in small letters */
const says = (headers: HeaderLines, name: string): boolean => headers.some(([said]) => isNamed(said, name))

/** The console's session is no server's to set: it may be at the same origin. */
const takesSession = ([name, value]: HeaderLine): boolean => isNamed(name, SET_COOKIE) && setsSession(value)

const isOfOrigin = ([name]: HeaderLine): boolean => OF_ORIGIN.some(own => isNamed(name, own))

/** Without what the server would let browsers do; that answers differ by origin is said whatever the server says. */
function withoutCors(headers: HeaderLines): HeaderLines {
  return headers
    .filter(([name]) => !CORS.test(name))
    .map(line => (line[0].toLowerCase() === 'vary' ? [line[0], withOrigin(line[1])] : line))
}

/** Of one that is longer than its mark, Bun does not tell the length. */
const closed = (body: Uint8Array) =>
  new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(body)
        controller.close()
      },
    },
    { highWaterMark: body.length + 1 },
  )

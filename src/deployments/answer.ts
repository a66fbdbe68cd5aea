import type { AnswerHead, HeaderLines } from './wire/head.ts'

/** What the edge adds to every answer of a server, and what it does not let through. */
export interface AnswerEdge {
  /** added where the server does not say them itself */
  headers: Record<string, string>
  /** whether the edge says itself what browsers may do: then the server does not */
  cors: boolean
}

/** Of this hop only, or written anew by the HTTP server. */
const OURS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const CORS = /^access-control-(?:allow-|max-age$)/

/** A server's answer as the client gets it. @param body undefined: there is none */
export function answerOf(
  head: AnswerHead,
  method: string,
  edge: AnswerEdge,
  body: Buffer | ReadableStream<Uint8Array> | undefined,
): Response {
  const { status } = head
  const headers = headersOf(head, edge, method === 'HEAD' || status === 304)
  const init = { status, headers: headers.lines }
  if (body instanceof ReadableStream) return new Response(body, init)
  if (body === undefined)
    // of a HEAD it is not known how long the body would be: a stream says so, and nobody reads it
    return new Response(method === 'HEAD' && !headers.length && head.framing.by === 'none' ? unread() : null, init)
  // Bun gives bytes a content type; a stream that is closed already is sent as bytes are, without one
  return new Response(headers.type ? (body as Uint8Array<ArrayBuffer>) : closed(body), init)
}

function headersOf(head: AnswerHead, edge: AnswerEdge, keepLength: boolean) {
  const lines: HeaderLines = []
  const said = new Set<string>()
  let listed: Set<string> | undefined
  for (const [name, value] of head.headers)
    if (name.length === 10 && name.toLowerCase() === 'connection')
      for (const option of value.split(',')) (listed ??= new Set()).add(option.trim().toLowerCase())
  for (const line of head.headers) {
    const name = line[0].toLowerCase()
    if (OURS.has(name) || listed?.has(name) || (name === 'content-length' && !keepLength)) continue
    if (edge.cors && CORS.test(name)) continue
    said.add(name)
    lines.push(edge.cors && name === 'vary' ? [line[0], withOrigin(line[1])] : line)
  }
  for (const name in edge.headers) if (!said.has(name)) lines.push([name, edge.headers[name]!])
  return { lines, type: said.has('content-type'), length: said.has('content-length') }
}

/** What the edge says differs by origin, whatever the server says of its own answers. */
const withOrigin = (vary: string) => (/(?:^|,)\s*(?:\*|origin)\s*(?:,|$)/i.test(vary) ? vary : `${vary}, Origin`)

const unread = () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })

const closed = (body: Buffer) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(body)
      controller.close()
    },
  })

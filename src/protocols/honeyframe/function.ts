/** A call of a function at the API services door: any body in, and what the handler made of it out. */
import type { FunctionRequest } from '../../endpoints/endpoint.ts'
import { PLAIN_JSON } from '../../endpoints/function.ts'
import { MOST_READ_HERE } from '../../endpoints/schema-checks.ts'
import type { Admission } from '../../gate/gate.ts'
import { isJsonType, parseJson, readBytes } from '../../lib/body.ts'
import { badRequest, Fault } from '../../lib/fault.ts'
import { rawPath } from '../../lib/path.ts'
import { sent } from '../../lib/sending.ts'
import type { Identity } from '../../telemetry/identity.ts'
import { shownHeaders } from '../request-headers.ts'
import type { AnswerHeaders } from './answer-headers.ts'

/** @throws Fault 400, 413, 415; as `Endpoint.handle` */
export async function serveFunction(
  request: Request,
  { endpoint, grant, headers }: Admission,
  { query, deadline, maxBody }: { query: string; deadline: number; maxBody: number },
  identity: Identity,
  json: AnswerHeaders,
): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const call: FunctionRequest = {
    method,
    path: rawPath(request.url),
    params: {},
    query,
    headers: shownHeaders(request.headers),
    body: method === 'GET' ? undefined : await bodyOf(request, maxBody, deadline),
  }
  const reply = await endpoint.handle!(call, { grant, deadline, caller: request })
  return new Response(reply.body && sent(reply.body, request.method), {
    status: reply.status,
    headers:
      reply.headers === PLAIN_JSON ? json.of(identity, headers) : { ...reply.headers, ...identity.headers, ...headers },
  })
}

/** JSON where that is what it is, or nothing is said; text where its type is text; else bytes. */
async function bodyOf(request: Request, limit: number, deadline: number): Promise<FunctionRequest['body']> {
  const type = request.headers.get('content-type') ?? 'application/json'
  const bytes = await readBytes(request, limit, deadline)
  if (bytes.length === 0) return undefined
  if (isJsonType(type)) return jsonOf(bytes)
  return TEXT_TYPE.test(type) ? { text: decoded(bytes, type) } : { bytes }
}

/** The body's text, which is JSON; a long one is for another process to read. @throws Fault 400 */
function jsonOf(bytes: Uint8Array): { json: string; unread: boolean } {
  const unread = bytes.length > MOST_READ_HERE
  const json = parseJson(bytes, text => {
    if (!unread) JSON.parse(text)
    return text
  }) as string
  return { json, unread }
}

const TEXT_TYPE = /^(text\/|application\/(([\w.-]+\+)?xml|x-www-form-urlencoded|javascript)\s*(;|$))/i

/** @throws Fault 415 a charset that is not known; 400 what is not in it */
function decoded(bytes: Uint8Array, type: string): string {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8'
  let decoder: TextDecoder
  try {
    decoder = new TextDecoder(charset as Bun.Encoding, { fatal: true })
  } catch {
    throw new Fault(415, 'unsupported_media_type', 'The charset of the content type is not known.')
  }
  try {
    return decoder.decode(bytes)
  } catch {
    throw badRequest('The body is not in the charset of its content type.', 'malformed_body')
  }
}

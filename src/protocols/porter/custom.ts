/** porter's custom services: functions, whose objects get the request id and the model's context put in. */
import type { FunctionReply, FunctionRequest, HandlerCall } from '../../endpoints/endpoint.ts'
import type { PorterMatch } from '../../endpoints/porter.ts'
import { MOST_READ_HERE } from '../../endpoints/schema-checks.ts'
import { readBytes } from '../../lib/body.ts'
import { isObject, parseLossless } from '../../lib/json.ts'
import { rawPath, rawQuery } from '../../lib/path.ts'
import { sent } from '../../lib/sending.ts'
import { shownHeaders } from '../request-headers.ts'
import { porterReply } from './app.ts'
import { type ErrorContext, modelContext } from './errors.ts'
import { parsePorter, textOf } from './json.ts'

/**
 * A body is JSON, whatever its type says, as porter's `get_post_data` reads it.
 * @throws Fault 400, 413, 415; as `Endpoint.handle`
 */
export async function serveCustom(
  request: Request,
  { endpoint, route, params }: PorterMatch,
  call: HandlerCall,
  maxBody: number,
  context: ErrorContext,
): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const asked: FunctionRequest = {
    method,
    path: rawPath(request.url),
    params,
    query: rawQuery(request.url).slice(1),
    headers: shownHeaders(request.headers),
    body:
      method === 'GET' || method === 'DELETE'
        ? undefined
        : await bodyOf(request, { maxBody, deadline: call.deadline }, context),
  }
  const reply = await endpoint.handle!(asked, call)
  const { app, requestId, headers } = context
  const value = parsedReply(reply)
  if (value === undefined)
    return new Response(reply.body && sent(reply.body, request.method), {
      status: reply.status,
      headers: { ...reply.headers, ...headers },
    })
  const whole = isObject(value)
    ? { ...(app.requestId ? { request_id: requestId } : {}), model_context: modelContext(route), ...value }
    : value
  return porterReply(app, request, whole, { status: reply.status, headers: { ...reply.headers, ...headers } })
}

/** @throws Fault 400, 413, 415 */
async function bodyOf(
  request: Request,
  { maxBody, deadline }: { maxBody: number; deadline: number },
  context: ErrorContext,
): Promise<FunctionRequest['body']> {
  const bytes = await readBytes(request, maxBody, deadline)
  if (bytes.length === 0 && request.method !== 'POST') return undefined
  if (bytes.length > MOST_READ_HERE && !context.app.userData) return { json: textOf(bytes), unread: true }
  const body = parsePorter(bytes)
  if (context.app.userData) context.userData = body.verbatim
  return { json: body.text }
}

/** undefined: it is no JSON, and goes out as it is */
const parsedReply = ({ json }: FunctionReply): unknown => (json === undefined ? undefined : parseLossless(json))

/**
 * The API services door: `GET`/`POST /api/service/{service}/{endpoint}` (Honeyframe API services, contract section 1.4).
 * It parses the wire shape, asks the gate, runs the endpoint and renders the reply; no rule of ours lives here.
 */
import type { Call, Endpoint } from '../../endpoints/endpoint.ts'
import type { Admission, Gate } from '../../gate/gate.ts'
import { checkAnnouncedLength, checkJsonType, parseJsonText, readText } from '../../lib/body.ts'
import { methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { parseLossless, stringifyLossless } from '../../lib/json.ts'
import { pathStart } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { serveFunction } from './function.ts'

export const PREFIX = '/api/service/'

export interface DoorSettings {
  maxBody: number
  requestTimeout: number
}

/** @param address the caller's address */
export function honeyframeDoor(gate: Gate, settings: DoorSettings) {
  return async function serve(request: Request, address: () => string): Promise<Response> {
    const identity = identify(request.headers)
    let limit: Admission['headers']
    try {
      checkAnnouncedLength(request.headers, settings.maxBody)
      const { segments, query } = split(request.url)
      if (segments.length !== 2) throw notFound('No such route.')
      const admission = gate.admit(request.headers, address, segments[0]!, segments[1]!)
      limit = admission.headers
      if (admission.endpoint.handle) return await serveFunction(request, admission, query, settings, identity.headers)
      return await answer(request, admission, query, identity, settings)
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return problem(fault, { ...identity, headers: { ...identity.headers, ...limit } })
    }
  }
}

async function answer(
  request: Request,
  { endpoint, grant, headers }: Admission,
  query: string,
  identity: Identity,
  settings: DoorSettings,
): Promise<Response> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (!endpoint.methods.includes(method)) throw methodNotAllowed(allowed(endpoint))
  const deadline = Date.now() + settings.requestTimeout
  let body: unknown
  if (endpoint.takesBody) {
    checkJsonType(request.headers)
    const text = await readText(request, settings.maxBody)
    body = parseJsonText(text, endpoint.longIntegers ? parseLossless : JSON.parse)
  }
  const call: Call = {
    params: endpoint.takesBody ? NO_PARAMS : new URLSearchParams(query),
    body,
    deadline,
    caller: request,
  }
  let reply = endpoint.run(call, grant)
  if (reply instanceof Promise) reply = await reply
  const text = endpoint.takesBody ? stringifyLossless(reply) : JSON.stringify(reply)
  return new Response(text, {
    headers: { 'content-type': 'application/json', ...identity.headers, ...headers },
  })
}

const NO_PARAMS = new URLSearchParams()

const allowed = (endpoint: Endpoint) => (endpoint.methods.includes('GET') ? ['GET', 'HEAD'] : [...endpoint.methods])

/** The path below the prefix, split on `/` first and then decoded, as an id may hold a slash; and the raw query. */
function split(url: string): { segments: string[]; query: string } {
  const start = url.indexOf(PREFIX, pathStart(url)) + PREFIX.length
  const mark = url.indexOf('?', start)
  const path = mark < 0 ? url.slice(start) : url.slice(start, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  const segments = path.split('/')
  try {
    return { segments: path.includes('%') ? segments.map(decodeURIComponent) : segments, query }
  } catch {
    throw notFound('No such route.')
  }
}

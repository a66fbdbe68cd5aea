/**
 * The API services door: `GET`/`POST /api/service/{service}/{endpoint}` (Honeyframe API services, contract section 1.4), and
 * the rows of tables one segment below.
 * It parses the wire shape, asks the gate, runs the endpoint and renders the reply; no rule of ours lives here.
 */
import { type Call, type Endpoint, Rendered } from '../../endpoints/endpoint.ts'
import type { Admission, Gate } from '../../gate/gate.ts'
import { checkAnnouncedLength, checkJsonType, readBytes } from '../../lib/body.ts'
import { methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { stringifyLossless } from '../../lib/json.ts'
import { pathStart } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { answerTable } from './table.ts'

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
      if (segments.length !== 2 && segments.length !== 3) throw notFound('No such route.')
      const [service, endpoint, row] = segments as [string, string, string?]
      const admission = gate.admit(request.headers, address, decoded(service), decoded(endpoint))
      limit = admission.headers
      return await answer(request, admission, { service, endpoint, row, query }, identity, settings)
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
  { row, query, ...place }: { service: string; endpoint: string; row?: string; query: string },
  identity: Identity,
  settings: DoorSettings,
): Promise<Response> {
  const deadline = Date.now() + settings.requestTimeout
  if (endpoint.table) {
    const path = `${PREFIX}${place.service}/${place.endpoint}`
    const about = { request, id: row, query, path, maxBody: settings.maxBody, deadline }
    const response = await answerTable(about, endpoint.table, grant)
    if (response) {
      for (const [name, value] of Object.entries({ ...identity.headers, ...headers })) response.headers.set(name, value)
      return response
    }
  } else if (row !== undefined) throw notFound('No such route.')
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (!endpoint.methods.includes(method)) throw methodNotAllowed(allowed(endpoint))
  let bytes: Uint8Array | undefined
  if (endpoint.takesBody) {
    checkJsonType(request.headers)
    bytes = await readBytes(request, settings.maxBody)
  }
  const call: Call = {
    params: endpoint.takesBody ? NO_PARAMS : new URLSearchParams(query),
    bytes,
    deadline,
    caller: request,
  }
  let reply = endpoint.run(call, grant)
  if (reply instanceof Promise) reply = await reply
  return new Response(reply instanceof Rendered ? reply.json : stringifyLossless(reply), {
    headers: { 'content-type': 'application/json', ...identity.headers, ...headers },
  })
}

const NO_PARAMS = new URLSearchParams()

const allowed = (endpoint: Endpoint) => (endpoint.methods.includes('GET') ? ['GET', 'HEAD'] : [...endpoint.methods])

/** The path below the prefix, split on `/` and to be decoded after that, as an id may hold a slash; and the raw query. */
function split(url: string): { segments: string[]; query: string } {
  const start = url.indexOf(PREFIX, pathStart(url)) + PREFIX.length
  const mark = url.indexOf('?', start)
  const path = mark < 0 ? url.slice(start) : url.slice(start, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  return { segments: path.split('/'), query }
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw notFound('No such route.')
  }
}

/**
 * The API services door: `GET`/`POST /api/service/{service}/{endpoint}` (Honeyframe API services, contract section 1.4).
 * It parses the wire shape, asks the gate, runs the endpoint and renders the reply; no rule of ours lives here.
 */
import type { Call, Endpoint } from '../../endpoints/endpoint.ts'
import type { Gate } from '../../gate/gate.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { checkAnnouncedLength, checkJsonType, readBytes } from '../../lib/body.ts'
import { methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { stringifyLossless } from '../../lib/json.ts'
import { pathStart } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { rowsAnswerer } from './rows.ts'

export const PREFIX = '/api/service/'

export interface DoorSettings {
  maxBody: number
  requestTimeout: number
  corsOrigins: readonly string[]
}

/** @param address the caller's address */
export function honeyframeDoor(gate: Gate, { maxBody, requestTimeout, corsOrigins }: DoorSettings) {
  const answerRows = rowsAnswerer(corsOrigins.length > 0 ? ['Origin'] : [])
  return async function serve(request: Request, address: () => string): Promise<Response> {
    const { headers } = request
    const identity = identify(headers)
    let limit: LimitHeaders | undefined
    try {
      checkAnnouncedLength(headers, maxBody)
      const { segments, query } = split(request.url)
      if (segments.length !== 2) throw notFound('No such route.')
      const admission = gate.admit(headers, address, segments[0]!, segments[1]!)
      limit = admission.headers
      const { endpoint, grant } = admission
      if (!endpoint.methods.includes(request.method === 'HEAD' ? 'GET' : request.method))
        throw methodNotAllowed(allowed(endpoint))
      const call: Call = { params: NO_PARAMS, deadline: Date.now() + requestTimeout, caller: request }
      if (endpoint.takesBody) {
        checkJsonType(headers)
        call.bytes = await readBytes(request, maxBody)
      } else call.params = new URLSearchParams(query)
      if (endpoint.answers) {
        const asked = { request, call, grant, name: endpoint.id, identity, headers: limit }
        const answered = answerRows(endpoint.answers, asked)
        return answered instanceof Promise ? await answered : answered
      }
      let reply = endpoint.run(call, grant)
      if (reply instanceof Promise) reply = await reply
      return new Response(reply instanceof Uint8Array ? reply : stringifyLossless(reply), {
        headers: { 'content-type': 'application/json', ...identity.headers, ...limit },
      })
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return problem(fault, { ...identity, headers: { ...identity.headers, ...limit } })
    }
  }
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

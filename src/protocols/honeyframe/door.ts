/**
 * The API services door: `GET`/`POST /api/service/{service}/{endpoint}` (Honeyframe API services, contract section 1.4), and
 * the rows of tables one segment below.
 * It parses the wire shape, asks the gate, runs the endpoint and renders the reply; no rule of ours lives here.
 */
import type { Call, Endpoint } from '../../endpoints/endpoint.ts'
import type { Gate } from '../../gate/gate.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength, checkJsonType, readBytes } from '../../lib/body.ts'
import { methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { stringifyLossless } from '../../lib/json.ts'
import { pathStart } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { serveFunction } from './function.ts'
import { rowsAnswerer } from './rows.ts'
import { answerTable } from './table.ts'

export const PREFIX = '/api/service/'

export interface DoorSettings {
  maxBody: number
  requestTimeout: number
  corsOrigins: readonly string[]
}

/** @param address the caller's address */
export function honeyframeDoor(gate: Gate, { maxBody, requestTimeout, corsOrigins }: DoorSettings) {
  const answerRows = rowsAnswerer(corsOrigins.length > 0 ? ['Origin'] : [])
  return function serve(request: Request, address: () => string): Promise<Response> {
    const metered = new MeteredCall({})
    return gate.meter.counted(metered, request, answer(request, address, metered))
  }

  async function answer(request: Request, address: () => string, metered: MeteredCall): Promise<Response> {
    const { headers } = request
    const identity = identify(headers)
    let limit: LimitHeaders | undefined
    try {
      checkAnnouncedLength(headers, maxBody)
      const { segments, query } = split(request.url)
      if (segments.length !== 2 && segments.length !== 3) throw notFound('No such route.')
      const [first, second, row] = segments as [string, string, string?]
      const [service, id] = [decoded(first), decoded(second)]
      metered.asked = { service, endpoint: id }
      const admission = gate.admit(headers, address, service, id)
      metered.admission = admission
      limit = admission.headers
      const { endpoint, grant } = admission
      if (endpoint.table) {
        const path = `${PREFIX}${first}/${second}`
        const about = { request, id: row, query, path, maxBody, deadline: Date.now() + requestTimeout }
        const response = await answerTable(about, endpoint.table, grant)
        if (response) {
          for (const [name, value] of Object.entries({ ...identity.headers, ...limit }))
            response.headers.set(name, value)
          return response
        }
      } else if (row !== undefined) throw notFound('No such route.')
      if (!endpoint.methods.includes(request.method === 'HEAD' ? 'GET' : request.method))
        throw methodNotAllowed(allowed(endpoint))
      const deadline = Date.now() + requestTimeout
      if (endpoint.handle)
        return await serveFunction(request, admission, { query, deadline, maxBody }, identity.headers)
      const call: Call = { params: NO_PARAMS, deadline, caller: request }
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
      const sent = identity.headers
      sent['content-type'] = 'application/json'
      for (const name in limit) sent[name] = limit[name]!
      return new Response(typeof reply === 'string' ? reply : stringifyLossless(reply), { headers: sent })
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return problem(fault, { ...identity, headers: { ...identity.headers, ...limit } })
    }
  }
}

const NO_PARAMS = new URLSearchParams()

const allowed = ({ methods }: Endpoint) => methods.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))

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

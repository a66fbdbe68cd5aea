/**
 * The API services door: `GET`/`POST /api/service/{service}/{endpoint}` (Honeyframe's API services), and
 * the rows of tables one segment below.
 * It parses the wire shape, asks the gate, runs the endpoint and renders the reply; no rule of ours lives here.
 */
import { type Call, type ServedTable, textOf } from '../../endpoints/endpoint.ts'
import type { Admission, Gate } from '../../gate/gate.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength, checkJsonType, readBytes } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { methodNotAllowed, notFound, toFault } from '../../lib/fault.ts'
import { NO_PARAMS, parseQuery } from '../../lib/params.ts'
import { decodedPart, pathStart } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { sent } from '../../lib/sending.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { AnswerHeaders } from './answer-headers.ts'
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
  const json = new AnswerHeaders({ 'content-type': 'application/json' })
  const answerRows = rowsAnswerer(corsOrigins.length > 0 ? ['Origin'] : [])
  return function serve(request: Request, address: () => string): Response | Promise<Response> {
    const metered = new MeteredCall({})
    const identity = identify(request.headers)
    const done = (response: Response) => gate.meter.counted(metered, request, response)
    const failed = (error: unknown) => {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return done(problem(fault, { ...identity, headers: { ...identity.headers, ...metered.admission?.headers } }))
    }
    // no async function: each of its steps would be one more that the answer waits for
    try {
      const answered = answer(request, address, identity, metered)
      return answered instanceof Promise ? answered.then(done, failed) : done(answered)
    } catch (error) {
      return failed(error)
    }
  }

  function answer(
    request: Request,
    address: () => string,
    identity: Identity,
    metered: MeteredCall,
  ): Response | Promise<Response> {
    checkAnnouncedLength(request.headers, maxBody)
    const { first, second, row, query } = split(request.url)
    const [service, id] = [decoded(first), decoded(second)]
    metered.asked = { service, endpoint: id }
    const admission = gate.admit(request.headers, address, service, id)
    metered.admission = admission
    const { endpoint } = admission
    const called = { request, admission, identity, query, deadline: deadlineIn(requestTimeout) }
    if (endpoint.table) return answerResource(called, endpoint.table, `${PREFIX}${first}/${second}`, row)
    if (row !== undefined) throw notFound('No such route.')
    return answerCall(called)
  }

  /** Of a table: a row or a write, or its list as any query's. */
  async function answerResource(called: Called, table: ServedTable, path: string, id?: string): Promise<Response> {
    const { request, admission, identity, query, deadline } = called
    const response = await answerTable({ request, id, query, path, maxBody, deadline }, table, admission.grant)
    if (!response) return answerCall(called)
    for (const [name, value] of Object.entries({ ...identity.headers, ...admission.headers }))
      response.headers.set(name, value)
    return response
  }

  function answerCall(called: Called): Response | Promise<Response> {
    const { request, admission, identity, query, deadline } = called
    const { endpoint, grant, headers } = admission
    if (!endpoint.methods.includes(request.method === 'HEAD' ? 'GET' : request.method))
      throw methodNotAllowed(endpoint.methods)
    if (endpoint.handle) return serveFunction(request, admission, { query, deadline, maxBody }, identity, json)
    if (!endpoint.answers) return answerJson(called)
    const call: Call = { params: parseQuery(query), deadline, caller: request }
    const checkAgain = () => gate.checkAgain(request.headers, admission)
    return answerRows(endpoint.answers, {
      request,
      call,
      grant,
      name: endpoint.id,
      identity,
      limit: headers,
      checkAgain,
    })
  }

  async function answerJson({ request, admission, identity, query, deadline }: Called): Promise<Response> {
    const { endpoint, grant, headers } = admission
    const call: Call = { params: NO_PARAMS, deadline, caller: request }
    if (endpoint.takesBody) {
      checkJsonType(request.headers)
      call.bytes = await readBytes(request, maxBody, deadline)
    } else call.params = parseQuery(query)
    let reply = endpoint.run(call, grant)
    if (reply instanceof Promise) reply = await reply
    const text = textOf(reply)
    return new Response(sent(text), { headers: json.of(identity, headers) })
  }
}

/** A call that was let in. */
interface Called {
  request: Request
  admission: Admission
  identity: Identity
  /** of the URL, without its mark */
  query: string
  /** milliseconds since the epoch */
  deadline: number
}

interface Target {
  first: string
  second: string
  row?: string
  query: string
}

/**
 * The path below the prefix: two or three parts, to be decoded after this, as an id may hold a slash; and the raw query.
 * @throws Fault 404
 */
function split(url: string): Target {
  const start = url.indexOf(PREFIX, pathStart(url)) + PREFIX.length
  const mark = url.indexOf('?', start)
  const end = mark < 0 ? url.length : mark
  const query = mark < 0 ? '' : url.slice(mark + 1)
  const slash = url.indexOf('/', start)
  if (slash < 0 || slash >= end) throw notFound('No such route.')
  const first = url.slice(start, slash)
  const next = url.indexOf('/', slash + 1)
  if (next < 0 || next >= end) return { first, second: url.slice(slash + 1, end), query }
  const row = url.slice(next + 1, end)
  if (row.includes('/')) throw notFound('No such route.')
  return { first, second: url.slice(slash + 1, next), row, query }
}

function decoded(segment: string): string {
  const part = decodedPart(segment)
  if (part === undefined) throw notFound('No such route.')
  return part
}

import type { FunctionEndpoint } from '../catalog/service-config.ts'
import { BODILESS } from '../lib/bodiless.ts'
import { notServed, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { BY_KEY, withOrigin } from '../lib/vary.ts'
import type { Endpoint, FunctionReply, FunctionRequest, Surroundings } from './endpoint.ts'
import { checkDepth, compileHandler, HandlerFault, readAnswer } from './handler.ts'
import { compilePorterRoute } from './porter.ts'
import type { EndpointRuntime } from './runtime.ts'
import { compileBodyCheck } from './schema-checks.ts'

/** @throws Fault 422 no handler, or one that is none; a schema that is none */
export function compileFunctionEndpoint(
  endpoint: FunctionEndpoint,
  surroundings: Surroundings,
  runtime: EndpointRuntime,
  published: boolean,
): Endpoint {
  const run = compileHandler(endpoint, 'the function', surroundings, runtime, published)
  const checks = () => runtime.schemas
  const accepts = compileBodyCheck(endpoint.request_schema, 'request_schema', checks)
  const gives = compileBodyCheck(endpoint.response_schema, 'response_schema', checks)
  const methods = endpoint.methods ?? ['POST']
  return {
    id: endpoint.id,
    kind: 'function',
    methods,
    takesBody: true,
    files: [],
    granted: endpoint.grants?.endpoints,
    porter: compilePorterRoute({ id: endpoint.id, porter: endpoint.porter }),
    run() {
      throw notServed('A function is called by HTTP, or by another function of its service.')
    },
    async handle(request, call) {
      const { body } = request
      const json = body && 'json' in body ? body : undefined
      if (json?.unread && !accepts) await checks().check(json.json, call.deadline)
      if (accepts && takesBody(request.method)) {
        const wrong = await accepts(json?.json, call.deadline)
        if (wrong) throw unprocessable(`The body is not as request_schema says: ${wrong}`, {}, 'unacceptable_body')
      }
      if (json) checkDepth(json.json)
      const ran = await run(requestText(request), call)
      const reply = readAnswer(ran, replyOf)
      const isChecked = reply.status < 300 && !BODILESS.has(reply.status)
      const wrong = isChecked && (await gives?.(reply.json, call.deadline))
      return readAnswer(ran, () => {
        if (wrong) throw badReply(`the answer is not as response_schema says: ${wrong}`)
        return { ...reply, log: ran.log }
      })
    },
  }
}

const takesBody = (method: string) => method !== 'GET' && method !== 'HEAD'

/** The request as the guest takes it: a body in JSON goes in as it came. */
function requestText({ method, path, params, query, headers, body }: FunctionRequest): string {
  const rest = JSON.stringify({ method, path, params, query: queryOf(query), headers })
  if (!body) return rest
  const [name, value] =
    'json' in body
      ? ['body', body.json]
      : 'text' in body
        ? ['body', JSON.stringify(body.text)]
        : ['base64', JSON.stringify(Buffer.from(body.bytes).toString('base64'))]
  return `${rest.slice(0, -1)},"${name}":${value}}`
}

/** A parameter that is repeated is a list. */
function queryOf(query: string): Record<string, string | string[]> {
  if (query === '') return {}
  const values = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const known = values.get(name)
    values.set(name, known === undefined ? value : [known, value].flat())
  }
  return Object.fromEntries(values)
}

const badReply = (message: string) => new HandlerFault({ name: 'Error', message })
const JSON_TYPE = 'application/json'
/** The headers of a value that is no `host.reply`: always this one object. */
export const PLAIN_JSON = Object.freeze({ 'content-type': JSON_TYPE })
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** They are the connection's, the server's, would act on all that is at this origin, or have a proxy in front send something else. */
const NOT_THEIRS =
  /^(connection|content-length|transfer-encoding|keep-alive|te|trailer|upgrade|date|server|set-cookie|clear-site-data|service-worker-allowed|strict-transport-security|content-security-policy|x-content-type-options|alt-svc|x-request-id|traceparent|nel|report-to|ratelimit.*|access-control-.*|proxy-.*|x-accel-.*|x-sendfile|x-lighttpd-send.*|x-litespeed-location|x-reproxy-.*)$/
/** Clients take no more (Node 16 KB of all headers, Python a hundred lines), and many cost this process seconds. */
const HEADERS = 50
const HEADERS_LENGTH = 8192
/** Headers by which a cache keeps an answer. */
const KEPT = ['cache-control', 'expires', 'last-modified', 'etag']
/** A document of a function is of no origin, so that it can do nothing in the name of who opens it. */
const ALONE = { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox allow-scripts' }

/** A guest's packed answer as it is sent. @throws HandlerFault it cannot be */
export function replyOf(answer: string): Omit<FunctionReply, 'log'> {
  if (answer[0] === 'v') {
    const json = answer.slice(1)
    return { status: 200, headers: PLAIN_JSON, body: json, json }
  }
  const line = answer.indexOf('\n')
  const { status, headers: given, kind } = JSON.parse(answer.slice(1, line)) as Record<string, unknown>
  const content = answer.slice(line + 1)
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    throw badReply('the status of a reply is a whole number from 200 to 599')
  const headers = { ...ALONE, 'content-type': TYPES[kind as string]!, ...headersOf(given) }
  headers['content-type'] ||= TYPES[kind as string]!
  if (kind === 'empty') delete (headers as Record<string, string>)['content-type']
  const body = kind === 'base64' ? Buffer.from(content, 'base64') : content
  return {
    status: status as number,
    headers,
    body: kind === 'empty' || BODILESS.has(status as number) ? null : body,
    ...(kind === 'json' ? { json: content } : {}),
  }
}

const TYPES: Record<string, string> = {
  json: JSON_TYPE,
  text: 'text/plain; charset=utf-8',
  base64: 'application/octet-stream',
  empty: '',
}

function headersOf(given: unknown): Record<string, string> {
  if (typeof given !== 'object' || given === null) throw badReply('the headers of a reply are names and texts')
  const headers: Record<string, string> = {}
  const entries = Object.entries(given)
  if (entries.length > HEADERS || JSON.stringify(entries).length > HEADERS_LENGTH)
    throw badReply(`a reply has at most ${HEADERS} headers, of ${HEADERS_LENGTH >> 10} KB together`)
  for (const [name, value] of entries) {
    const key = name.toLowerCase()
    if (!HEADER.test(name) || NOT_THEIRS.test(key)) throw badReply(`${shown(name)} is no header that a reply may set`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (!['string', 'number'].includes(typeof value) || /[\u0000-\u0008\u000a-\u001f\u007f-\uffff]/.test(String(value)))
      throw badReply('the headers of a reply are names and texts of one line in ASCII')
    headers[key] = String(value).trim()
  }
  // what may be kept is for the same caller only: what a function asks for is asked in the caller's name
  if (KEPT.some(name => headers[name])) headers.vary = headers.vary ? `${BY_KEY}, ${headers.vary}` : BY_KEY
  // it takes the place of the edge's own
  if (headers.vary) headers.vary = withOrigin(headers.vary)
  return headers
}

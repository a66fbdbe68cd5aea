import { Type } from '@sinclair/typebox'
import type { Asset } from '../catalog/assets.ts'
import type { Grant } from '../catalog/grant.ts'
import { type EndpointConfig, handlersOf } from '../catalog/service-config.ts'
import {
  type Endpoint,
  type FunctionReply,
  type FunctionRequest,
  type Reply,
  type Surroundings,
  textOf,
} from '../endpoints/endpoint.ts'
import { HandlerFault, logOf } from '../endpoints/handler.ts'
import { paramsOf } from '../endpoints/params.ts'
import { compileEndpoint } from '../endpoints/registry.ts'
import { deadlineIn } from '../lib/deadline.ts'
import { Fault, notFound, reworded } from '../lib/fault.ts'
import { inAscii, stringifyLossless } from '../lib/json.ts'
import { NO_PARAMS } from '../lib/params.ts'
import { assetFor } from './assets.ts'
import { jsonBody, type ManagementContext, type SignedIn } from './context.ts'
import { jsonText } from './respond.ts'
import { grantAsked } from './test-as.ts'

/**
 * The test pane: runs an endpoint of the draft with the same dispatch as serving; raw, or as `X-Test-As` says. The body is
 * the model's body, or the query's parameters as JSON.
 */
export async function dryRun(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  assetId: string,
  endpointId: string,
): Promise<Response> {
  const asked = () => {
    const asset = assetFor(context, who, assetId, 'editor')
    const config = asset.config.endpoints?.find(e => e.id === endpointId)
    if (!config) throw notFound('The draft has no such endpoint.')
    return { asset, config, grant: grantAsked(context, request, asset, endpointId) }
  }
  asked()
  const body = await jsonBody(context, request, Type.Unknown(), 'score')
  const { asset, config, grant } = asked()
  const endpoint = await compileDraft(context, asset, config)
  if (endpoint.handle) {
    const reply = await runFunction(context, request, endpoint, asset, body, grant)
    return new Response(reply.body as BodyInit | null, {
      status: reply.status,
      headers: { ...reply.headers, 'x-function-log': logHeader(reply.log) },
    })
  }
  const log: string[] = []
  const reply = await runEndpoint(context, request, endpoint, body, grant, log)
  const ofHooks = endpoint.model?.hooks && { 'x-function-log': logHeader(log) }
  return jsonText(textOf(reply), 200, ofHooks)
}

/** An endpoint among the others of a draft, as it would be served. @throws Fault 404, 422 what does not compile */
export async function compileDraft(
  context: ManagementContext,
  asset: Asset,
  config: EndpointConfig,
): Promise<Endpoint> {
  const { db, publisher } = context
  const { runtime } = publisher.registry
  const surroundings = draftSurroundings(asset, config => compile(config))
  const compile = (config: EndpointConfig) => compileEndpoint(config, db, asset.projectId, runtime, { surroundings })
  await runtime.functions.handlers.check(handlersOf(asset.config.endpoints ?? []))
  return compile(config)
}

/**
 * Runs an endpoint that is no function.
 * @param body the model's body, or the query's parameters as JSON
 * @param log takes what the code around a model logs
 */
export async function runEndpoint(
  context: ManagementContext,
  request: Request,
  endpoint: Endpoint,
  body: unknown,
  grant: Grant,
  log: string[],
): Promise<Reply> {
  const call = {
    log,
    params: endpoint.takesBody ? NO_PARAMS : paramsOf(body),
    body,
    deadline: deadlineIn(context.config.requestTimeout),
    caller: request,
  }
  return Promise.resolve(endpoint.run(call, grant)).catch(error => {
    throw told(error, log)
  })
}

/** The draft's endpoints, for code in it that calls them: compiled when they are. */
function draftSurroundings(
  { id: assetId, projectId, assetKey: key, isPublic, config }: Asset,
  compile: (config: EndpointConfig) => Endpoint,
): Surroundings {
  return {
    service: { assetId, projectId, key },
    isPublic,
    endpoint(id) {
      const found = config.endpoints?.find(endpoint => endpoint.id === id)
      return found && compile(found)
    },
  }
}

/**
 * A function with the body as its request's, and the URL's query. What it threw comes with its line, its stack and its log.
 */
export async function runFunction(
  context: ManagementContext,
  request: Request,
  { id, methods, handle }: Endpoint,
  { assetKey }: Asset,
  body: unknown,
  grant: Grant,
): Promise<FunctionReply> {
  const method = methods.includes('POST') ? 'POST' : methods[0]!
  const call: FunctionRequest = {
    method,
    path: `/api/service/${assetKey}/${id}`,
    params: {},
    query: new URL(request.url).search.slice(1),
    headers: { 'content-type': 'application/json' },
    body: method === 'GET' ? undefined : { json: stringifyLossless(body) },
  }
  const deadline = deadlineIn(context.config.requestTimeout)
  try {
    return await handle!(call, { grant, deadline, caller: request })
  } catch (error) {
    throw told(error)
  }
}

/** What a handler failed with, its line and its log: for its author. */
function told(error: unknown, log = error instanceof Fault ? logOf(error) : []): unknown {
  if (!(error instanceof Fault) || !(error instanceof HandlerFault || log.length > 0)) return error
  const handler = error instanceof HandlerFault ? { handler: error.failure } : {}
  return reworded(error, error.message, { ...handler, log })
}

/** What clients take of a header. */
const MOST_OF_LOG = 6000

/** Of that, for how many lines there is no room. */
const LEFT_OUT = 50

/** The log in a header, a list of texts in JSON: as many of its lines as there is room for, and how many there are beyond. */
export function logHeader(lines: readonly string[]): string {
  const kept: string[] = []
  let length = '[]'.length
  for (const line of lines) {
    const text = inAscii(JSON.stringify(line))
    length += text.length + (kept.length > 0 ? 1 : 0)
    if (length > MOST_OF_LOG - LEFT_OUT) break
    kept.push(text)
  }
  const left = lines.length - kept.length
  if (left > 0) kept.push(`"... (no room for ${left} more)"`)
  return `[${kept.join()}]`
}

/**
 * porter's door: the routes that endpoints have by their `porter:`, and, where a manifest declares porter's app, `/`, its
 * pages and every path that nobody else has. It is the last door: what gets here is no other's.
 */
import { FOREIGN_SEGMENTS } from '../../catalog/porter.ts'
import type { Endpoint } from '../../endpoints/endpoint.ts'
import type { PorterMatch } from '../../endpoints/porter.ts'
import type { Registry } from '../../endpoints/registry.ts'
import type { Gate } from '../../gate/gate.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength } from '../../lib/body.ts'
import { deadlineIn } from '../../lib/deadline.ts'
import { notFound, toFault } from '../../lib/fault.ts'
import { rawPath } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { type AppView, appView, ownRequestId, porterReply, writtenReply } from './app.ts'
import { serveCustom } from './custom.ts'
import { docsAsset, docsPage } from './docs.ts'
import { type ErrorContext, porterError, unknownPath, wrongMethod } from './errors.ts'
import { openApiJson } from './openapi.ts'
import { predictPorter } from './predict.ts'

export interface PorterSettings {
  maxBody: number
  requestTimeout: number
}

export interface PorterDoor {
  /** Whether a manifest declares porter's app, which then owns `/`. */
  declared(): boolean
  serve(request: Request, address: () => string): Promise<Response>
}

const LIVE = 'This endpoint is live. Send POST requests for predictions'
const ROOT = 'Send POST requests to /&lt model-name &gt/prediction/'
const PAGE = ['GET', 'HEAD', 'OPTIONS']
const ROUTE = ['GET', 'HEAD', 'OPTIONS', 'POST']
const PROBES = new Set(['/-/alive', '/-/ready'])

export function porterDoor(gate: Gate, registry: Registry, settings: PorterSettings): PorterDoor {
  function serve(request: Request, address: () => string): Promise<Response> {
    const metered = new MeteredCall()
    return gate.meter.counted(metered, request, answer(request, address, metered))
  }

  async function answer(request: Request, address: () => string, metered: MeteredCall): Promise<Response> {
    const identity = identify(request.headers)
    const app = appView(registry.porterApp)
    const path = rawPath(request.url)
    const found = routeOf(registry, path)
    // a page's path is literal, which wins over parameters
    const match = found && Object.keys(found.params).length > 0 && pageOf(path, app) ? undefined : found
    if (!match && !PROBES.has(path) && (!app.declared || isForeign(path)))
      return problem(notFound('No such route.'), identity)
    if (match && request.method !== 'OPTIONS') metered.asked = { service: match.service, endpoint: match.endpoint.id }
    const requestId = ownRequestId(identity, request.headers)
    const context: ErrorContext = { app, requestId, headers: identity.headers }
    try {
      if (!match) return own(request, path, app, identity)
      checkAnnouncedLength(request.headers, settings.maxBody)
      return await onRoute(request, match, address, context, metered)
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, { ...identity, requestId })
      return porterError(fault, request, context)
    }
  }

  async function onRoute(
    request: Request,
    match: PorterMatch,
    address: () => string,
    context: ErrorContext,
    metered: MeteredCall,
  ): Promise<Response> {
    const { service, endpoint: asked } = match
    if (request.method === 'OPTIONS') return options(optionsOf(asked), context.headers)
    const admission = gate.admit(request.headers, address, service, asked.id)
    metered.admission = admission
    const { grant, endpoint, headers: limits } = admission
    const { porter: route, model } = endpoint
    // published anew meanwhile, without this route
    if (!route || !(model || endpoint.handle)) throw unknownPath()
    context.route = route
    context.headers = { ...context.headers, ...limits }
    const { app, headers } = context
    if (!model) {
      const method = request.method === 'HEAD' ? 'GET' : request.method
      if (!endpoint.methods.includes(method)) throw wrongMethod(optionsOf(endpoint))
      const call = { grant, deadline: deadlineIn(settings.requestTimeout), caller: request }
      return serveCustom(request, { ...match, endpoint, route }, call, settings.maxBody, context)
    }
    if (request.method === 'GET' || request.method === 'HEAD') return porterReply(app, request, LIVE, { headers })
    if (request.method !== 'POST') throw wrongMethod(ROUTE)
    const { scorer, schemas } = registry.runtime
    const answer = await predictPorter(request, { endpoint, route, model, grant, scorer, schemas, settings, context })
    return writtenReply(app, request, answer, headers)
  }

  /** What belongs to the app itself. @throws Fault 404, 405 */
  function own(request: Request, path: string, app: AppView, { headers }: Identity): Response {
    const page = pageOf(path, app)
    if (!page) throw unknownPath()
    if (request.method === 'OPTIONS') return options(['OPTIONS', 'HEAD', 'GET'], headers)
    if (!PAGE.includes(request.method)) throw wrongMethod(PAGE)
    return withHeaders(page(), headers)
  }

  function pageOf(path: string, app: AppView): (() => Response) | undefined {
    const { docs } = app
    // GET and HEAD of the probes are answered before this door
    if (PROBES.has(path)) return () => new Response(null)
    if (path === '/') return () => (docs ? redirect(302, docs.page) : html(ROOT))
    if (!docs) return undefined
    if (path === docs.page) return () => docsPage(app)
    if (path === docs.json) return () => jsonText(openApiJson(app, registry.porterRoutes.all()))
    if (docs.page === `${path}/`) return () => redirect(308, docs.page)
    if (path.startsWith(docs.assets)) return () => docsAsset(path.slice(docs.assets.length))
    return undefined
  }

  return { declared: () => registry.porterApp !== undefined, serve }
}

/** The route of a path. A model's is also there with a slash at its end; a function's has the path that it says. */
function routeOf(registry: Registry, path: string): PorterMatch | undefined {
  const match = registry.porterRoutes.find(path)
  return match?.slash && match.endpoint.kind === 'function' ? undefined : match
}

/** What Flask says that a route takes. */
function optionsOf({ kind, methods }: Endpoint): string[] {
  if (kind !== 'function') return ['OPTIONS', 'POST', 'HEAD', 'GET']
  return ['OPTIONS', ...methods.flatMap(method => (method === 'GET' ? ['HEAD', 'GET'] : [method]))]
}

const isForeign = (path: string) => {
  const segment = path.split('/')[1] ?? ''
  return FOREIGN_SEGMENTS.has(segment) && segment !== '-'
}

const options = (allow: string[], headers: Record<string, string>) =>
  new Response(null, { headers: { ...headers, allow: allow.join(', ') } })
const redirect = (status: 302 | 308, location: string) => new Response(null, { status, headers: { location } })
const jsonText = (text: string) => new Response(text, { headers: { 'content-type': 'application/json;charset=utf-8' } })
const html = (text: string) => new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } })

function withHeaders(response: Response, headers: Record<string, string>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}

/** The HTTP server's table of contents: middleware in order, then one line per door. */
import { Elysia } from 'elysia'
import type { Fleet } from './deployments/fleet.ts'
import { MOST_OF_A_MESSAGE } from './deployments/tunnel.ts'
import type { Gate } from './gate/gate.ts'
import { clientAddress, isLoopback, isSecure } from './lib/address.ts'
import { notFound, toFault } from './lib/fault.ts'
import { rawPath } from './lib/path.ts'
import { problem } from './lib/problem.ts'
import type { Caller, ManagementContext } from './management/context.ts'
import { managementRoutes } from './management/routes.ts'
import { consoleDoor } from './protocols/console/door.ts'
import { crossOrigin } from './protocols/cross-origin.ts'
import { honeyframeDoor, PREFIX } from './protocols/honeyframe/door.ts'
import { deploymentDoor } from './protocols/hopsworks/door.ts'
import type { Link } from './protocols/hopsworks/server.ts'
import { modelDoor } from './protocols/open-inference/door.ts'
import { porterDoor } from './protocols/porter/door.ts'
import { alive, type Readiness, ready } from './protocols/probes/door.ts'
import { identify } from './telemetry/identity.ts'
import { logFailure } from './telemetry/log.ts'

const raw = { parse: 'none' } as const

interface ServerParts {
  gate: Gate
  fleet: Fleet
  management: ManagementContext
  readiness: Readiness
}

/** The whole server, not yet listening; `app.handle(request)` answers without a port. */
export function buildServer({ gate, fleet, management, readiness }: ServerParts) {
  const { config } = management
  const { registry } = management.publisher
  const serve = honeyframeDoor(gate, config)
  // longer than any deadline of ours, so that a slow call gets our 504 and not a closed connection
  const idleTimeout = Math.min(255, Math.ceil(config.requestTimeout / 1000) + 15)
  const app = new Elysia({
    // Elysia looks for the path from the 11th character on and misses it behind `http://api`; from the 7th on, which is
    // the other choice, it would take the second slash of `https://` for the path
    handler: { standardHostname: config.tlsCert !== undefined },
    serve: {
      // Elysia would share the port with whoever listens there already, and calls would go to either
      reusePort: false,
      // else NODE_ENV decides, and Bun's own page for an error that nobody caught shows its stack
      development: false,
      idleTimeout,
      // the doors answer their own 413; this one only stops what no door takes
      maxRequestBodySize: Math.max(config.maxBody, config.maxUpload, config.maxDeploymentBody) + 64 * 1024 * 1024,
      ...(config.tlsCert && config.tlsKey
        ? { tls: { cert: Bun.file(config.tlsCert), key: Bun.file(config.tlsKey) } }
        : {}),
      // what is called most goes from Bun's router to its door, where no hook has to see it first
      ...(config.corsOrigins.length === 0 && !config.hostDomain ? { routes: direct() } : {}),
    },
    websocket: { maxPayloadLength: MOST_OF_A_MESSAGE, backpressureLimit: 4 * MOST_OF_A_MESSAGE },
  })
  function direct(): Record<string, (request: Request) => Response | Promise<Response>> {
    const callModel = (request: Request) => models.serve(request, () => addressOf(request))
    return {
      [`${PREFIX}*`]: request => serve(request, () => addressOf(request)),
      '/v1/models': callModel,
      '/v1/models/*': callModel,
      '/v1/*': request => deployments.byPath(request, () => addressOf(request)),
    }
  }
  // without a usable Host (HTTP/1.0 needs none) Bun's URL is the path alone, in which Elysia finds no route
  const received = new WeakMap<Request, Request>()
  app.onRequest(({ request }) => {
    if (!request.url.startsWith('/')) return
    const whole = new Request(`http://localhost${request.url}`, request)
    received.set(whole, request)
    return app.handle(whole)
  })
  const asReceived = (request: Request) => received.get(request) ?? request
  // who reaches a loopback address is on this machine: asking costs as much as all other checks of a call
  const ownAddress = config.host.includes(':') ? '::1' : '127.0.0.1'
  const peerOf: (request: Request) => string = isLoopback(config.host)
    ? () => ownAddress
    : request => app.server?.requestIP(asReceived(request))?.address ?? '127.0.0.1'
  const addressOf = (request: Request): string => clientAddress(request.headers, peerOf(request), config.trustedProxies)
  const callerOf = (request: Request): Caller => ({
    address: addressOf(request),
    secure: isSecure(request.headers, peerOf(request), config.trustedProxies, config.tlsCert !== undefined),
  })
  const models = modelDoor(gate, registry.runtime.scorer, {
    maxBody: config.maxBody,
    requestTimeout: config.requestTimeout,
    ready: () => readiness.reasons().length === 0,
  })
  const porter = porterDoor(gate, registry, config)
  const link: Link = {
    peer: peerOf,
    keepOpen: request => app.server?.timeout(asReceived(request), 0),
    letIdle: request => app.server?.timeout(asReceived(request), idleTimeout),
    upgrade: (request, data, headers) => app.server?.upgrade(asReceived(request), { data, headers }) ?? false,
  }
  const atEdge = config.corsOrigins.length > 0
  const deployments = deploymentDoor(gate, models, fleet, link, {
    hostDomain: config.hostDomain,
    servers: {
      maxBody: config.maxDeploymentBody,
      requestTimeout: config.requestTimeout,
      trustedProxies: config.trustedProxies,
      scheme: config.tlsCert ? 'https' : 'http',
      cors: atEdge,
    },
  })

  if (atEdge) app.use(crossOrigin(config.corsOrigins))
  // a Host that is a deployment's owns every path
  if (config.hostDomain) app.onRequest(async ({ request }) => deployments.byHost(request, () => addressOf(request)))
  app.onError(({ error, code, request }) => {
    const identity = identify(request.headers)
    if (code === 'NOT_FOUND') return problem(notFound('No such route.'), identity)
    const fault = toFault(error)
    logFailure(fault, error, identity)
    return problem(fault, identity)
  })
  // Elysia takes a path with a slash at its end for the same one, and porter does not
  const probe = (request: Request, answer: () => Response) =>
    rawPath(request.url).endsWith('/') ? porter.serve(request, () => addressOf(request)) : answer()
  app.get('/-/alive', ({ request }) => probe(request, () => alive(request, registry)))
  app.get('/-/ready', ({ request }) => probe(request, () => ready(request, registry, readiness)))
  app.all(`${PREFIX}*`, ({ request }) => serve(request, () => addressOf(request)), raw)
  for (const path of ['/v2', '/v2/*', '/v1/models', '/v1/models/*'])
    app.all(path, ({ request }) => models.serve(request, () => addressOf(request)), raw)
  app.all('/v1/*', ({ request }) => deployments.byPath(request, () => addressOf(request)), raw)
  app.use(managementRoutes(management, callerOf, link))
  for (const path of ['/console', '/console/*']) app.all(path, ({ request }) => consoleDoor(request), raw)
  app.all(
    '/',
    ({ request }) => (porter.declared() ? porter.serve(request, () => addressOf(request)) : consoleDoor(request)),
    raw,
  )
  app.all('/*', ({ request }) => porter.serve(request, () => addressOf(request)), raw)
  return app
}

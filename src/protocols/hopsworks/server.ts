/** Calls of deployments that are servers: who called is checked already, and what they sent is handed on. */
import type { Fleet } from '../../deployments/fleet.ts'
import type { Forwarding } from '../../deployments/outgoing.ts'
import { forward } from '../../deployments/proxy.ts'
import type { SocketEvents } from '../../deployments/tunnel.ts'
import { UpstreamBackend } from '../../deployments/upstream.ts'
import { isWebSocket, webSocketUpgrade } from '../../deployments/websocket.ts'
import type { Deployment } from '../../endpoints/endpoint.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { keyOfAuthorization } from '../../gate/present.ts'
import { isWithin, type Networks } from '../../lib/address.ts'
import { badRequest, methodNotAllowed, unavailable } from '../../lib/fault.ts'
import { rawQuery } from '../../lib/path.ts'
import { holdsKey } from '../../lib/secret.ts'
import { type Identity, newTraceparent } from '../../telemetry/identity.ts'

/** What the HTTP server knows of a request, and can do with its connection. */
export interface Link {
  /** the address that the connection comes from */
  peer(request: Request): string
  /** The connection is not to be ended for its silence. */
  keepOpen(request: Request): void
  /** It is again, after as long as any other. */
  letIdle(request: Request): void
  /** Answers with a WebSocket. @returns false: the request is gone */
  upgrade(request: Request, events: SocketEvents, headers: [string, string][]): boolean
}

export interface ServerCallSettings {
  /** bytes of a body */
  maxBody: number
  /** milliseconds, where a deployment does not say otherwise */
  requestTimeout: number
  trustedProxies: Networks
  scheme: 'http' | 'https'
  /** whether the edge says what browsers may do */
  cors: boolean
}

export interface ServerCall {
  request: Request
  deployment: Deployment
  /** the part of the path that led here; empty where the Host did */
  prefix: string
  /** what follows, not decoded */
  path: string
  identity: Identity
  limit: LimitHeaders | undefined
  /** an error as the caller gets it */
  refused(error: unknown): Response
  /** @throws Fault the caller would not be let in any more */
  checkAgain(): void
}

/** RFC 3986, 3.2.2 and 3.2.3: a name or an address, and a port; empty, as HTTP/1.0 may leave it. */
const HOST = /^(?:[\w.~!$&'()*+;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Hands a call on to its deployment's server.
 * @throws Fault 400 a request that could be read in two ways, or a path that would leave the deployment; 405; 503 the
 * deployment is being changed
 */
export function callServer(
  { request, deployment, prefix, path, identity, limit, refused, checkAgain }: ServerCall,
  fleet: Fleet,
  link: Link,
  settings: ServerCallSettings,
): Promise<Response> {
  const { headers, url, method } = request
  if (method === 'CONNECT' || method === 'TRACE') throw methodNotAllowed(METHODS)
  const host = headers.get('host') ?? ''
  if (!HOST.test(host)) throw badRequest('The request needs one Host header with a valid host.', 'malformed_host')
  if (!staysBelow(path)) throw badRequest('The path would leave this deployment.', 'path_leaves')
  const server = fleet.get(deployment.id)
  if (!server) throw unavailable('This deployment is being changed.', 1)
  const { backend, config } = server
  const peer = link.peer(request)
  const upstream = backend instanceof UpstreamBackend
  const timeoutMs = config.timeout_seconds === undefined ? settings.requestTimeout : config.timeout_seconds * 1000
  let isKept = false
  const keepOpen = () => {
    if (isKept) return
    isKept = true
    link.keepOpen(request)
  }
  if (timeoutMs > settings.requestTimeout) keepOpen()
  const to: Forwarding = {
    target: `${upstream ? backend.basePath : ''}${path || '/'}${rawQuery(url)}`,
    host: upstream ? backend.host : host,
    callersHost: host,
    prefix,
    peer,
    scheme: settings.scheme,
    trusted: settings.trustedProxies.length > 0 && isWithin(peer, settings.trustedProxies),
    requestId: identity.requestId,
    traceparent: identity.headers.traceparent ?? newTraceparent(identity.requestId),
    withheld: config.pass_authorization ? [] : keyHeaders(headers),
  }
  return forward({
    request,
    backend,
    to,
    edge: { headers: { ...identity.headers, ...limit }, cors: settings.cors, sharesOrigin: prefix !== '' },
    timeoutMs,
    maxBody: settings.maxBody,
    keepOpen,
    over: () => isKept && link.letIdle(request),
    refused,
    checkAgain,
    upgrade: isWebSocket(request)
      ? webSocketUpgrade(request, checkAgain, (events, more) => link.upgrade(request, events, more))
      : undefined,
  })
}

/** The headers that hold the caller's key. `Authorization` is the server's own where the key came as `X-API-Key`. */
function keyHeaders(headers: Headers): readonly string[] {
  if (!headers.has('x-api-key')) return AUTHORIZATION
  const authorization = headers.get('authorization')
  return authorization === null || presentsKey(authorization) ? BOTH : API_KEY
}
/** Also where none would be looked for: behind another scheme, as a user's name, or where there are two. */
function presentsKey(authorization: string): boolean {
  if (keyOfAuthorization(authorization)?.startsWith('dk_') || holdsKey(authorization)) return true
  const basic = /^basic\s+(.*)/i.exec(authorization)?.[1]
  return basic !== undefined && holdsKey(Buffer.from(basic, 'base64').toString('latin1'))
}
const AUTHORIZATION = ['authorization']
const API_KEY = ['x-api-key']
const BOTH = ['x-api-key', 'authorization']

/**
 * Whether a server that decodes the path finds itself no higher than where it began. Plain `..` is resolved already, but where a
 * request has no Host; what else is left are slashes and dots in escapes, and dots with parameters (`..;a=b`), which some
 * servers take off.
 */
function staysBelow(path: string): boolean {
  if (!path.includes('%') && !path.includes('..') && !path.includes('\\')) return true
  let depth = 0
  for (const part of path
    .replaceAll(/%2f|%5c|\\/gi, '/')
    .replaceAll(/%2e/gi, '.')
    .split('/')) {
    const name = part.replace(/(?:;|%3b).*/i, '')
    if (name === '..') depth--
    else if (name !== '' && name !== '.') depth++
    if (depth < 0) return false
  }
  return true
}

/**
 * The Hopsworks deployments' door: `/v1/{project}/{deployment}/{path...}`, and every path of a Host
 * `{deployment}.{project}.{domain}`. The key comes first (401), then the route (404 with an empty body, which clients take
 * for "not there yet"), then the key's reach (403). What lies below is the deployment's own.
 */

import type { Grant } from '../../catalog/grant.ts'
import type { Fleet } from '../../deployments/fleet.ts'
import type { Deployment } from '../../endpoints/endpoint.ts'
import type { Gate } from '../../gate/gate.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength } from '../../lib/body.ts'
import { Fault, methodNotAllowed, notFound, toFault, unavailable } from '../../lib/fault.ts'
import { decodedPart, rawPath } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { isModelPath, type ModelDoor } from '../open-inference/door.ts'
import type { NamedModel, Scope } from '../open-inference/scope.ts'
import { callServer, type Link, type ServerCallSettings } from './server.ts'

export interface DeploymentDoorSettings {
  /** `deployments.example.org`: empty where deployments answer by path only */
  hostDomain: string
  servers: ServerCallSettings
}

export interface DeploymentDoor {
  /** A call by path. */
  byPath(request: Request, address: () => string): Response | Promise<Response>
  /** A call by Host; undefined where the Host is no deployment's. */
  byHost(request: Request, address: () => string): Response | Promise<Response> | undefined
}

interface Route {
  project: string
  deployment: string
  /** what led here, as it was sent; empty for a Host */
  prefix: string
  /** what follows, not decoded: empty or with its slash */
  path: string
}
/** what leads nowhere is refused as any other route, after the key */
const NOWHERE: Route = { project: '', deployment: '', prefix: '', path: '' }

export function deploymentDoor(
  gate: Gate,
  models: ModelDoor,
  fleet: Fleet,
  link: Link,
  settings: DeploymentDoorSettings,
): DeploymentDoor {
  const suffix = settings.hostDomain.toLowerCase().replace(/^\.|\.$/g, '')

  function serve(request: Request, address: () => string, route: Route): Response | Promise<Response> {
    const metered = new MeteredCall()
    return gate.meter.counted(metered, request, answer(request, address, route, metered))
  }

  function answer(
    request: Request,
    address: () => string,
    { project, deployment: name, prefix, path }: Route,
    metered: MeteredCall,
  ): Response | Promise<Response> {
    const identity = identify(request.headers)
    const refused = (error: unknown): Response => {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return refusal(fault, { ...identity, headers: { ...identity.headers, ...metered.admission?.headers } })
    }
    try {
      if (isPreflight(request)) return new Response(null, { status: 204 })
      metered.asked = { project, deployment: name }
      checkAnnouncedLength(request.headers, settings.servers.maxBody)
      const admission = gate.admitDeployment(request.headers, address, project, name)
      metered.admission = admission
      const { deployment, headers: limit } = admission
      if (deployment.kind !== 'model') {
        const checkAgain = () => gate.checkAgain(request.headers, admission)
        const call = { request, deployment, prefix, path, identity, limit, refused, checkAgain }
        return callServer(call, fleet, link, settings.servers)
      }
      if (!deployment.model) throw unavailable('The model of this deployment cannot be served.', 60)
      if (isModelPath(path))
        return models.serveWithin(within(deployment, admission), path, request, identity).catch(refused)
      if (path === '' || path === '/') return alive(request, { ...identity.headers, ...limit })
      throw notFound('No such route.', 'not_routed')
    } catch (error) {
      return refused(error)
    }
  }

  return {
    byPath: (request, address) => serve(request, address, routeOf(rawPath(request.url))),
    byHost(request, address) {
      if (suffix === '') return undefined
      const host = (request.headers.get('host') ?? '').toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
      if (!host.endsWith(`.${suffix}`)) return undefined
      const labels = host.slice(0, -suffix.length - 1)
      const dot = labels.indexOf('.')
      if (dot <= 0) return undefined
      const [deployment, project] = [labels.slice(0, dot), labels.slice(dot + 1)]
      const route = { deployment, project, prefix: '', path: rawPath(request.url) }
      return serve(request, address, route)
    },
  }
}

/** `/v1/{project}/{deployment}` and what follows. */
function routeOf(path: string): Route {
  const second = path.indexOf('/', BASE.length)
  if (!path.startsWith(BASE) || second < 0) return NOWHERE
  const third = path.indexOf('/', second + 1)
  const end = third < 0 ? path.length : third
  const project = decodedPart(path.slice(BASE.length, second))
  const deployment = decodedPart(path.slice(second + 1, end))
  return project && deployment ? { project, deployment, prefix: path.slice(0, end), path: path.slice(end) } : NOWHERE
}
const BASE = '/v1/'

/** A browser's question before a call. Where the edge knows origins it is answered there; here it is told nothing. */
const isPreflight = ({ method, headers }: Request) =>
  method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method')

/** The one model below a deployment: `{m}` is the deployment's name. The caller has been admitted already. */
function within(
  { id, name, model: served }: Deployment,
  { grant, headers }: { grant: Grant; headers: LimitHeaders | undefined },
): Scope {
  const model: NamedModel = { name, key: `deployment ${id}`, served: served!, grant }
  const find = async (asked: string) => {
    if (asked !== name) throw notFound('There is no such model in this deployment; it is named as the deployment is.')
    return { model, manages: grant.manageModels, headers }
  }
  return { enter: async () => ({ models: () => [model], headers }), find, findToManage: find }
}

/** KServe v1's liveness. */
function alive(request: Request, headers: Record<string, string>): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(['GET'])
  return new Response('{"status":"alive"}', { headers: { ...headers, 'content-type': 'application/json' } })
}

/** The client reads `errorCode`, `errorMsg` and `usrMsg`; an empty object, or a list, brings it down. */
function refusal(fault: Fault, identity: Identity): Response {
  if (fault.code === 'not_routed')
    return new Response(null, { status: 404, headers: { ...identity.headers, ...fault.headers } })
  const { status, code, message, members } = fault
  const headers = status === 401 ? { ...fault.headers, 'www-authenticate': 'ApiKey' } : fault.headers
  const shown = new Fault(status, code, message, {
    headers,
    members: { ...members, errorCode: status, errorMsg: message, usrMsg: message },
  })
  return problem(shown, identity)
}

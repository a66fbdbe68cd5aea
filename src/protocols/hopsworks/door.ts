/**
 * The Hopsworks deployments' door: `/v1/{project}/{deployment}/{path...}`, and every path of a Host
 * `{deployment}.{project}.{domain}`. The key comes first (401), then the route (404 with an empty body, which clients take
 * for "not there yet"), then the key's reach (403). What lies below is the deployment's own.
 */

import type { Grant } from '../../catalog/grant.ts'
import type { ModelDeployment } from '../../endpoints/endpoint.ts'
import type { Gate } from '../../gate/gate.ts'
import type { LimitHeaders } from '../../gate/limits.ts'
import { MeteredCall } from '../../gate/metering.ts'
import { checkAnnouncedLength } from '../../lib/body.ts'
import { Fault, methodNotAllowed, notFound, notServed, toFault } from '../../lib/fault.ts'
import { decodedPart, rawPath } from '../../lib/path.ts'
import { problem } from '../../lib/problem.ts'
import { type Identity, identify } from '../../telemetry/identity.ts'
import { logFailure } from '../../telemetry/log.ts'
import { isModelPath, type ModelDoor } from '../open-inference/door.ts'
import type { NamedModel, Scope } from '../open-inference/scope.ts'

export interface DeploymentDoorSettings {
  maxBody: number
  /** `deployments.example.org`: empty where deployments answer by path only */
  hostDomain: string
}

export interface DeploymentDoor {
  /** A call by path. */
  byPath(request: Request, address: () => string): Promise<Response>
  /** A call by Host; undefined where the Host is no deployment's. */
  byHost(request: Request, address: () => string): Promise<Response> | undefined
}

interface Route {
  project: string
  deployment: string
  /** what follows, not decoded: empty or with its slash */
  path: string
}

export function deploymentDoor(gate: Gate, models: ModelDoor, settings: DeploymentDoorSettings): DeploymentDoor {
  const suffix = settings.hostDomain.toLowerCase().replace(/^\.|\.$/g, '')

  function serve(request: Request, address: () => string, route: Route | undefined): Promise<Response> {
    const { project, deployment } = route ?? {}
    const metered = new MeteredCall({ project, deployment })
    return gate.meter.counted(metered, request, answer(request, address, route, metered))
  }

  async function answer(
    request: Request,
    address: () => string,
    route: Route | undefined,
    metered: MeteredCall,
  ): Promise<Response> {
    const identity = identify(request.headers)
    try {
      checkAnnouncedLength(request.headers, settings.maxBody)
      const { project, deployment: name, path } = route ?? { project: '', deployment: '', path: '' }
      const admission = gate.admitDeployment(request.headers, address, project, name)
      metered.admission = admission
      const { deployment, headers } = admission
      if (!deployment.model) throw notServed('Deployments of this kind are not served by this version of Callgate.')
      if (isModelPath(path)) return await models.serveWithin(within(deployment, admission), path, request, identity)
      if (path === '' || path === '/') return alive(request, { ...identity.headers, ...headers })
      throw notFound('No such route.', 'not_routed')
    } catch (error) {
      const fault = toFault(error)
      logFailure(fault, error, identity)
      return refusal(fault, identity)
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
      const route = { deployment: labels.slice(0, dot), project: labels.slice(dot + 1), path: rawPath(request.url) }
      return serve(request, address, route)
    },
  }
}

/** @returns undefined where there are not both names */
function routeOf(path: string): Route | undefined {
  const match = /^\/v1\/([^/]+)\/([^/]+)(\/.*)?$/s.exec(path)
  const [project, deployment] = [decodedPart(match?.[1] ?? ''), decodedPart(match?.[2] ?? '')]
  return project && deployment ? { project, deployment, path: match?.[3] ?? '' } : undefined
}

/** The one model below a deployment: `{m}` is the deployment's name. The caller has been admitted already. */
function within(
  { project, name, model: served }: ModelDeployment,
  { grant, headers }: { grant: Grant; headers: LimitHeaders | undefined },
): Scope {
  const model: NamedModel = { name, key: `${project}/${name}`, served: served!, grant }
  const find = async (asked: string) => {
    if (asked !== name) throw notFound('There is no such model in this deployment; it is named as the deployment is.')
    return { model, manages: grant.manageModels, headers }
  }
  return { enter: async () => ({ models: () => [model], headers }), find, findToManage: find }
}

/** KServe v1's liveness. */
function alive(request: Request, headers: Record<string, string>): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed(['GET', 'HEAD'])
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

/** `/-/alive` and `/-/ready`: porter's health object, which lists porter's routes only. */
import type { Registry } from '../../endpoints/registry.ts'
import { identify } from '../../telemetry/identity.ts'
import { appView, ownRequestId, PORTER_VERSION, porterReply } from '../porter/app.ts'
import { modelContext } from '../porter/errors.ts'

/** What keeps the server from being ready; empty: it is. */
export interface Readiness {
  reasons(): string[]
}

const DEPLOYED_ON = new Date().toISOString().replace('Z', '000')
const READY = 'READY'

function health(request: Request, registry: Registry, reasons: string[], isAlive: boolean): Response {
  const app = appView(registry.porterApp)
  const identity = identify(request.headers)
  const services: Record<string, { endpoint: string; model_context: object; status: string }> = Object.create(null)
  for (const { route } of registry.porterRoutes.all())
    services[route.path] = {
      endpoint: route.path,
      model_context: modelContext(route),
      status: route.status ?? app.status,
    }
  const isReady = reasons.length === 0 && Object.values(services).every(({ status }) => status === READY)
  const body = {
    app_meta: app.meta,
    deployed_on: DEPLOYED_ON,
    porter_version: PORTER_VERSION,
    ...(reasons.length ? { reasons } : {}),
    ...(app.requestId ? { request_id: ownRequestId(identity, request.headers) } : {}),
    services,
  }
  const headers = { 'cache-control': 'no-store', ...identity.headers }
  return porterReply(app, request, body, { status: isAlive || isReady ? 200 : 503, headers })
}

/** 200 as long as the process answers at all. */
export const alive = (request: Request, registry: Registry): Response => health(request, registry, [], true)

/** 200 when calls can be served, else 503 with the reasons that the server itself has. */
export const ready = (request: Request, registry: Registry, readiness: Readiness): Response =>
  health(request, registry, readiness.reasons(), false)

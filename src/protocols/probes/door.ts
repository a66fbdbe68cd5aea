/** `/-/alive` and `/-/ready` (porter's health object; here without porter routes). */
import { identify } from '../../telemetry/identity.ts'

/** What keeps the server from being ready; empty: it is. */
export interface Readiness {
  reasons(): string[]
}

const DEPLOYED_ON = new Date().toISOString().replace('Z', '000')

function health(request: Request, status: number, reasons: string[]): Response {
  const { requestId, headers } = identify(request.headers)
  const body = {
    app_meta: {},
    deployed_on: DEPLOYED_ON,
    ...(reasons.length ? { reasons } : {}),
    request_id: requestId,
    services: {},
  }
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  })
}

/** 200 as long as the process answers at all. */
export const alive = (request: Request): Response => health(request, 200, [])

/** 200 when calls can be served, else 503 with the reasons. */
export function ready(request: Request, readiness: Readiness): Response {
  const reasons = readiness.reasons()
  return health(request, reasons.length === 0 ? 200 : 503, reasons)
}

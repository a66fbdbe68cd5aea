import type { Asset } from '../catalog/assets.ts'
import { adminGrant, type Grant, publicGrant, reachesEndpoint } from '../catalog/grant.ts'
import { checkWorks } from '../gate/gate.ts'
import { forbidden, notFound, unprocessable } from '../lib/fault.ts'
import type { ManagementContext } from './context.ts'

/**
 * Whom the endpoint is run as: `X-Test-As` is `raw` (everything in the project, unmasked; as without it), `public` (whoever
 * has no key, were the service public), or the id of a key of the service or its project.
 * @throws Fault 422 none of these; 404 no such key; 403 what the key would be told: it ended, or does not reach the endpoint
 */
export function grantAsked(context: ManagementContext, request: Request, asset: Asset, endpointId: string): Grant {
  const as = request.headers.get('x-test-as') ?? 'raw'
  const { id: assetId, projectId, assetKey, isPublic } = asset
  const service = { assetId, projectId, key: assetKey }
  if (as === 'raw') return adminGrant(projectId)
  if (as === 'public') return publicGrant(service)
  if (!/^\d{1,15}$/.test(as)) throw unprocessable('X-Test-As must be raw, public, or the id of a key.')
  const known = context.keys.known(context.db, projectId, Number(as))
  const { grant } = known
  if (grant.assetId !== null && grant.assetId !== assetId) throw notFound('No such key.')
  checkWorks(known, Date.now())
  if (reachesEndpoint(grant, service, endpointId)) return grant
  if (isPublic) return publicGrant(service)
  throw forbidden('This key does not reach this endpoint.', 'endpoint_out_of_reach')
}

/** Keys that work and that nobody used: what may be revoked. */
import { findAsset } from '../catalog/assets.ts'
import { type Grant, reachesDeployment, reachesEndpoint, reachesService } from '../catalog/grant.ts'
import { type ApiKey, grantOf } from '../catalog/key-ring.ts'
import { workingKeys } from '../catalog/keys.ts'
import { listProjects } from '../catalog/projects.ts'
import { readUsage } from '../catalog/usage-report.ts'
import { unprocessable } from '../lib/fault.ts'
import { type ManagementContext, mayEdit, projectFor, type SignedIn, scopeOf } from './context.ts'
import { json, wholeNumber } from './respond.ts'
import { filterOf, isoOf, parametersOf, periodOf } from './usage-query.ts'

const KEYS_AT_ONCE = 1000

/**
 * `GET /api/usage/unused-keys`: keys that work now and made no call in a time; of what is named, those that reach it and did not
 * call it. Keys are an editor's to see.
 */
export async function unusedKeys(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const params = parametersOf(request, ['from', 'to', 'step', 'service', 'endpoint', 'deployment', 'limit'])
  const filter = { ...filterOf(params), projectIds: editedProjects(context, request, who) }
  if (filter.endpoint !== undefined && filter.service === undefined)
    throw unprocessable('An endpoint is named with its service: give service too.')
  const period = periodOf(params)
  const limit = wholeNumber(new URL(request.url), 'limit', 100, 1000)
  await context.usage.flushInParts()
  const { groups } = await readUsage(context.db, filter, period, ['key'])
  const used = new Set(groups.map(({ names }) => names.keyId))
  const reaches = reachOf(context, filter)
  const unused: ApiKey[] = []
  let count = 0
  for (let after = 0, page: ApiKey[]; ; after = page.at(-1)!.id) {
    page = workingKeys(context.db, filter.projectIds, after, KEYS_AT_ONCE)
    const found = page.filter(key => !used.has(key.id) && reaches(grantOf(key)))
    count += found.length
    unused.push(...found.slice(0, limit - unused.length))
    if (page.length < KEYS_AT_ONCE) break
    await Bun.sleep(0)
  }
  return json({ from: isoOf(period.from), to: isoOf(period.to), keys: unused.map(unusedKey), key_count: count })
}

const unusedKey = ({ id, name, projectId, assetId, createdAt, lastUsedAt }: ApiKey) => ({
  project_id: projectId,
  /** null: a key of the project */
  asset_id: assetId,
  key_id: id,
  key: name,
  created_at: createdAt,
  last_used_at: lastUsedAt,
})
export type UnusedKey = ReturnType<typeof unusedKey>

/** Of those in scope, where the user is an editor at least. @throws Fault 404, 403, 422 */
function editedProjects(context: ManagementContext, request: Request, who: SignedIn): number[] {
  const scope = scopeOf(request)
  if (scope !== undefined) return [projectFor(context, who, scope, 'editor').id]
  return listProjects(context.db)
    .map(project => project.id)
    .filter(id => mayEdit(context, who.user, id))
}

/** Whether a key reaches what is named; everything does, where nothing is. */
function reachOf(
  { db }: ManagementContext,
  { service, endpoint, deployment }: { service?: string; endpoint?: string; deployment?: string },
): (grant: Grant) => boolean {
  if (deployment !== undefined) return grant => reachesDeployment(grant, grant.projectId, deployment)
  if (service === undefined) return () => true
  const asset = findAsset(db, service)
  if (!asset) return () => false
  const identity = { assetId: asset.id, projectId: asset.projectId, key: asset.assetKey }
  return grant =>
    endpoint === undefined ? reachesService(grant, identity) : reachesEndpoint(grant, identity, endpoint)
}

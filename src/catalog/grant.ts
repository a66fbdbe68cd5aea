import type { Sensitivity } from './column.ts'

/**
 * What a caller may do: made once from a key (or for the public, or for a dry-run) and handed along the whole walk of a
 * call. What it reaches is asked of it here and nowhere else.
 */
export interface Grant {
  /** Which key, for limits and last-used; null for the public and for dry-runs. */
  keyId: number | null
  projectId: number
  /** A service key's only service; null: a project key. */
  assetId: number | null
  masked: boolean
  sensitivityMax: Sensitivity
  /** Stored columns (`alias.column` for joined ones) that may be seen; null: all. */
  allowedColumns: ReadonlySet<string> | null
  rowScope: ReadonlyArray<readonly [column: string, values: readonly RowScopeValue[]]>
  /** Requests a minute; null: no limit. */
  rateLimit: number | null
  manageModels: boolean
  /** null: all. A service key lists endpoint ids, a project key `service.endpoint`. */
  allowedEndpoints: ReadonlySet<string> | null
  allowedServices: ReadonlySet<string> | null
  allowedDeployments: ReadonlySet<string> | null
  /** What it may do at endpoints of kind table; null: read. Models and functions are called whatever this says. */
  allowedMethods: ReadonlySet<Method> | null
}

/** The methods that tables and functions may have. HEAD goes with GET. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof METHODS)[number]

export type RowScopeValue = string | number | boolean | null

/** What is asked about: a service as the registry knows it. */
export interface ServiceIdentity {
  assetId: number
  projectId: number
  key: string
}

/** Whether any endpoint of the service may be reached. */
export function reachesService(grant: Grant, service: ServiceIdentity): boolean {
  if (grant.assetId !== null) return grant.assetId === service.assetId
  if (grant.projectId !== service.projectId) return false
  if (reachesWholeProject(grant) || grant.allowedServices?.has(service.key)) return true
  for (const endpoint of grant.allowedEndpoints ?? []) if (endpoint.startsWith(`${service.key}.`)) return true
  return false
}

export function reachesEndpoint(grant: Grant, service: ServiceIdentity, endpointId: string): boolean {
  if (grant.assetId !== null)
    return (
      grant.assetId === service.assetId && (grant.allowedEndpoints === null || grant.allowedEndpoints.has(endpointId))
    )
  if (grant.projectId !== service.projectId) return false
  return (
    reachesWholeProject(grant) ||
    (grant.allowedServices?.has(service.key) ?? false) ||
    (grant.allowedEndpoints?.has(`${service.key}.${endpointId}`) ?? false)
  )
}

export function reachesDeployment(grant: Grant, projectId: number, name: string): boolean {
  if (grant.assetId !== null || grant.projectId !== projectId) return false
  return reachesWholeProject(grant) || (grant.allowedDeployments?.has(name) ?? false)
}

export const mayUse = (grant: Grant, method: Method): boolean =>
  grant.allowedMethods === null ? method === 'GET' : grant.allowedMethods.has(method)

const reachesWholeProject = (grant: Grant) =>
  grant.allowedServices === null && grant.allowedEndpoints === null && grant.allowedDeployments === null

const everything = {
  keyId: null,
  allowedColumns: null,
  rowScope: [],
  rateLimit: null,
  manageModels: false,
  allowedEndpoints: null,
  allowedServices: null,
  allowedDeployments: null,
  allowedMethods: null,
} as const

/** A dry-run: everything in the project, raw. */
export const adminGrant = (projectId: number): Grant => ({
  ...everything,
  projectId,
  assetId: null,
  masked: false,
  sensitivityMax: 'critical',
})

/** Who may look at a project but change nothing in it: masked, and nothing above medium. */
export const viewerGrant = (projectId: number): Grant => ({
  ...everything,
  projectId,
  assetId: null,
  masked: true,
  sensitivityMax: 'medium',
})

/** Anyone, on a service that is public: masked, and nothing above medium. */
export const publicGrant = (service: ServiceIdentity): Grant => ({
  ...everything,
  projectId: service.projectId,
  assetId: service.assetId,
  masked: true,
  sensitivityMax: 'medium',
})

import { queryOptions } from '@tanstack/react-query'
import type { AssetRow } from '../../../management/assets.ts'
import type { DeploymentRow } from '../../../management/deployments.ts'
import { api, send } from '../../api/http.ts'
import type { UsageReport } from '../../api/usage.ts'

export type { AssetRow, DeploymentRow }

export interface Health {
  isReady: boolean
  /** what the server itself has against being ready */
  reasons: string[]
}

/** Asked for every ten seconds while the page is looked at. */
export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: async ({ signal }): Promise<Health> => {
    const response = await send('/-/ready', { signal })
    const { reasons = [] } = (await response.json()) as { reasons?: string[] }
    return { isReady: response.ok, reasons }
  },
  refetchInterval: 10_000,
})

/** The services of every project that one sees. */
export const allServicesQuery = queryOptions({
  queryKey: ['services', 'everywhere'],
  queryFn: ({ signal }) => api<AssetRow[]>('/api/publish/assets?asset_type=api_service', { signal }),
})

/** Of every project that one sees. */
export const allDeploymentsQuery = queryOptions({
  queryKey: ['deployments', 'everywhere'],
  queryFn: async ({ signal }) => (await api<{ items: DeploymentRow[] }>('/api/deployments', { signal })).items,
})

/** Of every project that one sees: whether there is anything that a service could answer with. */
export const materialQuery = queryOptions({
  queryKey: ['material'],
  queryFn: async ({ signal }) => {
    const [{ datasets }, { models }] = await Promise.all([
      api<{ datasets: unknown[] }>('/api/datasets', { signal }),
      api<{ models: unknown[] }>('/api/models', { signal }),
    ])
    return datasets.length + models.length > 0
  },
})

/** Whether a service, or the project that it is in, has a key. */
export const hasKeyQuery = (service: AssetRow | undefined) =>
  queryOptions({
    queryKey: ['keys', 'any', service?.id],
    queryFn: async ({ signal }) => {
      const owners = [`/api/publish/assets/${service?.id}`, `/api/projects/${service?.project_id}`]
      const keys = await Promise.all(owners.map(owner => api<unknown[]>(`${owner}/api-keys`, { signal })))
      return keys.flat().length > 0
    },
  })

const HOUR_MS = 3_600_000

/** The last hour, minute by minute, of one project or of all that one sees; read again while it is looked at. */
export const trafficQuery = (project?: number) =>
  queryOptions({
    queryKey: ['usage', project, 'live'],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - HOUR_MS).toISOString()
      return api<UsageReport>(`/api/usage?step=minute&from=${from}`, { project, signal })
    },
    refetchInterval: 10_000,
  })

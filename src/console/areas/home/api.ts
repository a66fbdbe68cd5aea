import { queryOptions } from '@tanstack/react-query'
import type { AssetRow } from '../../../management/assets.ts'
import { api, Problem, send } from '../../api/http.ts'

export type { AssetRow }

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
export const servicesQuery = queryOptions({
  queryKey: ['services', 'everywhere'],
  queryFn: ({ signal }) => api<AssetRow[]>('/api/publish/assets?asset_type=api_service', { signal }),
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

/** Whether the service has a key. */
export const hasKeyQuery = (service: number) =>
  queryOptions({
    queryKey: ['keys', 'any', service],
    queryFn: async ({ signal }) =>
      (await api<unknown[]>(`/api/publish/assets/${service}/api-keys`, { signal })).length > 0,
  })

/** How calls ended, as `GET /api/usage` says it. */
interface Ends {
  calls: number
  succeeded: number
  refused: number
  throttled: number
  failed: number
  latency_ms: { p50: number; p95: number; p99: number } | null
}
export interface UsageRow extends Ends {
  at: string
}

/** The last 24 hours, hour by hour; null where this server does not count usage. */
export const trafficQuery = queryOptions({
  queryKey: ['usage', 'day'],
  queryFn: async ({ signal }) => {
    try {
      return await api<{ totals: Ends; series: UsageRow[] }>('/api/usage?step=hour', { signal })
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null
      throw error
    }
  },
  refetchInterval: 60_000,
})

import { queryOptions } from '@tanstack/react-query'
import type { AssetRow } from '../../../management/assets.ts'
import { api, send } from '../../api/http.ts'

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
  queryFn: ({ signal }) => api<AssetRow[]>('/api/publish/assets?asset_type=api-service', { signal }),
})

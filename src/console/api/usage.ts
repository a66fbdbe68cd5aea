/** What was called, as `/api/usage` tells it. */
import { queryOptions } from '@tanstack/react-query'
import type { UsageEnds, UsageRow } from '../../management/usage-view.ts'
import { api } from './http.ts'

export type { UsageEnds, UsageRow }

export interface UsageReport {
  /** ISO 8601; both are whole steps */
  from: string
  to: string
  step: 'minute' | 'hour' | 'day'
  totals: UsageEnds
  series: UsageRow[]
}

export interface UsageGroup extends UsageEnds {
  service: string | null
  endpoint: string | null
  deployment: string | null
  key_id: number | null
  /** its name, or `public`, `unknown`, `others` where it has no id; null: it is gone */
  key: string | null
  /** calls by step */
  series: number[]
}

export type GroupedUsage = UsageReport & {
  /** the most calls first */
  groups: UsageGroup[]
  /** of all groups, though not all are told */
  group_count: number
}

const WEEK_MS = 7 * 86_400_000

/** Calls of the last 7 days, hour by hour, by endpoint or by key; of one service, or of the project. */
export const weekQuery = (project: number, groupBy: 'endpoint' | 'key', service?: string) =>
  queryOptions({
    queryKey: ['usage', project, 'week', groupBy, service],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - WEEK_MS).toISOString()
      const params = new URLSearchParams({ group_by: groupBy, from, step: 'hour', limit: '1000' })
      if (service !== undefined) params.set('service', service)
      return api<GroupedUsage>(`/api/usage?${params}`, { project, signal })
    },
    staleTime: 30_000,
  })

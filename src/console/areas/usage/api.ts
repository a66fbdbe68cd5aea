import { queryOptions } from '@tanstack/react-query'
import type { UnusedKey } from '../../../management/usage-keys.ts'
import { api, apiText } from '../../api/http.ts'
import type { GroupedUsage, UsageEnds, UsageGroup, UsageReport } from '../../api/usage.ts'
import type { Place } from '../../ui/usage-names.ts'
import { RANGES, type UsageSearch } from './search.ts'

/** The last hour is read again so often. */
const LIVE_MS = 10_000
const MOST_GROUPS = 200
const MOST_TOP = 100

export interface TopUsage {
  slowest: (Place & UsageEnds)[]
  throttled: (Pick<UsageGroup, 'service' | 'endpoint' | 'deployment' | 'key_id' | 'key'> & { throttled: number })[]
  uncalled: (Place & { kind: string })[]
  uncalled_count: number
}

export interface UnusedKeys {
  keys: UnusedKey[]
  key_count: number
}

const FILTERS = ['service', 'endpoint', 'deployment', 'key', 'status'] as const

export const isFiltered = (search: UsageSearch): boolean => FILTERS.some(name => search[name] !== undefined)
export const isLive = ({ range }: UsageSearch): boolean => range === 'hour'

/** The time until now, of a range; else the two ends. */
function timeOf({ range, from, to }: UsageSearch): { from: string; to?: string } {
  if (from !== undefined && to !== undefined) return { from, to }
  return { from: new Date(Date.now() - RANGES[range ?? 'day'] * 1000).toISOString() }
}

function paramsOf(time: object, search: UsageSearch, names: readonly (typeof FILTERS)[number][] = FILTERS) {
  const params = new URLSearchParams(time as Record<string, string>)
  for (const name of names) if (search[name] !== undefined) params.set(name, String(search[name]))
  return params
}

const reading = <T>(what: string, project: number, search: UsageSearch, read: (signal: AbortSignal) => Promise<T>) =>
  queryOptions({
    queryKey: ['usage', project, what, search],
    queryFn: ({ signal }) => read(signal),
    refetchInterval: isLive(search) ? LIVE_MS : false,
  })

/** By endpoint, deployment and key. */
export const usageQuery = (project: number, search: UsageSearch) =>
  reading('calls', project, search, signal => {
    const params = paramsOf(timeOf(search), search)
    params.set('group_by', 'endpoint,deployment,key')
    params.set('limit', String(MOST_GROUPS))
    return api<GroupedUsage>(`/api/usage?${params}`, { project, signal })
  })

export const topQuery = (project: number, search: UsageSearch) =>
  reading('top', project, search, signal => {
    const params = paramsOf(timeOf(search), search)
    params.set('limit', String(MOST_TOP))
    return api<TopUsage>(`/api/usage/top?${params}`, { project, signal })
  })

export const unusedKeysQuery = (project: number, search: UsageSearch) =>
  reading('unused-keys', project, search, signal => {
    const params = paramsOf(timeOf(search), search, ['service', 'endpoint', 'deployment'])
    return api<UnusedKeys>(`/api/usage/unused-keys?${params}`, { project, signal })
  })

/** The keys that called anything in this time, to choose from. */
export const keysSeenQuery = (project: number, { range, from, to }: UsageSearch) =>
  reading('keys-seen', project, { range, from, to }, async signal => {
    const params = new URLSearchParams({ ...timeOf({ range, from, to }), group_by: 'key', limit: '1000' })
    return (await api<GroupedUsage>(`/api/usage?${params}`, { project, signal })).groups
  })

/** The calls of a report, step by step, as a file: a line for each endpoint, deployment and key. */
export function readCsv(project: number, { from, to, step }: UsageReport, search: UsageSearch): Promise<string> {
  const params = paramsOf({ from, to, step }, search)
  params.set('group_by', 'endpoint,deployment,key')
  params.set('format', 'csv')
  return apiText(`/api/usage?${params}`, { project, headers: { accept: 'text/csv' } })
}

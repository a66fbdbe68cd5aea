/** Who called something lately: whom its removal would break. */
import { queryOptions } from '@tanstack/react-query'
import { api } from './http.ts'

export interface Caller {
  service: string | null
  endpoint: string | null
  deployment: string | null
  /** null: no key, or one that is gone */
  key_id: number | null
  key: string | null
  calls: number
  /** ISO 8601, to the hour */
  last_hour: string
}

/** What is about to go. Of a dataset, a model (or one version of it) or a connection: what is published of it. */
export type Called = { project?: number } & (
  | { dataset: string }
  | { model: string; version?: number }
  | { connection: string }
  | { service: string; endpoint?: string; key?: 'public' }
  | { deployment: string }
  | { key: number }
)

/** In the last 7 days, the latest first. */
export const callersQuery = ({ project, ...named }: Called) =>
  queryOptions({
    queryKey: ['callers', project, named],
    queryFn: async ({ signal }) => {
      const params = new URLSearchParams(Object.entries(named).map(([name, value]) => [name, String(value)]))
      return (await api<{ callers: Caller[] }>(`/api/usage/callers?${params}`, { project, signal })).callers
    },
  })

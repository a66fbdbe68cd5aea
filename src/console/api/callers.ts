/** Who called what is published of a dataset or a model lately: whom a removal would break. */
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

export interface Called {
  what: 'dataset' | 'model'
  name: string
  project: number
}

/** In the last 7 days, the latest first. */
export const callersQuery = ({ what, name, project }: Called) =>
  queryOptions({
    queryKey: ['callers', project, what, name],
    queryFn: async ({ signal }) => {
      const path = `/api/usage/callers?${new URLSearchParams({ [what]: name })}`
      return (await api<{ callers: Caller[] }>(path, { project, signal })).callers
    },
    staleTime: 30_000,
  })

import { queryOptions } from '@tanstack/react-query'
import type { InstanceRow } from '../../management/auth.ts'
import { api } from './http.ts'

/** What this server is. */
export const instanceQuery = queryOptions({
  queryKey: ['instance'],
  queryFn: () => api<InstanceRow>('/api/version'),
  staleTime: Number.POSITIVE_INFINITY,
})

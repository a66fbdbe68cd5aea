import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { CheckedRow, ConnectionRow, NewConnectionInput } from '../../../management/connections.ts'
import { api } from '../../api/http.ts'

export type { ConnectionRow }

export const connectionsQuery = queryOptions({
  queryKey: ['connections'],
  queryFn: async () => (await api<{ connections: ConnectionRow[] }>('/api/connections')).connections,
})

const pathOf = (name: string) => `/api/connections/${encodeURIComponent(name)}`

const useRefresh = () => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: connectionsQuery.queryKey })
}

export const useAddConnection = () =>
  useMutation({
    mutationFn: (input: NewConnectionInput) =>
      api<ConnectionRow & CheckedRow>('/api/connections', { method: 'POST', body: input }),
    onSuccess: useRefresh(),
  })

export const useTestConnection = () =>
  useMutation({
    mutationFn: (name: string) =>
      api<({ ok: true } & CheckedRow) | { ok: false; error: string }>(`${pathOf(name)}/test`, { method: 'POST' }),
  })

export const useRemoveConnection = () =>
  useMutation({
    mutationFn: (name: string) => api(pathOf(name), { method: 'DELETE' }),
    // also after a refusal: it may be gone already
    onSettled: useRefresh(),
  })

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { SessionRow } from '../../../management/console-session.ts'
import { api } from '../../api/http.ts'
import { changePassword, sessionQuery } from '../../api/session.ts'

export type { SessionRow }

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: async () => (await api<{ sessions: SessionRow[] }>('/api/auth/sessions')).sessions,
})

const useRefresh = () => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey })
}

export const useEndSession = () =>
  useMutation({
    mutationFn: (id: number) => api(`/api/auth/sessions/${id}`, { method: 'DELETE' }),
    // also after a refusal: it may have ended already
    onSettled: useRefresh(),
  })

export const useEndOtherSessions = () =>
  useMutation({
    mutationFn: () => api('/api/auth/sessions', { method: 'DELETE' }),
    onSuccess: useRefresh(),
  })

export function useChangePassword() {
  const client = useQueryClient()
  const refresh = useRefresh()
  return useMutation({
    mutationFn: changePassword,
    onSuccess: () => Promise.all([refresh(), client.invalidateQueries({ queryKey: sessionQuery.queryKey })]),
  })
}

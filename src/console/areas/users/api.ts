import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { NewUserInput, UserPatchInput, UserRow } from '../../../management/users.ts'
import { api, apiWithTag } from '../../api/http.ts'
import { sessionQuery } from '../../api/session.ts'

export type { UserRow }

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: async () => (await api<{ items: UserRow[] }>('/api/users')).items,
})

/** With its ETag. */
export const userQuery = (id: string) =>
  queryOptions({ queryKey: ['users', id], queryFn: () => apiWithTag<UserRow>(`/api/users/${encodeURIComponent(id)}`) })

const useRefresh = () => {
  const client = useQueryClient()
  // members are told with their roles, too, and who is signed in may be the one
  const changed = [['users'], ['members'], sessionQuery.queryKey]
  return () => Promise.all(changed.map(queryKey => client.invalidateQueries({ queryKey })))
}

export const useAddUser = () =>
  useMutation({
    mutationFn: (input: NewUserInput) => api<UserRow>('/api/users', { method: 'POST', body: input }),
    onSuccess: useRefresh(),
  })

export const useChangeUser = (id: number) =>
  useMutation({
    mutationFn: ({ input, ifMatch }: { input: UserPatchInput; ifMatch?: string }) =>
      api<UserRow>(`/api/users/${id}`, { method: 'PATCH', body: input, ifMatch }),
    onSuccess: useRefresh(),
  })

/** The list is read again by the page that one goes to: the user's own page is gone. */
export const removeUser = (id: number): Promise<unknown> => api(`/api/users/${id}`, { method: 'DELETE' })

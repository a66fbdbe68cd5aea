import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { MemberRow } from '../../../management/members.ts'
import { api } from '../../api/http.ts'
import { type Role, sessionQuery } from '../../api/session.ts'
import { usersQuery } from '../users/api.ts'

export type { MemberRow }

export const membersQuery = (project: number) =>
  queryOptions({
    queryKey: ['members', project],
    queryFn: async () => (await api<{ items: MemberRow[] }>(`/api/projects/${project}/members`)).items,
  })

const pathOf = (project: number, username: string) => `/api/projects/${project}/members/${encodeURIComponent(username)}`

/** Roles are told of users, too, and of whoever is signed in. */
function useMembersChanged(project: number) {
  const client = useQueryClient()
  const changed = [membersQuery(project), usersQuery, sessionQuery]
  return () => Promise.all(changed.map(({ queryKey }) => client.invalidateQueries({ queryKey })))
}

export function useSetMember(project: number) {
  return useMutation({
    mutationFn: ({ username, role }: { username: string; role: Role }) =>
      api<MemberRow>(pathOf(project, username), { method: 'PUT', body: { role } }),
    onSuccess: useMembersChanged(project),
  })
}

export function useRemoveMember(project: number) {
  return useMutation({
    mutationFn: (username: string) => api(pathOf(project, username), { method: 'DELETE' }),
    onSuccess: useMembersChanged(project),
  })
}

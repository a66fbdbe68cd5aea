import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { MemberRow } from '../../../management/members.ts'
import { api } from '../../api/http.ts'
import type { Role } from '../../api/session.ts'

export type { MemberRow }

export const membersQuery = (project: number) =>
  queryOptions({
    queryKey: ['members', project],
    queryFn: async () => (await api<{ items: MemberRow[] }>(`/api/projects/${project}/members`)).items,
  })

const pathOf = (project: number, username: string) => `/api/projects/${project}/members/${encodeURIComponent(username)}`

export function useSetMember(project: number) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ username, role }: { username: string; role: Role }) =>
      api<MemberRow>(pathOf(project, username), { method: 'PUT', body: { role } }),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(project).queryKey }),
  })
}

export function useRemoveMember(project: number) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (username: string) => api(pathOf(project, username), { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: membersQuery(project).queryKey }),
  })
}

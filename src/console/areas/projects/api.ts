import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { NewProjectInput, ProjectPatchInput } from '../../../management/projects.ts'
import { api, apiWithTag } from '../../api/http.ts'
import { type ProjectRow, projectsQuery } from '../../api/projects.ts'

/** One with its ETag, as it is when somebody begins to edit it. */
export const projectQuery = (id: number) =>
  queryOptions({
    queryKey: [...projectsQuery.queryKey, id],
    queryFn: () => apiWithTag<ProjectRow>(`/api/projects/${id}`),
    gcTime: 0,
  })

/** After a change the list is read again before the form closes, so that what is opened next is in it. */
const useRefresh = () => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: projectsQuery.queryKey })
}

export const useAddProject = () =>
  useMutation({
    mutationFn: (input: NewProjectInput) => api<ProjectRow>('/api/projects', { method: 'POST', body: input }),
    onSuccess: useRefresh(),
  })

export const useChangeProject = (id: number) =>
  useMutation({
    mutationFn: ({ input, ifMatch }: { input: ProjectPatchInput; ifMatch?: string }) =>
      api<ProjectRow>(`/api/projects/${id}`, { method: 'PATCH', body: input, ifMatch }),
    onSuccess: useRefresh(),
  })

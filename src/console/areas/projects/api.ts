import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { NewProjectInput, ProjectPatchInput } from '../../../management/projects.ts'
import { api } from '../../api/http.ts'
import { type ProjectRow, projectsQuery } from '../../api/projects.ts'

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
    mutationFn: (input: ProjectPatchInput) => api<ProjectRow>(`/api/projects/${id}`, { method: 'PATCH', body: input }),
    onSuccess: useRefresh(),
  })

/** The projects that the user sees: read once, used by every page. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { ProjectRow } from '../../management/projects.ts'
import { api, Problem } from './http.ts'

export type { ProjectRow }

export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: async () => (await api<{ items: ProjectRow[] }>('/api/projects')).items,
  staleTime: 30_000,
})

/** The project that the URL names. @throws Problem 404 it is not there, or not the user's to see */
export function useProject(): ProjectRow {
  const { project: slug } = useParams({ strict: false })
  const { data = [] } = useQuery(projectsQuery)
  const project = data.find(p => p.slug === slug)
  if (!project) throw new Problem(404, { title: 'Not Found', detail: 'No such project.' })
  return project
}

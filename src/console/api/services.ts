/** The services of a project, and the one that the URL names by its key. */
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { EndpointConfig } from '../../catalog/service-config.ts'
import type { Service, ServiceRow } from '../../management/assets.ts'
import { api, apiWithTag, Problem } from './http.ts'
import { useProject } from './projects.ts'

export type { EndpointConfig, Service, ServiceRow }

export const servicesQuery = (project: number) =>
  queryOptions({
    queryKey: ['services', project],
    queryFn: () => api<ServiceRow[]>('/api/publish/assets', { project }),
  })

/** With the ETag that a change of it has to name. */
export const serviceQuery = (project: number, id: number) =>
  queryOptions({
    queryKey: ['services', project, id],
    queryFn: () => apiWithTag<Service>(`/api/publish/assets/${id}`),
  })

/** Everything that is read of services is read again. */
export function useServicesChanged() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: ['services'] })
}

/** Takes a service that is gone out of the list at once, and has all of them read again. */
export function useForgetService() {
  const client = useQueryClient()
  const { project_id } = useProject()
  const changed = useServicesChanged()
  return (id: number) => {
    client.setQueryData(servicesQuery(project_id).queryKey, rows => rows?.filter(row => row.id !== id))
    return changed()
  }
}

/** The service that the URL names, of a page below `serviceRoute`, which has read it. @throws Problem 404 */
export function useService(): { service: Service; etag: string | undefined; row: ServiceRow } {
  const { project_id } = useProject()
  const { service: key } = useParams({ strict: false })
  const { data: rows, error } = useQuery(servicesQuery(project_id))
  const row = rows?.find(service => service.asset_key === key)
  const { data, error: problem } = useQuery({ ...serviceQuery(project_id, row?.id ?? 0), enabled: row !== undefined })
  if (!row) throw error ?? new Problem(404, { title: 'Not Found', detail: 'No such service.' })
  if (!data) throw problem ?? new Problem(404, { title: 'Not Found', detail: 'No such service.' })
  return { service: data.value, etag: data.etag, row }
}

export const endpointsOf = ({ config }: Pick<Service, 'config'>): EndpointConfig[] => config.endpoints ?? []

import { queryOptions, useMutation } from '@tanstack/react-query'
import type { EndpointConfig } from '../../../catalog/service-config.ts'
import type { NewServiceInput, ServiceInput, WholeVersion } from '../../../management/assets.ts'
import type { DatasetRow } from '../../../management/datasets.ts'
import type { ModelRow } from '../../../management/models.ts'
import type { EndpointCheck, TrialAnswer } from '../../../management/try-endpoint.ts'
import { api } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { type Service, type ServiceRow, useServicesChanged } from '../../api/services.ts'

export type { DatasetRow, EndpointCheck, ModelRow, TrialAnswer, WholeVersion }

export const datasetsQuery = (project: number) =>
  queryOptions({
    queryKey: ['services', project, 'datasets'],
    queryFn: async () => (await api<{ datasets: DatasetRow[] }>('/api/datasets', { project })).datasets,
    staleTime: 30_000,
  })

export const modelsQuery = (project: number) =>
  queryOptions({
    queryKey: ['services', project, 'models'],
    queryFn: async () => (await api<{ models: ModelRow[] }>('/api/models', { project })).models,
    staleTime: 30_000,
  })

/** A version never changes. */
export const versionQuery = (project: number, service: number, version: number) =>
  queryOptions({
    queryKey: ['services', project, service, 'versions', version],
    queryFn: () => api<WholeVersion>(`/api/publish/assets/${service}/versions/${version}`),
    staleTime: Number.POSITIVE_INFINITY,
  })

export const handlerTypesQuery = queryOptions({
  queryKey: ['handler-types'],
  queryFn: async () => (await api<{ declarations: string }>('/api/functions/types')).declarations,
  staleTime: Number.POSITIVE_INFINITY,
})

export function useAddService() {
  const { project_id } = useProject()
  return useMutation({
    mutationFn: (input: Omit<NewServiceInput, 'asset_type'>) =>
      api<Service>('/api/publish/assets', {
        method: 'POST',
        project: project_id,
        body: { asset_type: 'api_service', ...input },
      }),
    onSettled: useServicesChanged(),
  })
}

/** `ifMatch`: the ETag of the service that the change was made on. */
export const useSaveService = (id: number) =>
  useMutation({
    mutationFn: ({ ifMatch, ...body }: ServiceInput & { ifMatch?: string }) =>
      api<Service>(`/api/publish/assets/${id}`, { method: 'PUT', body, ifMatch }),
    onSettled: useServicesChanged(),
  })

/** The answer's warnings say what every call costs for want of an index. */
export const usePublish = () =>
  useMutation({
    mutationFn: ({ id, ifMatch }: { id: number; ifMatch?: string }) =>
      api<Service & { warnings: string[] }>(`/api/publish/assets/${id}/publish`, { method: 'POST', body: {}, ifMatch }),
    onSettled: useServicesChanged(),
  })

export const useUnpublish = () =>
  useMutation({
    mutationFn: (id: number) => api<Service>(`/api/publish/assets/${id}/unpublish`, { method: 'POST', body: {} }),
    onSettled: useServicesChanged(),
  })

export const useRestore = (id: number) =>
  useMutation({
    mutationFn: ({ version, ifMatch }: { version: number; ifMatch?: string }) =>
      api<Service>(`/api/publish/assets/${id}/rollback/${version}`, { method: 'POST', body: {}, ifMatch }),
    onSettled: useServicesChanged(),
  })

export const useRemoveService = () =>
  useMutation({
    mutationFn: ({ id }: Pick<ServiceRow, 'id'>) => api(`/api/publish/assets/${id}`, { method: 'DELETE' }),
    onSettled: useServicesChanged(),
  })

/**
 * Runs an endpoint as it stands in the editor.
 * @param input JSON as it is written: numbers beyond 2^53 stay what they are
 * @throws Problem as a call of it, and what does not compile
 */
export const tryEndpoint = (service: number, endpoint: EndpointConfig, input: string, signal?: AbortSignal) =>
  api<TrialAnswer>(`/api/api-services/${service}/try`, {
    method: 'POST',
    json: `{"endpoint":${JSON.stringify(endpoint)},"input":${input}}`,
    signal,
  })

/**
 * Whether an endpoint could be published among the others of the draft. Refused: a Problem, as publishing would be.
 * @param etag of the service, whose other endpoints matter
 * @param endpoint in JSON
 */
export const endpointCheckQuery = (service: number, etag: string | undefined, endpoint: string) =>
  queryOptions({
    queryKey: ['check', service, etag, endpoint],
    queryFn: ({ signal }) =>
      api<EndpointCheck>(`/api/api-services/${service}/check`, {
        method: 'POST',
        json: `{"endpoint":${endpoint}}`,
        signal,
      }),
    retry: false,
    staleTime: 30_000,
    gcTime: 60_000,
  })

import { queryOptions, useMutation } from '@tanstack/react-query'
import type { EndpointConfig } from '../../../catalog/service-config.ts'
import type { NewServiceInput, ServiceInput, WholeVersion } from '../../../management/assets.ts'
import type { EndpointCheck, TrialAnswer } from '../../../management/try-endpoint.ts'
import { exactJson } from '../../api/exact-json.ts'
import { api, apiText, apiWithTag } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { type Service, useServicesChanged } from '../../api/services.ts'

export type { EndpointCheck, WholeVersion }

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
      apiWithTag<Service>(`/api/publish/assets/${id}`, { method: 'PUT', body, ifMatch }),
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

/** Its pages are left before anything is read again: they would not be there. */
export const removeService = (id: number): Promise<unknown> => api(`/api/publish/assets/${id}`, { method: 'DELETE' })

/**
 * Runs an endpoint as it stands in the editor.
 * @param input JSON as it is written: numbers beyond 2^53 stay what they are, as those of the answer do
 * @throws Problem as a call of it, and what does not compile
 */
export async function tryEndpoint(service: number, endpoint: EndpointConfig, input: string, signal?: AbortSignal) {
  const json = `{"endpoint":${JSON.stringify(endpoint)},"input":${input}}`
  return exactJson(await apiText(`/api/api-services/${service}/try`, { method: 'POST', json, signal })) as TrialAnswer
}

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

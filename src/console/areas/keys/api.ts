import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { KeyPatchInput, KeyRow, NewKeyInput, RotationInput } from '../../../management/keys.ts'
import { api, apiWithTag, send } from '../../api/http.ts'
import type { ProjectRow } from '../../api/projects.ts'
import type { ServiceRow } from '../../api/services.ts'
import { datasetsQuery } from '../datasets/api.ts'
import { modelsQuery } from '../models/api.ts'
import { datasetsOf, type Surroundings } from './shape.ts'

export type { KeyRow, ServiceRow }

/** Whose keys: a service's, or the project's own. */
export interface KeyOwner {
  path: string
  project: ProjectRow
  service?: ServiceRow
}

/** A key in the only answer that has its secret. */
export type MintedKey = KeyRow & { key: string }

export const ownerOf = (project: ProjectRow, service?: ServiceRow): KeyOwner => ({
  path: service ? `/api/publish/assets/${service.id}/api-keys` : `/api/projects/${project.project_id}/api-keys`,
  project,
  service,
})

export const keysQuery = ({ path }: KeyOwner) =>
  queryOptions({ queryKey: ['keys', path], queryFn: () => api<KeyRow[]>(path) })

/** A key as it is now, with its tag for a change that overwrites nobody else's. */
export const readKey = ({ path }: KeyOwner, id: number) => apiWithTag<KeyRow>(`${path}/${id}`)

const useRefreshKeys = ({ path }: KeyOwner) => {
  const client = useQueryClient()
  return async () => {
    // services are listed with how many keys they have
    void client.invalidateQueries({ queryKey: ['services'] })
    await client.invalidateQueries({ queryKey: ['keys', path] })
  }
}

export const useMint = (owner: KeyOwner) =>
  useMutation({
    mutationFn: (input: NewKeyInput) => api<MintedKey>(owner.path, { method: 'POST', body: input }),
    onSuccess: useRefreshKeys(owner),
  })

export const useChangeKey = (owner: KeyOwner) =>
  useMutation({
    mutationFn: ({ id, input, ifMatch }: { id: number; input: KeyPatchInput; ifMatch?: string }) =>
      api<KeyRow>(`${owner.path}/${id}`, { method: 'PATCH', body: input, ifMatch }),
    onSuccess: useRefreshKeys(owner),
  })

export const useRotate = (owner: KeyOwner) =>
  useMutation({
    mutationFn: ({ id, ...input }: RotationInput & { id: number }) =>
      api<MintedKey>(`${owner.path}/${id}/rotate`, { method: 'POST', body: input }),
    onSuccess: useRefreshKeys(owner),
  })

export const useRevoke = (owner: KeyOwner) => {
  const refresh = useRefreshKeys(owner)
  return (id: number) => api(`${owner.path}/${id}`, { method: 'DELETE' }).then(refresh)
}

/** What a service's endpoints refer to, with a first row of each dataset; undefined while it is read, or where that failed. */
export function useSurroundings(
  project: number,
  services: ServiceRow[] | undefined,
): { around: Surroundings | undefined; error: Error | null } {
  const { data: datasets, error } = useQuery(datasetsQuery(project))
  const { data: models, error: problem } = useQuery(modelsQuery(project))
  const endpoints = (services ?? []).flatMap(service => service.config.endpoints ?? [])
  const names = [...new Set(endpoints.flatMap(datasetsOf))].sort()
  const { data: samples, isPending } = useQuery({
    queryKey: ['datasets', project, 'first rows', names],
    queryFn: () => firstRows(project, names),
    enabled: services?.length === 1 && names.length > 0,
    staleTime: 60_000,
  })
  const waiting = services?.length === 1 && names.length > 0 && isPending
  return { around: datasets && models && !waiting ? { datasets, models, samples } : undefined, error: error ?? problem }
}

/** Of what cannot be read now there is none. */
async function firstRows(
  project: number,
  names: string[],
): Promise<Record<string, Record<string, unknown> | undefined>> {
  const read = async (name: string) => {
    const path = `/api/datasets/${encodeURIComponent(name)}/preview?limit=1`
    const { rows } = await api<{ rows: Record<string, unknown>[] }>(path, { project }).catch(() => ({ rows: [] }))
    return [name, rows[0]] as const
  }
  return Object.fromEntries(await Promise.all(names.map(read)))
}

/** What a dry-run came to. */
export interface TestResult {
  status: number
  milliseconds: number
  type: string
  text: string
  log: string[]
}

/**
 * Runs an endpoint of the draft.
 * @param as `raw`, `public`, or a key's id
 * @throws ConnectionLost
 */
export async function runTest(
  service: number,
  endpoint: string,
  { as, json, query = '' }: { as: string; json: string; query?: string },
): Promise<TestResult> {
  const path = `/api/api-services/${service}/endpoints/${encodeURIComponent(endpoint)}/test`
  const begun = performance.now()
  const response = await send(query ? `${path}?${query}` : path, { method: 'POST', json, headers: { 'x-test-as': as } })
  const text = await response.text()
  const log = response.headers.get('x-function-log')
  return {
    status: response.status,
    milliseconds: performance.now() - begun,
    type: response.headers.get('content-type') ?? '',
    text,
    log: log ? (JSON.parse(log) as string[]) : logIn(response.status, text),
  }
}

/** A function that failed has its log in the problem. */
function logIn(status: number, text: string): string[] {
  if (status < 400) return []
  try {
    const { log } = JSON.parse(text) as { log?: unknown }
    return Array.isArray(log) ? log.map(String) : []
  } catch {
    return []
  }
}

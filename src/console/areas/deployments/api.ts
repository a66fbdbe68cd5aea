import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import type { DeclarableKind, DeploymentAction, DeploymentRow } from '../../../management/deployments.ts'
import { api, apiText, apiWithTag, Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import type { UsageReport } from '../../api/usage.ts'
import type { Definition } from './definition.ts'

export type { DeclarableKind, DeploymentAction, DeploymentRow }
export type Kind = DeclarableKind['kind']
export type Replica = DeploymentRow['replicas'][number]

/** The API's words, and `stopping`: stopped, with processes that are not gone yet. */
export type State = DeploymentRow['status'] | 'stopping'

export const stateOf = ({ status, replicas }: Pick<DeploymentRow, 'status' | 'replicas'>): State =>
  status === 'stopped' && replicas.length > 0 ? 'stopping' : status

/** Looked at more often while something is under way. Nothing is asked for in a tab that is hidden. */
const lookEvery = (rows: DeploymentRow[], busyMs: number, calmMs: number) => (rows.some(isBusy) ? busyMs : calmMs)

const BUSY = new Set<State>(['starting', 'updating', 'failing', 'stopping'])
const isBusy = (row: DeploymentRow) => BUSY.has(stateOf(row)) || row.replicas.some(({ part }) => part === 'ending')

const pathOf = (project: number, name?: string) =>
  `/api/projects/${project}/deployments${name === undefined ? '' : `/${encodeURIComponent(name)}`}`

export const logPath = (project: number, name: string) => `${pathOf(project, name)}/logs`

export const deploymentsQuery = (project: number) =>
  queryOptions({
    queryKey: ['deployments', project],
    queryFn: ({ signal }) => api<{ items: DeploymentRow[]; kinds: DeclarableKind[] }>(pathOf(project), { signal }),
    refetchInterval: ({ state }) => lookEvery(state.data?.items ?? [], 2000, 10_000),
  })

/** With the ETag that a change of it has to name. */
export const deploymentQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: ['deployments', project, name],
    queryFn: ({ signal }) => apiWithTag<DeploymentRow>(pathOf(project, name), { signal }),
    refetchInterval: ({ state }) => lookEvery(state.data ? [state.data.value] : [], 1000, 5000),
  })

/** The deployment that the URL names. @throws Problem 404 on a page of one */
export function useDeployment(): { deployment: DeploymentRow; etag: string | undefined } {
  const { project_id } = useProject()
  const { deployment: name = '' } = useParams({ strict: false })
  const { data, error } = useQuery(deploymentQuery(project_id, name))
  if (!data) throw error ?? new Problem(404, { title: 'Not Found', detail: 'No such deployment.' })
  return { deployment: data.value, etag: data.etag }
}

/** Why a kind is not for whoever is signed in to declare and change, in the server's words; null where it is. */
export function useRefusal(kind: Kind | null): string | null | undefined {
  const { project_id } = useProject()
  const { data } = useQuery(deploymentsQuery(project_id))
  return data?.kinds.find(entry => entry.kind === kind)?.refusal
}

/** What its program wrote last. */
export const lastLinesQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: ['deployments', project, name, 'last lines'],
    queryFn: ({ signal }) => apiText(`${logPath(project, name)}?lines=8`, { signal }),
    refetchInterval: 2000,
  })

/** The last 24 hours, hour by hour. */
export const usageQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: ['usage', project, 'deployment', name],
    queryFn: ({ signal }) =>
      api<UsageReport>(`/api/usage?${new URLSearchParams({ deployment: name, step: 'hour' })}`, { project, signal }),
    refetchInterval: 30_000,
  })

function useDeploymentsChanged() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: ['deployments'] })
}

export function useAddDeployment() {
  const { project_id } = useProject()
  return useMutation({
    mutationFn: ({ name, definition }: { name: string; definition: Definition }) =>
      api<DeploymentRow>(pathOf(project_id), { method: 'POST', body: { ...definition, name } }),
    onSuccess: useDeploymentsChanged(),
  })
}

/** `ifMatch`: the ETag of what the change was made on. */
export function useChangeDeployment(name: string) {
  const { project_id } = useProject()
  return useMutation({
    mutationFn: ({ patch, ifMatch }: { patch: Record<string, unknown>; ifMatch?: string }) =>
      apiWithTag<DeploymentRow>(pathOf(project_id, name), { method: 'PATCH', body: patch, ifMatch }),
    onSettled: useDeploymentsChanged(),
  })
}

export function useAct(name: string) {
  const { project_id } = useProject()
  return useMutation({
    mutationFn: (action: DeploymentAction) =>
      api<DeploymentRow>(`${pathOf(project_id, name)}/${action}`, { method: 'POST', body: {} }),
    onSettled: useDeploymentsChanged(),
  })
}

export function useDeleteDeployment(name: string) {
  const client = useQueryClient()
  const { project_id } = useProject()
  return async () => {
    await api(pathOf(project_id, name), { method: 'DELETE' })
    await client.invalidateQueries({ queryKey: ['deployments', project_id], exact: true })
  }
}

import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams, useSearch } from '@tanstack/react-router'
import type { ModelRow, ModelVersionRow } from '../../../management/models.ts'
import { api, apiText, apiWithTag, Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { upload } from '../../api/upload.ts'
import type { Sending } from '../../api/upload-queue.ts'

export type { ModelRow, ModelVersionRow }
export type FeatureRow = ModelRow['features'][number]
export type TensorRow = ModelRow['inputs'][number]

const AREA = 'models'

/** One row a name: its active version. */
export const modelsQuery = (project: number) =>
  queryOptions({
    queryKey: [AREA, project],
    queryFn: async ({ signal }) => (await api<{ models: ModelRow[] }>('/api/models', { project, signal })).models,
  })

/** The active version of a name. @throws Problem 404 */
export const modelQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: [AREA, project, name],
    queryFn: async ({ signal }) => {
      const path = `/api/models?${new URLSearchParams({ name })}`
      const [found] = (await api<{ models: ModelRow[] }>(path, { project, signal })).models
      if (!found) throw new Problem(404, { title: 'Not Found', detail: 'No such model.' })
      return found
    },
  })

/** One version, with its ETag. */
const versionQuery = (project: number, name: string, modelId: number) =>
  queryOptions({
    queryKey: [AREA, project, name, modelId],
    queryFn: ({ signal }) => apiWithTag<ModelRow>(`/api/models/${modelId}`, { project, signal }),
  })

/** The model of the URL, which the page around has read: its active version. */
export function useModel(): ModelRow {
  const project = useProject()
  const { model: name = '' } = useParams({ strict: false })
  const { data } = useQuery(modelQuery(project.project_id, name))
  if (!data) throw new Problem(404, { title: 'Not Found', detail: 'No such model.' })
  return data
}

/** The version that the URL names, else the active one; undefined while it is read. */
export function useShownVersion(): { shown: ModelRow | undefined; error: unknown } {
  const project = useProject()
  const model = useModel()
  const { version } = useSearch({ strict: false }) as { version?: number }
  const wanted = model.versions.find(v => v.version === version) ?? model
  const { data, error } = useQuery({
    ...versionQuery(project.project_id, model.name, wanted.model_id),
    enabled: wanted.model_id !== model.model_id,
  })
  return { shown: wanted.model_id === model.model_id ? model : data?.value, error }
}

const useRefresh = (project: number) => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: [AREA, project] })
}

/** What changes or deletes a version is held to what was shown of it: its ETag is read with `read`. */
export function useVersionActions(project: number, name: string) {
  const client = useQueryClient()
  const refresh = useRefresh(project)
  const changed = async (path: string, method: 'POST' | 'DELETE', etag: string | undefined) => {
    try {
      await api(path, { method, project, ifMatch: etag })
    } finally {
      await refresh()
    }
  }
  return {
    /** the version as it is now, with its ETag, for a question about it */
    read: (modelId: number) => client.fetchQuery({ ...versionQuery(project, name, modelId), staleTime: 0 }),
    activate: (modelId: number, etag?: string) => changed(`/api/models/${modelId}/activate`, 'POST', etag),
    removeVersion: (modelId: number, etag?: string) => changed(`/api/models/${modelId}`, 'DELETE', etag),
  }
}

export function useDeleteModel(project: number, name: string) {
  const client = useQueryClient()
  return async (modelId: number) => {
    await api(`/api/models/${modelId}?versions=all`, { method: 'DELETE', project })
    client.removeQueries({ queryKey: [AREA, project, name] })
    await client.invalidateQueries({ queryKey: [AREA, project], exact: true })
  }
}

/** @param json the body as it is written. The answer's text, and how long it took here. */
export const useTry = (project: number) =>
  useMutation({
    mutationFn: async ({ modelId, json }: { modelId: number; json: string }) => {
      const began = performance.now()
      const text = await apiText(`/api/models/${modelId}/test`, { method: 'POST', json, project })
      return { text, milliseconds: Math.round(performance.now() - began) }
    },
  })

export interface UploadFields {
  name: string
  /** empty: the next one */
  version: string
  /** names separated by commas */
  features: string
}

export function useUploadModel(project: number) {
  const refresh = useRefresh(project)
  return async ({ file, fields, onProgress, signal }: Sending<UploadFields>): Promise<ModelRow> => {
    const sent: Record<string, string> = { name: fields.name.trim() }
    if (fields.version.trim()) sent.version = fields.version.trim()
    const features = fields.features
      .split(/[,\n]/)
      .map(name => name.trim())
      .filter(Boolean)
    if (features.length > 0) sent.features = JSON.stringify(features)
    const row = await upload<ModelRow>('/api/models', { fields: sent, file, project, onProgress, signal })
    await refresh()
    return row
  }
}

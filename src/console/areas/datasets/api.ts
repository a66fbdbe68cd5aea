import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { DatasetProfile, RowsPage } from '../../../management/dataset-rows.ts'
import type { DatasetPatchInput, DatasetRow } from '../../../management/datasets.ts'
import type { ImportProgress } from '../../../management/import-progress.ts'
import { api, apiWithTag, isMeanwhile, Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { upload } from '../../api/upload.ts'
import type { Sending } from '../../api/upload-queue.ts'

export type { DatasetRow }
export type ColumnRow = DatasetRow['columns'][number]

const AREA = 'datasets'
const pathOf = (name: string) => `/api/datasets/${encodeURIComponent(name)}`

export const datasetsQuery = (project: number) =>
  queryOptions({
    queryKey: [AREA, project],
    queryFn: async ({ signal }) =>
      (await api<{ datasets: DatasetRow[] }>('/api/datasets', { project, signal })).datasets,
  })

/** With its ETag. */
export const datasetQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: [AREA, project, name],
    queryFn: ({ signal }) => apiWithTag<DatasetRow>(pathOf(name), { project, signal }),
  })

export const PAGE_SIZE = 500

/** A page of rows, from 1. @param everything raw, for editors; else as a viewer sees them */
export const rowsQuery = (project: number, name: string, page: number, everything: boolean) =>
  queryOptions({
    queryKey: [AREA, project, name, 'rows', everything, page],
    queryFn: ({ signal }) => {
      const query = new URLSearchParams({ page: String(page), page_size: String(PAGE_SIZE) })
      if (!everything) query.set('as', 'viewer')
      return api<RowsPage>(`${pathOf(name)}/explore?${query}`, { project, signal })
    },
  })

export const profileQuery = (project: number, name: string) =>
  queryOptions({
    queryKey: [AREA, project, name, 'profile'],
    queryFn: ({ signal }) => api<DatasetProfile>(`${pathOf(name)}/profile`, { project, signal }),
    staleTime: 60_000,
  })

/** The dataset of the URL, which the page around has read. */
export function useDataset(): { dataset: DatasetRow; etag: string | undefined } {
  const project = useProject()
  const { dataset: name = '' } = useParams({ strict: false })
  const { data } = useQuery(datasetQuery(project.project_id, name))
  if (!data) throw new Problem(404, { title: 'Not Found', detail: 'No such dataset.' })
  return { dataset: data.value, etag: data.etag }
}

/**
 * The dataset with its ETag as it was when editing began, which a save must find: a page reads the dataset anew by itself, and
 * what somebody else changed of the same must be told of first. Where they changed something else, the newer one takes its place.
 * @param isOther whether what is edited here differs between the two
 * @param refusal of the last save: where that was somebody else's change, it has shown it, and the next save is of what is there now
 */
export function useBase(
  dataset: DatasetRow,
  etag: string | undefined,
  isOther: (before: DatasetRow, now: DatasetRow) => boolean,
  refusal: unknown,
): string | undefined {
  const [base, setBase] = useState({ dataset, etag })
  if (etag !== base.etag && !isOther(base.dataset, dataset)) setBase({ dataset, etag })
  return isMeanwhile(refusal) ? etag : base.etag
}

const useRefresh = (project: number) => {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: [AREA, project] })
}

export const useChangeDataset = (project: number, name: string) =>
  useMutation({
    mutationFn: ({ patch, etag }: { patch: DatasetPatchInput; etag: string | undefined }) =>
      api<DatasetRow>(pathOf(name), { method: 'PATCH', body: patch, project, ifMatch: etag }),
    // also after a refusal: somebody else may have changed it
    onSettled: useRefresh(project),
  })

export const useReadAgain = (project: number, name: string) =>
  useMutation({
    mutationFn: () => api<{ refreshed: boolean }>(`${pathOf(name)}/refresh`, { method: 'POST', project }),
    onSettled: useRefresh(project),
  })

export function useDeleteDataset(project: number, name: string) {
  const client = useQueryClient()
  return async () => {
    await api(pathOf(name), { method: 'DELETE', project })
    client.removeQueries({ queryKey: [AREA, project, name] })
    await client.invalidateQueries({ queryKey: datasetsQuery(project).queryKey, exact: true })
  }
}

export interface NewInPlace {
  name: string
  engine: 'duckdb' | 'postgres'
  from?: string
  connection?: string
  table?: string
  primary_key?: string[]
}

export const useAddInPlace = (project: number) =>
  useMutation({
    mutationFn: (body: NewInPlace) => api<DatasetRow>('/api/datasets', { method: 'POST', body, project }),
    onSuccess: useRefresh(project),
  })

export const connectionNamesQuery = queryOptions({
  queryKey: ['connections', 'names'],
  queryFn: async () =>
    (await api<{ connections: { name: string }[] }>('/api/connections')).connections.map(({ name }) => name),
})

export interface UploadFields {
  name: string
  /** column names separated by commas */
  primaryKey: string
  /** a line each */
  indexes: string
  replace: boolean
  force: boolean
}

/** Those that a dataset has, as fields. */
export const keyAndIndexesOf = (dataset: DatasetRow | undefined): Pick<UploadFields, 'primaryKey' | 'indexes'> => ({
  primaryKey: dataset?.primary_key?.join(', ') ?? '',
  indexes: dataset?.indexes.map(index => index.join(', ')).join('\n') ?? '',
})

export function useUploadDataset(project: number) {
  const refresh = useRefresh(project)
  return async ({ id, file, fields, onProgress, signal }: Sending<UploadFields>): Promise<DatasetRow> => {
    const primaryKey = namesIn(fields.primaryKey)
    const indexes = fields.indexes
      .split('\n')
      .map(namesIn)
      .filter(({ length }) => length > 0)
    const sent: Record<string, string> = { name: fields.name.trim(), upload_id: id }
    if (primaryKey.length > 0 || fields.replace) sent.primary_key = JSON.stringify(primaryKey)
    if (indexes.length > 0 || fields.replace) sent.indexes = JSON.stringify(indexes)
    if (fields.replace) sent.replace = 'true'
    if (fields.force) sent.force = 'true'
    const row = await upload<DatasetRow>('/api/datasets/file/upload', {
      fields: sent,
      file,
      project,
      onProgress,
      signal,
    })
    await refresh()
    return row
  }
}

export const namesIn = (text: string): string[] =>
  text
    .split(',')
    .map(name => name.trim())
    .filter(Boolean)

/** How far the server is with an upload that it has received; null: it does not say. */
export const importProgressQuery = (uploadId: string, watched: boolean) =>
  queryOptions({
    queryKey: ['import', uploadId],
    queryFn: ({ signal }) =>
      api<ImportProgress>(`/api/datasets/file/upload/${uploadId}`, { signal }).catch((error: unknown) => {
        if (error instanceof Problem && error.status === 404) return null
        throw error
      }),
    enabled: watched,
    refetchInterval: watched ? 500 : false,
  })

import type { ColumnType } from '../../catalog/column.ts'
import type { Origin } from '../../catalog/datasets.ts'
import { type DatasetSource, sourceFrom } from '../sources.ts'
import type { ManifestDataset } from './schema.ts'

/** What a manifest says of where a dataset's rows come from. @throws Fault 422 what does not go with its engine */
export function sourceOf(dataset: ManifestDataset): DatasetSource {
  const declared = Object.entries(dataset.columns ?? {}).flatMap(([name, c]) =>
    c.type ? [[name, c.type] as const] : [],
  )
  return sourceFrom({ ...dataset, types: Object.fromEntries(declared) as Record<string, ColumnType> })
}

/** The file that a manifest imports a dataset from, and how. */
export function originOf(dataset: ManifestDataset): Origin {
  const { engine: _, ...origin } = sourceOf(dataset) as Extract<DatasetSource, { engine: 'sqlite' }>
  return origin
}

import type { DeclaredType } from '../../catalog/column.ts'
import type { Origin } from '../../catalog/datasets.ts'
import type { EmptyTable } from '../live-tables.ts'
import { type DatasetSource, sourceFrom } from '../sources.ts'
import type { ManifestDataset } from './schema.ts'

/** What a manifest says of where a dataset's rows come from. @throws Fault 422 what does not go with its engine */
export const sourceOf = (dataset: ManifestDataset): DatasetSource => sourceFrom({ ...dataset, types: typesOf(dataset) })

export const typesOf = ({ columns = {} }: ManifestDataset): Record<string, DeclaredType> =>
  Object.fromEntries(Object.entries(columns).flatMap(([name, { type }]) => (type ? [[name, type]] : [])))

/** The file that a manifest imports a dataset from, and how. */
export function originOf(dataset: ManifestDataset): Origin {
  const { engine: _, ...origin } = sourceOf(dataset) as Extract<DatasetSource, { engine: 'sqlite' }>
  return origin
}

/** A table that begins without rows: one of the embedded store without a file. */
export function emptyOf({ engine = 'sqlite', from, ...dataset }: ManifestDataset): EmptyTable | undefined {
  if (engine !== 'sqlite' || from !== undefined) return undefined
  return {
    columns: dataset.columns as EmptyTable['columns'],
    primaryKey: dataset.primary_key === undefined ? undefined : [dataset.primary_key].flat(),
    indexes: dataset.indexes,
  }
}

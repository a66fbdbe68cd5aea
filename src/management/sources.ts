/** What a manifest, the API or a refresh says of where a dataset's rows come from, and the generation that this makes. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ColumnType } from '../catalog/column.ts'
import type { Dataset, Generation } from '../catalog/datasets.ts'
import { findFiles } from '../query/engines/duckdb/files.ts'
import { describeInPlace } from '../query/engines/duckdb/start.ts'
import type { ManagementContext } from './context.ts'
import { describing, type Progress, stageTable, type TableSource, tableHash } from './intake.ts'

/** Files that DuckDB reads in place. */
export interface FilesSource {
  engine: 'duckdb'
  /** absolute: a file, a folder or a pattern */
  path: string
  primaryKey?: string[]
  types?: Record<string, ColumnType>
}

export type DatasetSource = ({ engine: 'sqlite' } & TableSource) | FilesSource

/**
 * Imports a file, or looks at what stays where it is: a generation that is nobody's yet.
 * @throws Fault 422 what is wrong with it; the signal's reason
 */
export function stageSource(
  context: ManagementContext,
  source: DatasetSource,
  onProgress?: Progress,
  signal?: AbortSignal,
): Promise<Generation> {
  return source.engine === 'sqlite'
    ? importTable(context, source, onProgress, signal)
    : describing.run(() => lookAtFiles(context, source, onProgress, signal), signal)
}

async function importTable(
  context: ManagementContext,
  { engine: _, ...source }: { engine: 'sqlite' } & TableSource,
  onProgress?: Progress,
  signal?: AbortSignal,
): Promise<Generation> {
  return { ...(await stageTable(context, source, onProgress, signal)), origin: source }
}

async function lookAtFiles(
  context: ManagementContext,
  { path, primaryKey, types }: FilesSource,
  onProgress?: Progress,
  signal?: AbortSignal,
): Promise<Generation> {
  const request = { path, primaryKey: primaryKey ?? null, types: types ?? {}, propose: true }
  const { columns, location, rowCount, version } = await describeInPlace(request, context.uploadsDir, signal)
  onProgress?.({ rows: rowCount, fraction: 1, phase: 'finishing' })
  return {
    engine: 'duckdb',
    file: '',
    location,
    columns,
    primaryKey: primaryKey ?? null,
    indexes: [],
    rowCount,
    source: basename(path),
    sourceHash: version,
    origin: { path, primaryKey, types },
  }
}

/** Whether a dataset is what this source would make it: nothing to stage. @throws Fault 422 the files cannot be found */
export async function isUnchanged(context: ManagementContext, known: Dataset, source: DatasetSource): Promise<boolean> {
  if (known.engine !== source.engine) return false
  if (source.engine === 'sqlite') {
    const { warehouseDir } = context.publisher.registry.runtime
    return existsSync(join(warehouseDir, known.file)) && known.sourceHash === (await tableHash(source))
  }
  const { path, primaryKey, types } = source
  const asBefore = JSON.stringify({ path, primaryKey, types }) === JSON.stringify(known.origin)
  return asBefore && known.sourceHash === findFiles(path).version
}

/** The source of a dataset, to be read again; undefined: its file is gone after the import (an upload). */
export function sourceOfDataset({ engine, origin }: Dataset): DatasetSource | undefined {
  if (engine === 'sqlite') return origin ? { engine, ...origin } : undefined
  if (engine === 'duckdb') return { engine, path: origin!.path, primaryKey: origin!.primaryKey, types: origin!.types }
  return undefined
}

/** What a manifest, the API or a refresh says of where a dataset's rows come from, and the generation that this makes. */
import { existsSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import type { DeclaredType } from '../catalog/column.ts'
import { findConnection, urlOf } from '../catalog/connections.ts'
import type { Dataset, EngineName, Generation, TableLocation } from '../catalog/datasets.ts'
import { unprocessable } from '../lib/fault.ts'
import type { OnProgress } from '../lib/progress.ts'
import { shown } from '../lib/text.ts'
import { isReadable } from '../query/damage.ts'
import { describeInPlace } from '../query/engines/duckdb/start.ts'
import type { PostgresConnection } from '../query/engines/postgres/connection.ts'
import { describeTable } from '../query/engines/postgres/describe.ts'
import { isLive } from '../query/live-file.ts'
import type { ManagementContext } from './context.ts'
import { describing, sourceHash, stageTable, type TableSource } from './intake.ts'

/** Files that DuckDB reads in place. */
interface FilesSource {
  engine: 'duckdb'
  /** absolute: a file, a folder or a pattern */
  path: string
  primaryKey?: string[]
  types?: Record<string, DeclaredType>
}

/** A table or view of a connection's database. */
interface DatabaseSource extends TableLocation {
  engine: 'postgres'
}

export type DatasetSource = ({ engine: 'sqlite' } & TableSource) | FilesSource | DatabaseSource

/** As a person gives it; paths are absolute. */
interface GivenSource {
  engine?: EngineName
  from?: string
  connection?: string
  table?: string
  primary_key?: string | string[]
  choose_key?: boolean
  indexes?: string[][]
  types?: Record<string, DeclaredType>
}

/** @throws Fault 422 what is missing for the engine, or does not go with it */
export function sourceFrom(given: GivenSource): DatasetSource {
  const { engine = 'sqlite', from, connection, table, primary_key, choose_key, indexes, types } = given
  const primaryKey = primary_key === undefined ? undefined : [primary_key].flat()
  const refuse = (fields: Partial<GivenSource>, engines: string) => {
    for (const [field, value] of Object.entries(fields))
      if (value !== undefined) throw unprocessable(`${field} goes with engine ${engines}.`)
  }
  if (engine !== 'sqlite') refuse({ indexes, choose_key }, 'sqlite')
  if (engine === 'postgres') {
    refuse({ from }, 'sqlite or duckdb')
    if (Object.keys(types ?? {}).length > 0)
      throw unprocessable('the columns of a database table have the types that the database gives; leave out type.')
    if (connection === undefined) throw unprocessable('connection is missing.')
    const dot = table?.indexOf('.') ?? -1
    if (table === undefined || dot < 1 || dot === table.length - 1) throw unprocessable('table must be schema.table.')
    return { engine, connection, schema: table.slice(0, dot), table: table.slice(dot + 1), key: primaryKey }
  }
  refuse({ connection, table }, 'postgres')
  if (from === undefined) throw unprocessable('from is missing.')
  if (!isAbsolute(from)) throw unprocessable('from must be an absolute path on the server.')
  if (engine === 'duckdb') return { engine, path: from, primaryKey, types }
  return { engine, path: from, primaryKey, chooseKey: choose_key, indexes, types }
}

/** By name; the catalog's, or those that a manifest is about to declare. */
export type ConnectionOf = (name: string) => PostgresConnection

/** @throws Fault 422 there is none of the name, or its secret is not where it should be */
export const catalogConnections =
  (context: ManagementContext): ConnectionOf =>
  name => {
    const connection = findConnection(context.db, name)
    if (!connection) throw unprocessable(`There is no connection ${shown(name)}.`)
    urlOf(connection)
    return context.connections.get(name)
  }

/**
 * Imports a file, or looks at what stays where it is: a generation that is nobody's yet.
 * @throws Fault 422 what is wrong with it; 503 its database cannot be reached; the signal's reason
 */
export function stageSource(
  context: ManagementContext,
  source: DatasetSource,
  connectionOf: ConnectionOf,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<Generation> {
  switch (source.engine) {
    case 'sqlite':
      return importTable(context, source, onProgress, signal)
    case 'duckdb':
      return describing.run(() => lookAtFiles(context, source, onProgress, signal), signal)
    case 'postgres':
      return lookAtTable(context, source, connectionOf, onProgress, signal)
  }
}

async function importTable(
  context: ManagementContext,
  { engine: _, ...source }: { engine: 'sqlite' } & TableSource,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<Generation> {
  return { ...(await stageTable(context, source, onProgress, signal)), origin: source }
}

async function lookAtFiles(
  context: ManagementContext,
  { path, primaryKey, types }: FilesSource,
  onProgress?: OnProgress,
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

async function lookAtTable(
  context: ManagementContext,
  { engine, ...location }: DatabaseSource,
  connectionOf: ConnectionOf,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<Generation> {
  const { connection, schema, table, key } = location
  const limits = { deadline: performance.now() + context.config.requestTimeout, signal }
  const described = await describeTable(connectionOf(connection), { schema, table }, key, limits)
  onProgress?.({ rows: described.rowCount, fraction: 1, phase: 'finishing' })
  return { engine, file: '', location, ...described, source: `${schema}.${table}`, sourceHash: null }
}

/** Whether a dataset is what this source would make it: nothing to stage. @throws Fault 422 the files cannot be found; 503 no answer */
export async function isUnchanged(context: ManagementContext, known: Dataset, source: DatasetSource): Promise<boolean> {
  if (known.engine !== source.engine) return false
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)
  switch (source.engine) {
    case 'sqlite': {
      const { warehouseDir, queries } = context.publisher.registry.runtime
      const file = join(warehouseDir, known.file)
      // what was written to a damaged one may still be saved: it is replaced only by who says so
      const isThere = isLive(file) ? existsSync(file) : isReadable(file)
      return isThere && known.sourceHash === sourceHash(source, await queries.looks.sha256(source.path))
    }
    case 'duckdb': {
      const { path, primaryKey, types } = source
      const { looks } = context.publisher.registry.runtime.queries
      return same({ path, primaryKey, types }, known.origin) && known.sourceHash === (await looks.version(path))
    }
    case 'postgres': {
      // what the table is now, only a refresh asks
      const { engine: _, ...location } = source
      return same(location, known.location)
    }
  }
}

/** The source of a dataset, to be read again; undefined: its file is gone after the import (an upload). */
export function sourceOfDataset({ engine, origin, location }: Dataset): DatasetSource | undefined {
  switch (engine) {
    case 'sqlite':
      return origin ? { engine, ...origin } : undefined
    case 'duckdb':
      return { engine, path: origin!.path, primaryKey: origin!.primaryKey, types: origin!.types }
    case 'postgres':
      return { engine, ...(location as TableLocation) }
  }
}

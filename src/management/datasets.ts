import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { COLUMN_TYPES, type DeclaredType, MASKS, SENSITIVITIES } from '../catalog/column.ts'
import {
  type ColumnPolicy,
  type Dataset,
  deleteDataset,
  findDataset,
  getDataset,
  type Location,
  listDatasets,
  putGeneration,
  setColumnPolicy,
  setDescription,
  setNullable,
} from '../catalog/datasets.ts'
import type { Role } from '../catalog/projects.ts'
import { RefreshRule, setRefresh } from '../catalog/refresh.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { closed, Description, literals } from '../lib/shape.ts'
import { shown as shownName } from '../lib/text.ts'
import { withCompanions } from '../query/live-file.ts'
import {
  change,
  jsonBody,
  type ManagementContext,
  needAdmin,
  projectFor,
  projectsInScope,
  type SignedIn,
} from './context.ts'
import { refuseReplaced, rowsNow, turning } from './live-tables.ts'
import { checkMatch, json, list, single } from './respond.ts'
import { type Use, usesIn } from './uses.ts'

export const MaskOrNone = Type.Union([...MASKS.map(m => Type.Literal(m)), Type.Null()])
/** What is said of a column: its policy; and of a dataset that is written to, whether values may be missing. */
export const columnFields = {
  sensitivity: Type.Optional(literals(SENSITIVITIES)),
  mask: Type.Optional(MaskOrNone),
  nullable: Type.Optional(Type.Boolean()),
}
export const Policy = Type.Record(Type.String(), Type.Object(columnFields, closed))
const DatasetPatch = Type.Object(
  {
    columns: Type.Optional(Policy),
    description: Type.Optional(Description),
    writable: Type.Optional(Type.Boolean()),
    refresh: Type.Optional(RefreshRule),
  },
  closed,
)
export type DatasetPatchInput = Static<typeof DatasetPatch>
/** A column's type as it is declared. */
export const TypeName = Type.Unsafe<DeclaredType>(
  Type.String({
    pattern: `^(${COLUMN_TYPES.join('|')}|decimal\\(\\d{1,2}, ?\\d{1,2}\\))$`,
    error: `must be one of ${COLUMN_TYPES.join(', ')}, or decimal(digits,behind the point).`,
  }),
)

/** A dataset by name, in the project in scope; without one, where only one project has it. @throws Fault 404, 403, 422 */
export function datasetFor(
  context: ManagementContext,
  who: SignedIn,
  request: Request,
  name: string,
  need: Role,
): Dataset {
  const found = projectsInScope(context, who, request).flatMap(p => findDataset(context.db, p.id, name) ?? [])
  if (found.length > 1) throw unprocessable('Several projects have a dataset of this name: send X-Project-Id.')
  if (!found[0]) throw notFound('No such dataset.')
  projectFor(context, who, found[0].projectId, need)
  return found[0]
}

/** `search`: what a dataset's name or description must contain, in any case. */
export function datasets(context: ManagementContext, request: Request, who: SignedIn): Response {
  const search = (new URL(request.url).searchParams.get('search') ?? '').toLowerCase()
  const rows = projectsInScope(context, who, request).flatMap(({ id }): DatasetRow[] => {
    const uses = usesIn(context.db, id)
    return listDatasets(context.db, id)
      .filter(({ name, description }) => `${name}\n${description}`.toLowerCase().includes(search))
      .map(d => ({ ...datasetRow(d), ...stateOf(context, d), used_by: uses.dataset(d.name) }))
  })
  return list(request, rows, rows => ({ datasets: rows }))
}

/** With `used_by`, as in the list: what refers to it. */
export function oneDataset(context: ManagementContext, request: Request, who: SignedIn, name: string): Response {
  const dataset = datasetFor(context, who, request, name, 'viewer')
  return described(context, dataset, 200, { used_by: usesIn(context.db, dataset.projectId).dataset(name) })
}

/**
 * Column policy, description, when its file is read again, and whether endpoints may write; it acts at once on what is published.
 * That a database's table is written to is, as its declaration, for administrators of the installation.
 */
export async function changeDataset(context: ManagementContext, request: Request, who: SignedIn, name: string) {
  const mayEdit = () => datasetFor(context, who, request, name, 'editor')
  const { id, projectId } = mayEdit()
  const { columns, description, refresh, writable } = await jsonBody(context, request, DatasetPatch)
  const may = () => {
    const dataset = mayEdit()
    if (writable && !dataset.writable && dataset.engine === 'postgres') needAdmin(who)
    return dataset
  }
  const before = may()
  const changed = await turning(context, before, writable, generation =>
    change(context, may, (tx, now, touched) => {
      if (now.id !== id) throw conflict('This was changed since you read it; read it again.')
      checkMatch(request, datasetRow(now))
      let dataset = now
      if (generation) {
        refuseReplaced(name, before, now)
        if (JSON.stringify(now.columns) !== JSON.stringify(before.columns))
          throw conflict(`The columns of ${shownName(name)} were changed meanwhile; nothing was changed by this.`)
        dataset = putGeneration(tx, who.actor, projectId, name, generation).dataset
      }
      const policy = columns && setColumnPolicy(tx, who.actor, dataset, columns as ColumnPolicy)
      const nullable = setNullable(tx, who.actor, getDataset(tx, projectId, name), nullableOf(columns))
      if (generation || policy || nullable) touched.datasets.add(inProject(projectId, name))
      if (description !== undefined) setDescription(tx, who.actor, dataset, description)
      if (refresh !== undefined) setRefresh(tx, who.actor, dataset, refresh)
      return getDataset(tx, projectId, name)
    }),
  )
  return described(context, changed)
}

export function removeDataset(context: ManagementContext, request: Request, who: SignedIn, name: string): Response {
  const may = () => datasetFor(context, who, request, name, 'editor')
  const file = change(context, may, (tx, dataset, touched) => {
    checkMatch(request, datasetRow(dataset))
    touched.datasets.add(inProject(dataset.projectId, name)) // what is published from it would no longer compile: refused
    deleteDataset(tx, who.actor, dataset)
    return dataset.file
  })
  if (file) context.publisher.discardFile(file)
  return json({ deleted: true })
}

/** Of column policy, what is said of values that may be missing. */
export const nullableOf = (columns: Record<string, { nullable?: boolean }> = {}): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries(columns).flatMap(([name, { nullable }]) => (nullable === undefined ? [] : [[name, nullable]])),
  )

/** The table that a dataset is; where its files are is nobody's to know. */
const whereOf = (location: Location | null) =>
  location && 'connection' in location
    ? { connection: location.connection, table: `${location.schema}.${location.table}` }
    : { connection: null, table: null }

/** Where its rows come from: a `file` of the server's can be read again, an `upload` is gone. */
const originOf = ({ location, origin, source }: Dataset): 'upload' | 'file' | 'files' | 'table' | 'empty' => {
  if (location) return 'connection' in location ? 'table' : 'files'
  if (origin) return 'file'
  return source === null ? 'empty' : 'upload'
}

const datasetRow = (dataset: Dataset) => ({
  id: dataset.id,
  name: dataset.name,
  project_id: dataset.projectId,
  engine: dataset.engine,
  description: dataset.description,
  row_count: dataset.rowCount,
  writable: dataset.writable,
  generation: dataset.generation,
  primary_key: dataset.primaryKey,
  indexes: dataset.indexes,
  source: dataset.source,
  origin: originOf(dataset),
  ...whereOf(dataset.location),
  refresh: dataset.refresh,
  columns: dataset.columns.map(c => ({
    name: c.name,
    data_type: c.type,
    semantic_type: null,
    nullable: c.nullable,
    sensitivity: c.sensitivity,
    mask: c.mask ?? null,
    /** the tier and mask above are proposed by the import, and hold until somebody decides */
    proposal: c.proposal ?? null,
  })),
  created_at: dataset.createdAt,
  updated_at: dataset.updatedAt,
})

/** What came of the last time that the file was read again, asked for or by itself. */
export const refreshStateOf = ({ refreshState }: Dataset) =>
  refreshState && { at: refreshState.at, outcome: refreshState.outcome, error: refreshState.error ?? null }

/** What happens by itself. */
const stateOf = (context: ManagementContext, dataset: Dataset) => ({
  row_count: rowsNow(context, dataset),
  size_bytes: sizeOf(context, dataset),
  refresh_state: refreshStateOf(dataset),
})

/** Of the embedded store's file, its log included; null: the rows are elsewhere, or the file is missing. */
function sizeOf(context: ManagementContext, { file }: Dataset): number | null {
  const path = join(context.publisher.registry.runtime.warehouseDir, file)
  const sizes = (file ? withCompanions(path) : []).flatMap(
    each => statSync(each, { throwIfNoEntry: false })?.size ?? [],
  )
  return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0)
}

/** A dataset as the list and `GET` of one have it. */
export type DatasetRow = ReturnType<typeof datasetRow> & ReturnType<typeof stateOf> & { used_by: Use[] }

/** A dataset as it is answered; `more` and what happens by itself are no part of its ETag. */
export const described = (context: ManagementContext, dataset: Dataset, status = 200, more: object = {}) =>
  single(
    datasetRow(dataset),
    { self: `/api/datasets/${encodeURIComponent(dataset.name)}`, project: `/api/projects/${dataset.projectId}` },
    status,
    { ...stateOf(context, dataset), ...more },
  )

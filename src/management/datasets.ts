import { Type } from '@sinclair/typebox'
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
import { checkDatasetName } from '../catalog/names.ts'
import { listProjects, type Project, type Role } from '../catalog/projects.ts'
import { RefreshRule, setRefresh } from '../catalog/refresh.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { checkShape } from '../lib/shape.ts'
import { shown as shownName } from '../lib/text.ts'
import { jsonBody, type ManagementContext, projectFor, type SignedIn, scopeOf, sees } from './context.ts'
import { discardStaged, stageTable } from './intake.ts'
import { holding, refuseLoss, rowsNow, stageWritable, turning } from './live-tables.ts'
import { checkMatch, json, list, single } from './respond.ts'
import { receiveUpload } from './upload.ts'

const closed = { additionalProperties: false }
const literals = <T extends string>(values: readonly T[]) => Type.Union(values.map(v => Type.Literal(v)))

/** Column policy, as in a manifest; and of a dataset that is written to, whether values may be missing. */
export const Policy = Type.Record(
  Type.String(),
  Type.Object(
    {
      sensitivity: Type.Optional(literals(SENSITIVITIES)),
      mask: Type.Optional(Type.Union([...MASKS.map(m => Type.Literal(m)), Type.Null()])),
      nullable: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
)
const DatasetPatch = Type.Object(
  {
    columns: Type.Optional(Policy),
    description: Type.Optional(Type.String({ maxLength: 10_000 })),
    writable: Type.Optional(Type.Boolean()),
    refresh: Type.Optional(RefreshRule),
  },
  closed,
)
/** A column's type as it is declared. */
export const TypeName = Type.Unsafe<DeclaredType>(
  Type.String({
    pattern: `^(${COLUMN_TYPES.join('|')}|decimal\\(\\d{1,2}, ?\\d{1,2}\\))$`,
    error: `must be one of ${COLUMN_TYPES.join(', ')}, or decimal(digits,behind the point).`,
  }),
)
const Types = Type.Record(Type.String(), TypeName)
const Names = Type.Array(Type.String())

/** The projects that a request is about: the one in scope, or all that the user sees. */
function projectsInScope(context: ManagementContext, { user }: SignedIn, request: Request): Project[] {
  const scope = scopeOf(request)
  if (scope !== undefined) return [projectFor(context, user, scope, 'viewer')]
  return listProjects(context.db).filter(p => sees(context, user, p.id))
}

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
  projectFor(context, who.user, found[0].projectId, need)
  return found[0]
}

/** `search`: what a dataset's name or description must contain, in any case. */
export function datasets(context: ManagementContext, request: Request, who: SignedIn): Response {
  const search = (new URL(request.url).searchParams.get('search') ?? '').toLowerCase()
  const found = projectsInScope(context, who, request)
    .flatMap(p => listDatasets(context.db, p.id))
    .filter(({ name, description }) => `${name}\n${description}`.toLowerCase().includes(search))
  const rows = found.map(dataset => ({ ...datasetRow(dataset), ...stateOf(context, dataset) }))
  return list(request, rows, rows => ({ datasets: rows }))
}

export const oneDataset = (context: ManagementContext, request: Request, who: SignedIn, name: string): Response =>
  described(context, datasetFor(context, who, request, name, 'viewer'))

/** Column policy, description, when its file is read again, and whether endpoints may write; it acts at once on what is published. */
export async function changeDataset(context: ManagementContext, request: Request, who: SignedIn, name: string) {
  const before = datasetFor(context, who, request, name, 'editor')
  const { columns, description, refresh, writable } = await jsonBody(context, request, DatasetPatch)
  const { projectId } = before
  const changed = await turning(context, before, writable, generation =>
    context.publisher.change((tx, touched) => {
      let dataset = getDataset(tx, projectId, name)
      if (dataset.id !== before.id || (generation && dataset.file !== before.file))
        throw conflict('This was changed since you read it; read it again.')
      checkMatch(request, datasetRow(dataset))
      if (generation) dataset = putGeneration(tx, who.actor, projectId, name, generation).dataset
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
  const { projectId } = datasetFor(context, who, request, name, 'editor')
  const file = context.publisher.change((tx, touched) => {
    const dataset = getDataset(tx, projectId, name)
    checkMatch(request, datasetRow(dataset))
    touched.datasets.add(inProject(projectId, name)) // what is published from it would no longer compile: refused
    deleteDataset(tx, who.actor, dataset)
    return dataset.file
  })
  if (file) context.publisher.discardFile(file)
  return json({ deleted: true })
}

/**
 * `POST /api/datasets/file/upload` (honeyframe-sdk.md 1.8): multipart `file`, `name` (schema.table; default: uploads. and the
 * file's name), `friendly_name`, `description`, `replace`; and of ours, as JSON, `primary_key`, `indexes`, `types`, `columns`,
 * and `writable` and `force`.
 */
export async function uploadDataset(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const scope = scopeOf(request)
  if (scope === undefined) throw unprocessable('A dataset is uploaded into a project: send X-Project-Id.')
  const project = projectFor(context, who.user, scope, 'editor')
  return receiveUpload(context, request, async ({ path, fileName, fields }) => {
    const name = fields.name || `uploads.${fileName.replace(/\..*$/, '').replace(/[^\w$-]/g, '_')}`
    checkDatasetName(name)
    const [replace, force] = [isTrue(fields.replace), isTrue(fields.force)]
    const refuseTaken = () => {
      const existing = findDataset(context.db, project.id, name)
      if (!replace && existing)
        throw conflict(`The project has a dataset ${shownName(name)} already; send replace=true to replace its rows.`)
      refuseLoss(context, existing, force)
      return existing
    }
    const before = refuseTaken()
    const policy = fieldOf(fields, 'columns', Policy)
    const key = fieldOf(fields, 'primary_key', Type.Union([Type.String(), Names]))
    const writable = fields.writable ? isTrue(fields.writable) : (before?.writable ?? false)
    const types = fieldOf(fields, 'types', Types) as Record<string, DeclaredType> | undefined
    const primaryKey = key === undefined ? undefined : [key].flat()
    const indexes = fieldOf(fields, 'indexes', Type.Array(Names))
    const staging = stageTable(context, { path, fileName, primaryKey, indexes, types }, undefined, request.signal)
    const generation = await stageWritable(context, staging, { writable, nullable: nullableOf(policy), types })
    const change = () => {
      const { dataset, replaced } = context.publisher.change((tx, touched) => {
        if (refuseTaken()?.file !== before?.file)
          throw conflict(`${shownName(name)} was replaced while this file was read; nothing was changed by this.`)
        const put = putGeneration(tx, who.actor, project.id, name, generation)
        if (policy) setColumnPolicy(tx, who.actor, put.dataset, policy as ColumnPolicy)
        setNullable(tx, who.actor, getDataset(tx, project.id, name), nullableOf(policy))
        const description = fields.description || fields.friendly_name
        if (description) setDescription(tx, who.actor, put.dataset, description)
        touched.datasets.add(inProject(project.id, name))
        return { dataset: getDataset(tx, project.id, name), replaced: put.replaced }
      })
      if (replaced) context.publisher.discardFile(replaced)
      return described(context, dataset, 201)
    }
    try {
      return await holding(context, [before], change)
    } catch (error) {
      await discardStaged(context, generation)
      throw error
    }
  })
}

const isTrue = (field: string | undefined) => field === 'true' || field === '1'

/** Of column policy, what is said of values that may be missing. */
export const nullableOf = (columns: Record<string, { nullable?: boolean }> = {}): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries(columns).flatMap(([name, { nullable }]) => (nullable === undefined ? [] : [[name, nullable]])),
  )

/** A field that holds JSON (a plain word counts as a string). @throws Fault 422 */
function fieldOf<T extends Parameters<typeof checkShape>[0]>(fields: Record<string, string>, name: string, schema: T) {
  const text = fields[name]
  if (text === undefined || text === '') return undefined
  let value: unknown = text
  if (/^[[{"]/.test(text.trim()))
    try {
      value = JSON.parse(text)
    } catch {
      throw unprocessable(`${name} is not valid JSON.`)
    }
  checkShape(schema, value, name)
  return value as import('@sinclair/typebox').Static<T>
}

/** The table that a dataset is; where its files are is nobody's to know. */
const whereOf = (location: Location | null) =>
  location && 'connection' in location
    ? { connection: location.connection, table: `${location.schema}.${location.table}` }
    : { connection: null, table: null }

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

export type DatasetRow = ReturnType<typeof datasetRow>

/** What came of the last time that the file was read again, asked for or by itself. */
export const refreshStateOf = ({ refreshState }: Dataset) =>
  refreshState && { at: refreshState.at, outcome: refreshState.outcome, error: refreshState.error ?? null }

/** What happens by itself. */
const stateOf = (context: ManagementContext, dataset: Dataset) => ({
  row_count: rowsNow(context, dataset),
  refresh_state: refreshStateOf(dataset),
})

/** A dataset as it is answered; `more` and what happens by itself are no part of its ETag. */
export const described = (context: ManagementContext, dataset: Dataset, status = 200, more: object = {}) =>
  single(
    datasetRow(dataset),
    { self: `/api/datasets/${encodeURIComponent(dataset.name)}`, project: `/api/projects/${dataset.projectId}` },
    status,
    { ...stateOf(context, dataset), ...more },
  )

import { Type } from '@sinclair/typebox'
import { COLUMN_TYPES } from '../catalog/column.ts'
import {
  type ColumnPolicy,
  findDataset,
  getDataset,
  putGeneration,
  setColumnPolicy,
  setDescription,
} from '../catalog/datasets.ts'
import { checkDatasetName } from '../catalog/names.ts'
import { inProject } from '../endpoints/publisher.ts'
import { conflict, unprocessable } from '../lib/fault.ts'
import { shown as shownName } from '../lib/text.ts'
import { jsonBody, type ManagementContext, needAdmin, projectFor, type SignedIn, scopeOf } from './context.ts'
import { Policy, shown } from './datasets.ts'
import { catalogConnections, sourceFrom, stageSource } from './sources.ts'

const Names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })
const Elsewhere = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    engine: Type.Union([Type.Literal('duckdb'), Type.Literal('postgres')], {
      error:
        'must be duckdb or postgres; a file is imported into the embedded store by POST /api/datasets/file/upload.',
    }),
    from: Type.Optional(Type.String({ minLength: 1 })),
    connection: Type.Optional(Type.String({ minLength: 1 })),
    table: Type.Optional(Type.String({ minLength: 1 })),
    primary_key: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Names])),
    types: Type.Optional(Type.Record(Type.String(), Type.Union(COLUMN_TYPES.map(type => Type.Literal(type))))),
    columns: Type.Optional(Policy),
    description: Type.Optional(Type.String({ maxLength: 10_000 })),
    replace: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

/**
 * `POST /api/datasets`: a dataset whose rows stay where they are: files of this server that DuckDB reads (`from`), or a
 * table of a connection. For administrators of the installation: what the server can read is not an editor's to publish.
 */
export async function addDataset(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  needAdmin(who.user)
  const scope = scopeOf(request)
  if (scope === undefined) throw unprocessable('A dataset is added to a project: send X-Project-Id.')
  const project = projectFor(context, who.user, scope, 'editor')
  const given = await jsonBody(context, request, Elsewhere)
  const { name, columns, description, replace = false } = given
  checkDatasetName(name)
  const source = sourceFrom(given)
  const refuseTaken = () => {
    if (!replace && findDataset(context.db, project.id, name))
      throw conflict(
        `The project has a dataset ${shownName(name)} already; send replace: true to put this in its place.`,
      )
  }
  refuseTaken()
  const generation = await stageSource(context, source, catalogConnections(context), undefined, request.signal)
  const { dataset, replaced } = context.publisher.change((tx, touched) => {
    refuseTaken()
    const put = putGeneration(tx, who.actor, project.id, name, generation)
    if (columns) setColumnPolicy(tx, who.actor, put.dataset, columns as ColumnPolicy)
    if (description !== undefined) setDescription(tx, who.actor, put.dataset, description)
    touched.datasets.add(inProject(project.id, name))
    return { dataset: getDataset(tx, project.id, name), replaced: put.replaced }
  })
  if (replaced) context.publisher.discardFile(replaced)
  return shown(dataset, 201)
}

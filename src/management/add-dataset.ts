import { Type } from '@sinclair/typebox'
import type { ColumnPolicy } from '../catalog/datasets.ts'
import { checkDatasetName } from '../catalog/names.ts'
import { checkShape, closed, Description } from '../lib/shape.ts'
import { editedProject, jsonBody, type ManagementContext, needAdmin, type SignedIn } from './context.ts'
import { nullableOf, Policy, TypeName } from './datasets.ts'
import { stageWritable } from './live-tables.ts'
import { addTable } from './new-table.ts'
import { placeFor, putDataset } from './put-dataset.ts'
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
    types: Type.Optional(Type.Record(Type.String(), TypeName)),
    columns: Type.Optional(Policy),
    description: Type.Optional(Description),
    /** of a table: whether endpoints may write to it */
    writable: Type.Optional(Type.Boolean()),
    replace: Type.Optional(Type.Boolean()),
    force: Type.Optional(Type.Boolean()),
  },
  closed,
)

/**
 * `POST /api/datasets`: without an `engine` an empty table (new-table.ts); else a dataset whose rows stay where they are: files of
 * this server that DuckDB reads (`from`), or a table of a connection. The latter are for administrators of the installation: what
 * the server can read is not an editor's to publish.
 */
export async function addDataset(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const mayEdit = editedProject(context, who, request, 'A dataset is added to')
  const given: unknown = await jsonBody(context, request, Type.Unknown())
  const isElsewhere = typeof given === 'object' && given !== null && Object.hasOwn(given, 'engine')
  if (!isElsewhere) return addTable(context, who, mayEdit, given)
  const may = () => {
    needAdmin(who)
    return mayEdit()
  }
  const project = may()
  checkShape(Elsewhere, given)
  const { name, columns, description, replace, writable = false, force } = given
  checkDatasetName(name)
  const source = sourceFrom(given)
  const remedy = 'send replace: true to put this in its place'
  const place = placeFor(context, project, name, { replace, force, remedy })
  const staging = stageSource(context, source, catalogConnections(context), undefined, request.signal)
  const generation = await stageWritable(context, staging, { writable })
  const said = { columns: columns as ColumnPolicy | undefined, nullable: nullableOf(columns), description }
  return putDataset(context, who, may, place, generation, said)
}

/** Tables that begin without rows, and what a row of a table looks like. */
import { Type } from '@sinclair/typebox'
import type { ColumnPolicy } from '../catalog/datasets.ts'
import { checkDatasetName } from '../catalog/names.ts'
import type { Project } from '../catalog/projects.ts'
import { checkShape, closed, Description } from '../lib/shape.ts'
import { rowSchema } from '../query/write/schema.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { columnFields, datasetFor, TypeName } from './datasets.ts'
import { madeEmpty } from './live-tables.ts'
import { placeFor, putDataset } from './put-dataset.ts'

const Names = Type.Array(Type.String({ minLength: 1 }))
const NewTable = Type.Object(
  {
    name: Type.String(),
    description: Type.Optional(Description),
    columns: Type.Record(Type.String(), Type.Object({ type: TypeName, ...columnFields }, closed)),
    primary_key: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Names])),
    indexes: Type.Optional(Type.Array(Names)),
  },
  closed,
)

/**
 * An empty table that endpoints may write to.
 * @param may its project, of whoever may add to it
 * @throws Fault what `may` does; 409 there is one of the name; 422
 */
export async function addTable(
  context: ManagementContext,
  who: SignedIn,
  may: () => Project,
  body: unknown,
): Promise<Response> {
  const project = may()
  checkShape(NewTable, body)
  checkDatasetName(body.name)
  const place = placeFor(context, project, body.name)
  const primaryKey = body.primary_key === undefined ? undefined : [body.primary_key].flat()
  const generation = await madeEmpty(context, { columns: body.columns, primaryKey, indexes: body.indexes })
  const said = { columns: body.columns as ColumnPolicy, description: body.description || undefined }
  return putDataset(context, who, may, place, generation, said)
}

/** `GET /api/datasets/{name}/schema`: the JSON Schema of a row. */
export function schemaOf(context: ManagementContext, request: Request, who: SignedIn, name: string): Response {
  const dataset = datasetFor(context, who, request, name, 'viewer')
  return new Response(JSON.stringify(rowSchema(dataset)), {
    headers: { 'content-type': 'application/schema+json' },
  })
}

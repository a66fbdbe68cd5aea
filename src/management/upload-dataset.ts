import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { DeclaredType } from '../catalog/column.ts'
import type { ColumnPolicy } from '../catalog/datasets.ts'
import { checkDatasetName, tableNameOf } from '../catalog/names.ts'
import { unprocessable } from '../lib/fault.ts'
import { checkShape, Description } from '../lib/shape.ts'
import { editedProject, type ManagementContext, type SignedIn } from './context.ts'
import { nullableOf, Policy, TypeName } from './datasets.ts'
import { importing } from './import-progress.ts'
import { stageTable } from './intake.ts'
import { stageWritable } from './live-tables.ts'
import { placeFor, putDataset } from './put-dataset.ts'
import { receiveUpload } from './upload.ts'

const Types = Type.Record(Type.String(), TypeName)
const Names = Type.Array(Type.String())

/**
 * `POST /api/datasets/file/upload`, as the Honeyframe SDK sends it: multipart `file`, `name` (schema.table; default: uploads. and the
 * file's name), `friendly_name`, `description`, `replace`; and of ours, as JSON, `primary_key`, `indexes`, `types`, `columns`,
 * and `writable` and `force`; and `upload_id`, to ask how far the import is (import-progress.ts). Rows that are replaced keep
 * the key and the indexes, unless others are named; `[]`: none.
 */
export async function uploadDataset(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const may = editedProject(context, who, request, 'A dataset is uploaded into')
  return receiveUpload(context, request, async ({ path, fileName, fields }) => {
    const project = may()
    const name = fields.name || `uploads.${tableNameOf(fileName)}`
    checkDatasetName(name)
    const [replace, force] = [isTrue(fields.replace), isTrue(fields.force)]
    const remedy = 'send replace=true to replace its rows'
    const place = placeFor(context, project, name, { replace, force, remedy })
    const { before } = place
    const policy = fieldOf(fields, 'columns', Policy)
    const key = fieldOf(fields, 'primary_key', Type.Union([Type.String(), Names]))
    const description = fields.description || fields.friendly_name || undefined
    checkShape(Description, description ?? '', fields.description ? 'description' : 'friendly_name')
    const writable = fields.writable ? isTrue(fields.writable) : (before?.writable ?? false)
    const types = fieldOf(fields, 'types', Types) as Record<string, DeclaredType> | undefined
    const named = key === undefined ? (before?.primaryKey ?? []) : [key].flat()
    const primaryKey = named.length > 0 ? named : undefined
    const indexes = fieldOf(fields, 'indexes', Type.Array(Names)) ?? before?.indexes
    const source = { path, fileName, primaryKey, indexes, types }
    const generation = await importing(who, fields.upload_id, onProgress => {
      const staging = stageTable(context, source, onProgress, request.signal)
      return stageWritable(context, staging, { writable, nullable: nullableOf(policy), types })
    })
    const said = { columns: policy as ColumnPolicy | undefined, nullable: nullableOf(policy), description }
    return putDataset(context, who, may, place, generation, said)
  })
}

const isTrue = (field: string | undefined) => field === 'true' || field === '1'

/** A field that holds JSON (a plain word counts as a string). @throws Fault 422 */
function fieldOf<T extends TSchema>(fields: Record<string, string>, name: string, schema: T) {
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
  return value as Static<T>
}

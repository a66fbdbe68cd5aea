import { unprocessable } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import type { JsonSchema } from './check.ts'
import { compileSchema } from './schema.ts'

/** Holds rows against the endpoint's own schema. */
type RowCheck = (rows: readonly unknown[]) => void | Promise<void>

/**
 * The check of requests against the schema of an instance, and against the endpoint's own for the keywords that porter's check
 * does not know.
 * @param batch whether a request is a list of them
 */
export function compilePorterSchema(given: {
  instance: JsonSchema
  rowSchema?: Record<string, unknown> | boolean
  batch: boolean
}): (body: unknown, own: RowCheck) => void | Promise<void> {
  const { instance, rowSchema, batch } = given
  const whole = batch ? { type: 'array', minItems: 1, items: instance } : instance
  const { check, complete } = compileSchema(whole, rowSchema)
  const declaresId = isObject(rowSchema) && isObject(rowSchema.properties) && 'id' in rowSchema.properties
  return (body, own) => {
    const failure = check(body)
    if (failure) throw unprocessable(`Schema validation failed: data${failure.at} ${failure.says}`)
    if (complete && rowSchema !== false) return undefined
    const rows = batch ? (body as Record<string, unknown>[]) : [body as Record<string, unknown>]
    const refused = (error: unknown) => inPorters(error, batch)
    try {
      return own(declaresId ? rows : rows.map(({ id: _, ...row }) => row))?.catch(refused)
    } catch (error) {
      return refused(error)
    }
  }
}

/** A refusal of the endpoint's own check in porter's words. */
function inPorters(error: unknown, batch: boolean): never {
  const [first] = ((error as { members?: { errors?: unknown[] } }).members?.errors ?? []) as {
    row?: number
    feature?: string
    message: string
  }[]
  if (!first) throw error
  const place = `data${batch ? `[${first.row}]` : ''}${first.feature === undefined ? '' : `.${first.feature}`}`
  const says = first.message.replace(/^The schema says that it /, '').replace(/\.$/, '')
  throw unprocessable(`Schema validation failed: ${place} ${says}`)
}

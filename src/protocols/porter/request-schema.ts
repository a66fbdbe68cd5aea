/** What a route's requests must be: the author's row schema with the id before it, or one that the model itself gives. */
import type { Endpoint, ServedRoute } from '../../endpoints/endpoint.ts'
import { compileTrial, type SchemaChecks } from '../../endpoints/schema-checks.ts'
import { unprocessable } from '../../lib/fault.ts'
import { isObject } from '../../lib/json.ts'
import type { Feature } from '../../scoring/features.ts'
import type { JsonSchema } from './check.ts'
import { compileSchema } from './schema.ts'

const ID = { type: 'integer', description: 'An ID uniquely identifying each instance in the POST body.' }

/** The schema of one row with its id; undefined: there is none, as nothing is checked and nothing was declared. */
export function instanceSchema(route: ServedRoute): JsonSchema | undefined {
  const declared = route.rowSchema === undefined ? derived(route) : route.rowSchema
  if (declared === undefined) return undefined
  const row: JsonSchema = isObject(declared) ? declared : {}
  const required = Array.isArray(row.required) ? (row.required as string[]) : []
  return {
    type: 'object',
    ...row,
    properties: { id: ID, ...(isObject(row.properties) ? row.properties : {}) },
    required: [...new Set(['id', ...required])].sort(),
  }
}

/** @throws Fault 422 in fastjsonschema's words */
export type RequestCheck = (body: unknown, endpoint: Endpoint) => void

const checks = new WeakMap<ServedRoute, RequestCheck>()

const trials = new WeakMap<ServedRoute, ReturnType<typeof compileTrial>>()

/** Whether the check of a route's requests comes to an end. @throws Fault 500 `schema_too_slow` */
export async function tryPatterns(
  route: ServedRoute,
  body: Uint8Array,
  deadline: number,
  schemas: SchemaChecks,
): Promise<void> {
  const instance = route.validate ? instanceSchema(route) : undefined
  if (!instance) return
  let trial = trials.get(route)
  if (!trial) {
    trial = compileTrial(instance)
    trials.set(route, trial)
  }
  await trial(body, deadline, schemas)
}

/** The check of a route's requests, made once. Without `validate` it takes everything. */
export function requestCheck(route: ServedRoute): RequestCheck {
  let check = checks.get(route)
  if (!check) {
    check = compile(route)
    checks.set(route, check)
  }
  return check
}

function compile(route: ServedRoute): RequestCheck {
  const instance = route.validate ? instanceSchema(route) : undefined
  if (!instance) return () => {}
  const whole = route.batch ? { type: 'array', minItems: 1, items: instance } : instance
  const { check, complete } = compileSchema(whole, route.rowSchema)
  const declaresId =
    isObject(route.rowSchema) && isObject(route.rowSchema.properties) && 'id' in route.rowSchema.properties
  return (body, endpoint) => {
    const failure = check(body)
    if (failure) throw unprocessable(`Schema validation failed: data${failure.at} ${failure.says}`)
    if (complete && route.rowSchema !== false) return
    const rows = route.batch ? (body as Record<string, unknown>[]) : [body as Record<string, unknown>]
    rest(endpoint, declaresId ? rows : rows.map(({ id: _, ...row }) => row), route.batch)
  }
}

/** The endpoint's own check, for the keywords that porter's does not know; its refusal in porter's words. */
function rest(endpoint: Endpoint, rows: readonly unknown[], batch: boolean): void {
  try {
    endpoint.model?.active.check(rows, 'rows')
  } catch (error) {
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
}

/** Without a schema of the author's, a route that validates checks what its model takes. */
function derived({ validate, codec }: ServedRoute): JsonSchema | undefined {
  if (!validate || !codec) return undefined
  const features = codec.features.filter(feature => feature.name !== 'id')
  return {
    properties: Object.fromEntries(features.map(feature => [feature.name, schemaOf(feature)])),
    required: features.map(feature => feature.name),
  }
}

function schemaOf({ type, shape }: Pick<Feature, 'type' | 'shape'>): JsonSchema {
  if (shape.length > 0) {
    const [length, ...inner] = shape
    const bounds = length === null ? {} : { minItems: length, maxItems: length }
    return { type: 'array', ...bounds, items: schemaOf({ type, shape: inner }) }
  }
  if (type === 'string') return { type: 'string' }
  if (type === 'bool') return { type: 'boolean' }
  // a missing number is NaN to a model of floating point numbers
  return type.includes('float') ? { type: ['number', 'null'] } : { type: 'integer' }
}

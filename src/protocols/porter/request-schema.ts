/** What a route's requests must be: the author's row schema with the id before it, or one that the model itself gives. */
import type { Endpoint, ServedRoute } from '../../endpoints/endpoint.ts'
import { checkedElsewhere, longestHere, type SchemaChecks } from '../../endpoints/schema-checks.ts'
import { isObject } from '../../lib/json.ts'
import type { Feature } from '../../scoring/features.ts'
import type { JsonSchema } from './check.ts'
import { compilePorterSchema } from './row-check.ts'

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

/**
 * Holds a request against its route's schema: one that it takes long for in a process of its own.
 * @throws Fault 422 in fastjsonschema's words; as `SchemaChecks.check`
 */
export type RequestCheck = (
  value: unknown,
  body: Uint8Array,
  call: { endpoint: Endpoint; deadline: number },
) => unknown | Promise<unknown>

const checks = new WeakMap<ServedRoute, RequestCheck>()

/** The check of a route's requests, made once. Without `validate` it takes everything. */
export function requestCheck(route: ServedRoute, schemas: SchemaChecks): RequestCheck {
  let check = checks.get(route)
  if (!check) {
    check = compile(route, schemas)
    checks.set(route, check)
  }
  return check
}

function compile({ batch, rowSchema, ...route }: ServedRoute, schemas: SchemaChecks): RequestCheck {
  const instance = route.validate ? instanceSchema({ batch, rowSchema, ...route }) : undefined
  if (!instance) return () => {}
  const given = { instance, rowSchema, batch }
  const here = compilePorterSchema(given)
  const there = checkedElsewhere('porter', given, () => schemas)
  const longest = longestHere(instance)
  return (value, body, { endpoint, deadline }) =>
    body.length > longest
      ? there(body, deadline)
      : here(value, rows => endpoint.model?.active.check(rows, 'rows', deadline))
}

/** Without a schema of the author's, a route that validates checks what its model takes. */
function derived({ validate, model }: ServedRoute): JsonSchema | undefined {
  if (!validate || !model) return undefined
  const features = model.codec.features.filter(feature => feature.name !== 'id')
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

import { isObject, type JsonSchema } from './check.ts'

/** Keywords whose value is a schema, a list of them, or a map of them. */
const ONE = ['items', 'not', 'additionalProperties']
const SOME = ['allOf', 'anyOf', 'oneOf']
/** Keywords that OpenAPI 3.0 does not have. */
const DROPPED = new Set([
  '$schema',
  '$id',
  '$anchor',
  '$comment',
  '$defs',
  'definitions',
  'const',
  'contains',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'else',
  'examples',
  'if',
  'maxContains',
  'minContains',
  'patternProperties',
  'prefixItems',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])
const MAX_DEPTH = 12

/** A JSON Schema in the dialect of OpenAPI 3.0, its references written out. */
export const schema3 = (root: JsonSchema): unknown => converted(root, root, 0)

function converted(schema: unknown, root: JsonSchema, depth: number): unknown {
  // what refers to itself ends in a schema that says nothing
  if (!isObject(schema) || depth > MAX_DEPTH) return {}
  if (typeof schema.$ref === 'string') return converted(target(schema.$ref, root), root, depth + 1)
  const inner = (part: unknown) => converted(part, root, depth + 1)
  const out: JsonSchema = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (DROPPED.has(keyword)) continue
    if (keyword === 'properties' && isObject(value))
      out.properties = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, inner(part)]))
    else if (ONE.includes(keyword)) out[keyword] = typeof value === 'boolean' ? value : inner(value)
    else if (SOME.includes(keyword) && Array.isArray(value)) out[keyword] = value.map(inner)
    else out[keyword] = value
  }
  if (schema.const !== undefined) out.enum = [schema.const]
  for (const [exclusive, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const)
    if (typeof out[exclusive] === 'number') Object.assign(out, { [bound]: out[exclusive], [exclusive]: true })
  typed(out)
  if (out.type !== undefined) out.description ??= null
  return out
}

/** Several types are alternatives there, and null is `nullable`. */
function typed(out: JsonSchema): void {
  if (!Array.isArray(out.type)) return
  const types = out.type.filter(type => type !== 'null')
  if (types.length < out.type.length) out.nullable = true
  if (types.length === 1) out.type = types[0]
  else {
    delete out.type
    out.anyOf ??= types.map(type => ({ type, description: null }))
  }
}

function target(reference: string, root: JsonSchema): unknown {
  let place: unknown = root
  for (const part of reference.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    place = isObject(place) && Object.hasOwn(place, key) ? place[key] : undefined
  }
  return reference.startsWith('#') ? place : undefined
}

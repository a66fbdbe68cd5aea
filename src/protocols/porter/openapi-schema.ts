import { referred } from '../../endpoints/schema-references.ts'
import { isObject } from '../../lib/json.ts'
import type { JsonSchema } from './check.ts'

/** What OpenAPI 3.0 has of JSON Schema: with the same values, with a schema as value, with a list of them. */
const PLAIN = new Set(
  (
    'title description default example format enum nullable readOnly writeOnly deprecated type required multipleOf ' +
    'minimum maximum minLength maxLength pattern minItems maxItems uniqueItems minProperties maxProperties'
  ).split(' '),
)
const ONE = new Set(['items', 'not', 'additionalProperties'])
const SOME = new Set(['allOf', 'anyOf', 'oneOf'])
/** Schemas that references are written out as: where each definition refers to others twice, there would be no end of them. */
const MAX_WRITTEN_OUT = 10_000

/** A JSON Schema in the dialect of OpenAPI 3.0, its references to `root` written out; what 3.0 cannot say is left out. */
export function schema3(schema: unknown, root: unknown = schema): unknown {
  const within = new Set<unknown>()
  let writtenOut = 0

  function converted(part: unknown): unknown {
    if (part === false) return { not: {} }
    if (!isObject(part) || (within.size > 0 && ++writtenOut > MAX_WRITTEN_OUT)) return {}
    if (typeof part.$ref === 'string') return withReference(part.$ref, part)
    const out: JsonSchema = {}
    for (const [keyword, value] of Object.entries(part)) {
      if (keyword === 'properties' && isObject(value))
        out.properties = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, converted(inner)]))
      else if (SOME.has(keyword) && Array.isArray(value)) out[keyword] = value.map(converted)
      else if (ONE.has(keyword))
        out[keyword] = keyword === 'additionalProperties' && typeof value === 'boolean' ? value : converted(value)
      else if (PLAIN.has(keyword) || keyword.startsWith('x-')) out[keyword] = value
    }
    // these say of the others what is said of all here
    if (part.prefixItems !== undefined) delete out.items
    if (part.patternProperties !== undefined) delete out.additionalProperties
    if (part.const !== undefined) out.enum = [part.const]
    bounded(part, out)
    typed(out)
    if (out.type !== undefined) out.description ??= null
    return out
  }

  function withReference(reference: string, { $ref: _, ...beside }: JsonSchema): unknown {
    const out = converted(beside) as JsonSchema
    const place = referred(root, reference)
    // what refers to itself ends in a schema that says nothing
    if (within.has(place)) return out
    within.add(place)
    const written = converted(place)
    within.delete(place)
    if (Object.keys(out).length === 0) return written
    return { ...out, allOf: [...((out.allOf as unknown[] | undefined) ?? []), written] }
  }

  return converted(schema)
}

/** A bound that is not to be met is a flag there, beside the bound. */
function bounded({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema, out: JsonSchema): void {
  if (typeof exclusiveMinimum === 'number' && !((minimum as number) > exclusiveMinimum))
    Object.assign(out, { minimum: exclusiveMinimum, exclusiveMinimum: true })
  if (typeof exclusiveMaximum === 'number' && !((maximum as number) < exclusiveMaximum))
    Object.assign(out, { maximum: exclusiveMaximum, exclusiveMaximum: true })
}

/** Several types are alternatives there, null is `nullable`, and a list says what its items are. */
function typed(out: JsonSchema): void {
  if (out.type === undefined) return
  const given = [out.type].flat()
  const types = given.filter(type => type !== 'null')
  const nullable = types.length < given.length ? { nullable: true } : {}
  if (types.length === 1) Object.assign(out, { type: types[0], ...nullable })
  else delete out.type
  if (types.length === 0) Object.assign(out, { enum: [null], ...nullable })
  if (types.length > 1)
    out.anyOf ??= types.map(type => ({
      type,
      ...nullable,
      ...(type === 'array' ? { items: {} } : {}),
      description: null,
    }))
  if (out.type === 'array') out.items ??= {}
}

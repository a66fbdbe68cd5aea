/** Values for a JSON Schema to begin with. */

type Schema = Record<string, unknown>

/** A schema that requires itself has no value; from here on nothing is looked for. */
const MAX_DEPTH = 10
const MAX_ITEMS = 10
const MAX_LENGTH = 1000

const FORMATS: Record<string, string> = {
  date: '2026-01-31',
  time: '12:00:00Z',
  'date-time': '2026-01-31T12:00:00Z',
  email: 'name@example.org',
  uri: 'https://example.org',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/** What it gives as an example or default, else the least that its types and required members ask for. */
export const exampleOfSchema = (schema: unknown): unknown => exampleOf(schema, schema, 0)

function exampleOf(schema: unknown, root: unknown, depth: number): unknown {
  if (!isSchema(schema) || depth > MAX_DEPTH) return {}
  const inner = (part: unknown) => exampleOf(part, root, depth + 1)
  const given = givenBy(schema)
  if (given.length > 0) return given[0]
  const { type, $ref: reference, anyOf, oneOf = anyOf, allOf } = schema
  const named = [type ?? []].flat().find(name => name !== 'null') ?? type
  switch (named) {
    case 'string':
      return FORMATS[String(schema.format)] ?? textOf(schema)
    case 'integer':
    case 'number':
      return numberIn(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      return Array.from({ length: Math.min(Number(schema.minItems ?? 0), MAX_ITEMS) }, () => inner(schema.items))
  }
  if (typeof reference === 'string') return inner(target(reference, root))
  if (Array.isArray(oneOf)) return inner(oneOf.find(part => !isSchema(part) || part.type !== 'null'))
  const { properties = {}, required = [] } = schema as { properties?: Schema; required?: string[] }
  const members = required.filter(name => Object.hasOwn(properties, name)).map(name => [name, inner(properties[name])])
  const parts = Array.isArray(allOf) ? allOf.map(inner) : []
  const [only] = parts
  return parts.length > 0 && !isSchema(only)
    ? only
    : Object.fromEntries([...parts.flatMap(part => Object.entries(part ?? {})), ...members])
}

/** The value that a schema says itself, in a list; none: it says none. */
function givenBy(schema: Schema): unknown[] {
  const { examples, enum: values } = schema
  for (const keyword of ['const', 'example', 'default']) if (Object.hasOwn(schema, keyword)) return [schema[keyword]]
  return [examples, values].flatMap(list => (Array.isArray(list) ? list.slice(0, 1) : []))
}

const textOf = ({ minLength = 0, maxLength }: { minLength?: number; maxLength?: number }): string =>
  'text'.padEnd(Math.min(minLength, MAX_LENGTH), '.').slice(0, maxLength)

/** 1, or the number next to it that the bounds allow. */
function numberIn({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): number {
  const numbers = (...values: unknown[]) => values.filter(value => typeof value === 'number')
  const above = numbers(minimum, ...numbers(exclusiveMinimum).map(bound => bound + 1))
  const below = numbers(maximum, ...numbers(exclusiveMaximum).map(bound => bound - 1))
  return Math.min(Math.max(1, ...above), ...below)
}

/** What a local reference (`#/$defs/x`) means. */
function target(reference: string, root: unknown): unknown {
  let place: unknown = root
  for (const part of reference.split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    place = isSchema(place) && Object.hasOwn(place, key) ? place[key] : undefined
  }
  return place
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

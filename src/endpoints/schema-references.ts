/** References within a JSON Schema. */
import { isObject, pointedName } from '../lib/json.ts'

/** What a local reference (`#/$defs/x`, RFC 6901 section 6) means in `root`. */
export function referred(root: unknown, reference: string): unknown {
  if (!/^#(\/|$)/.test(reference)) return undefined
  let place = root
  for (const part of unescaped(reference).split('/').slice(1)) {
    const key = pointedName(part)
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key)) return undefined
    place = (place as Record<string, unknown>)[key]
  }
  return place
}

function unescaped(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    return reference
  }
}

/** Whose schemas are held against the same value: a schema, a list of them, schemas by name. */
const ONE = ['not', 'if', 'then', 'else']
const LISTED = ['allOf', 'anyOf', 'oneOf']
const NAMED = ['dependentSchemas', 'dependencies']

/** The reference that leads back to where it stands without going on in the value, so that no check of it ends. */
export function endless(schema: unknown): string | undefined {
  const over = new Set<unknown>()
  const within = new Set<unknown>()

  function circle(node: unknown): string | undefined {
    if (!isObject(node) || over.has(node)) return undefined
    within.add(node)
    const reference = typeof node.$ref === 'string' ? node.$ref : undefined
    const place = reference === undefined ? undefined : referred(schema, reference)
    if (within.has(place)) return reference
    for (const next of [place, ...beside(node)]) {
      const found = circle(next)
      if (found !== undefined) return found
    }
    within.delete(node)
    over.add(node)
    return undefined
  }

  function anywhere(node: unknown): string | undefined {
    const found = circle(node)
    if (found !== undefined || typeof node !== 'object' || node === null) return found
    for (const value of Object.values(node)) {
      const inner = anywhere(value)
      if (inner !== undefined) return inner
    }
    return undefined
  }

  return anywhere(schema)
}

function beside(node: Record<string, unknown>): unknown[] {
  const listed = LISTED.map(keyword => node[keyword]).filter(Array.isArray)
  const named = NAMED.map(keyword => node[keyword]).filter(isObject)
  return [...ONE.map(keyword => node[keyword]), ...listed.flat(), ...named.flatMap(Object.values)]
}

/**
 * How often one value may be held against parts of a schema, at the most, each keyword and each of what is listed a part; infinite
 * where a part leads back to itself in two ways, as then each level of a value doubles it.
 */
export function mostHeld(schema: unknown): number {
  const over = new Map<unknown, Ways>()
  const within = new Set<unknown>()
  const elsewhere = hasBases(schema)
  let looksAtAll = false

  function ways(node: unknown, byName = false): Ways {
    if (typeof node !== 'object' || node === null) return ONE_PART
    if (within.has(node)) return BACK
    const known = over.get(node)
    if (known) return known
    within.add(node)
    const sum = { parts: 1, back: 0 }
    for (const [keyword, value] of Object.entries(node)) {
      const { parts, back } = byName ? ways(value) : waysOf(keyword, value)
      sum.parts += parts
      sum.back += back
    }
    within.delete(node)
    over.set(node, sum)
    return sum
  }

  function waysOf(keyword: string, value: unknown): Ways {
    if (NOT_HELD.has(keyword)) return NONE
    if (keyword === 'enum' && Array.isArray(value)) return { parts: value.length, back: 0 }
    if (keyword === 'uniqueItems' && value === true) looksAtAll = true
    return REFERENCES.has(keyword) && typeof value === 'string' ? referredTo(value) : ways(value, BY_NAME.has(keyword))
  }

  function referredTo(reference: string): Ways {
    const place = elsewhere ? undefined : referred(schema, reference)
    return place === undefined ? UNKNOWN : ways(place)
  }

  const { parts, back } = ways(schema)
  // what looks at all that is in a list does so once more for each list that it is in
  return back > (looksAtAll ? 0 : 1) ? Number.POSITIVE_INFINITY : parts
}

interface Ways {
  parts: number
  /** how many of them lead back to a part that they are in */
  back: number
}
const NONE: Ways = { parts: 0, back: 0 }
const ONE_PART: Ways = { parts: 1, back: 0 }
const BACK: Ways = { parts: 1, back: 1 }
/** To an `$anchor` or an `$id`, which may be anywhere, or from within an `$id`, which its references begin from. */
const UNKNOWN: Ways = { parts: 1, back: 2 }
/** Values, and schemas that only a reference takes. */
const NOT_HELD = new Set(['const', 'default', 'examples', '$defs', 'definitions'])
const BY_NAME = new Set(['properties', 'patternProperties', ...NAMED])
const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef'])

/** Whether parts of a schema have an `$id` of their own. */
function hasBases(schema: unknown): boolean {
  const open = typeof schema === 'object' && schema !== null ? Object.values(schema) : []
  while (open.length > 0) {
    const node = open.pop()
    if (typeof node !== 'object' || node === null) continue
    if (typeof node.$id === 'string') return true
    for (const part of Object.values(node)) open.push(part)
  }
  return false
}

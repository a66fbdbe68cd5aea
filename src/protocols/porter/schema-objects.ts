/** The keywords of objects, in fastjsonschema's order. */
import { rested } from '../../endpoints/bounded-schema.ts'
import { isObject } from '../../lib/json.ts'
import { shown } from '../../lib/text.ts'
import { type Check, type Compile, type Failure, fail, type JsonSchema } from './check.ts'
import { repr } from './python.ts'

type OfObject = (value: Record<string, unknown>) => Failure | undefined

const inside = (key: string, failure: Failure | undefined): Failure | undefined =>
  failure && { at: `.${shown(key)}${failure.at}`, says: failure.says }

const MAX_NAMED = 10

export function objectChecks(schema: JsonSchema, compile: Compile): Check[] {
  const checks: OfObject[] = []
  const when = (keyword: string, make: (given: never) => OfObject) => {
    if (schema[keyword] !== undefined) checks.push(make(schema[keyword] as never))
  }
  when(
    'minProperties',
    (n: number) => v => (Object.keys(v).length < n ? fail(`must contain at least ${n} properties`) : undefined),
  )
  when(
    'maxProperties',
    (n: number) => v =>
      Object.keys(v).length > n ? fail(`must contain less than or equal to ${n} properties`) : undefined,
  )
  when('required', (names: string[]) => {
    const sorted = names.toSorted()
    return v => {
      const missing = sorted.filter(name => !Object.hasOwn(v, name))
      return missing.length > 0 ? fail(`must contain ${repr(missing)} properties`) : undefined
    }
  })
  when('dependencies', (given: Record<string, unknown>) => dependencies(given, compile))
  when('properties', (given: Record<string, unknown>) => {
    const parts = Object.entries(given).map(([key, part]) => [key, compile(part)] as const)
    return v => {
      for (const [key, check] of parts) {
        const failure = Object.hasOwn(v, key) ? inside(key, check(v[key])) : undefined
        if (failure) return failure
      }
      return undefined
    }
  })
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, unknown>).map(
    ([pattern, part]) => [rested(new RegExp(pattern, 'u')), compile(part)] as const,
  )
  if (patterns.length > 0)
    checks.push(v => {
      for (const key of Object.keys(v))
        for (const [pattern, check] of patterns) {
          const failure = pattern.test(key) ? inside(key, check(v[key])) : undefined
          if (failure) return failure
        }
      return undefined
    })
  const { additionalProperties } = schema
  if (additionalProperties !== undefined && additionalProperties !== true) {
    const named = (schema.properties ?? {}) as Record<string, unknown>
    const others = (v: Record<string, unknown>) =>
      Object.keys(v).filter(key => !Object.hasOwn(named, key) && !patterns.some(([pattern]) => pattern.test(key)))
    const check = compile(additionalProperties)
    checks.push(v => {
      const keys = others(v)
      if (additionalProperties !== false) return firstOf(keys, key => inside(key, check(v[key])))
      if (keys.length === 0) return undefined
      const names = keys
        .sort()
        .slice(0, MAX_NAMED)
        .map(key => repr(shown(key)))
      return fail(`must not contain {${names.join(', ')}} properties`)
    })
  }
  return checks.map(check => value => (isObject(value) ? check(value) : undefined))
}

function dependencies(given: Record<string, unknown>, compile: Compile): OfObject {
  const parts = Object.entries(given).map(([key, needs]) => {
    const check = Array.isArray(needs) ? undefined : compile(needs)
    const names = Array.isArray(needs) ? (needs as string[]) : []
    return { key, check, names }
  })
  return v =>
    firstOf(parts, ({ key, check, names }) => {
      if (!Object.hasOwn(v, key)) return undefined
      const missing = names.find(name => !Object.hasOwn(v, name))
      return missing === undefined ? check?.(v) : fail(`missing dependency ${missing} for ${key}`)
    })
}

function firstOf<T>(items: readonly T[], check: (item: T) => Failure | undefined): Failure | undefined {
  for (const item of items) {
    const failure = check(item)
    if (failure) return failure
  }
  return undefined
}

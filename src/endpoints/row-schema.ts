import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js'
import type { JsonSchema } from '../catalog/service-config.ts'
import { Fault, unprocessable } from '../lib/fault.ts'
import { holdsLong, isObject, pointedName, withinStack } from '../lib/json.ts'
import { slices } from '../lib/slices.ts'
import { shown } from '../lib/text.ts'
import { MAX_ERRORS } from '../scoring/encode.ts'
import { boundedAjv, wrongSchema } from './bounded-schema.ts'
import { endless } from './schema-references.ts'

/** Of a row of more values than this only the first error is looked for: each could be one. */
const MANY_VALUES = 10_000
/** Objects in a schema, each of which is compiled: more would hold everybody up for seconds. */
const MOST_OBJECTS = 20_000

interface RowSchemaError {
  row?: number
  feature?: string
  message: string
}

/**
 * A check of rows against an author's JSON Schema (2020-12, with formats); without a schema, one that takes everything.
 * Messages name the place and the rule, never the value.
 * @throws Fault 422 a schema that is none (also one that refers to others: nothing is fetched)
 */
export function compileRowSchema(
  schema: JsonSchema | undefined,
): (rows: readonly unknown[], form: 'rows' | 'features') => void {
  if (schema === undefined) return () => {}
  const first = compiled(schema, 'schema', false)
  let every: ValidateFunction | undefined
  /** made for the first row that is wrong */
  const all = () => {
    every ??= compiled(schema, 'schema', true)
    return every
  }
  return (rows, form) => {
    const errors: RowSchemaError[] = []
    for (let row = 0; row < rows.length && errors.length < MAX_ERRORS; row++) {
      const value = withinSchema(() => plain(rows[row]))
      if (withinSchema(() => first(value))) continue
      const isMany = holdsMore(value, MANY_VALUES, () => true)
      const wrong = isMany || withinSchema(() => all()(value)) ? first.errors : all().errors
      for (const error of wrong ?? []) errors.push({ ...(form === 'rows' ? { row } : {}), ...placeOf(error) })
    }
    if (errors.length === 0) return
    const [{ row, feature, message }] = errors as [RowSchemaError]
    const place = [row === undefined ? '' : `row ${row}`, feature ?? ''].filter(Boolean).join(', ')
    throw unprocessable(
      `${place ? `${place}: ` : ''}${message}`,
      { errors: errors.slice(0, MAX_ERRORS) },
      'unacceptable_rows',
    )
  }
}

/**
 * A check of one value against an author's JSON Schema.
 * @returns what is wrong, by place and rule, never by value; undefined: nothing. The check is undefined where there is no schema
 * @throws Fault 422 a schema that is none
 */
export function compileSchema(
  schema: JsonSchema | undefined,
  name: string,
): ((value: unknown) => string | undefined) | undefined {
  if (schema === undefined) return undefined
  const validate = compiled(schema, name, false)
  return value => {
    if (withinSchema(() => validate(value))) return undefined
    const [error] = validate.errors ?? []
    const place = shown(error?.instancePath.slice(1).replaceAll('/', '.') ?? '')
    return `${place === '' ? 'it' : place} ${error?.message ?? 'is not acceptable'}.`
  }
}

/** @throws Fault 422 what is held against the schema nests deeper than the stack is; what `work` throws */
export const withinSchema = <T>(work: () => T): T =>
  withinStack(work, () => unprocessable('What is held against the schema nests too deep.', {}, 'unacceptable_body'))

/** Whether more than so many are such, of a value and those that are in it at any depth; no more are looked at than that takes. */
function holdsMore(value: unknown, most: number, isSuch: (part: unknown) => boolean): boolean {
  let left = isSuch(value) ? most - 1 : most
  const open = [value]
  while (left >= 0 && open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    for (const part of Array.isArray(next) ? next : Object.values(next)) {
      if (isSuch(part) && --left < 0) break
      open.push(part)
    }
  }
  return left < 0
}

/** What was compiled for work to come, by the schemas' texts: each is for one who asks, as a pattern that rests does so for it. */
const ahead = new Map<string, ValidateFunction[]>()

/** Compiles endpoints' schemas with others served in between, and has `work`, which nobody is served in, find them compiled. */
export async function compiledAhead<T>(endpoints: readonly unknown[], work: () => Promise<T>): Promise<T> {
  const own: [text: string, made: ValidateFunction][] = []
  const pause = slices()
  try {
    for (const schema of endpoints.flatMap(schemasOf)) {
      try {
        const made = compiledNow(schema, 'schema', false)
        const text = JSON.stringify(schema)
        own.push([text, made])
        ahead.set(text, [...(ahead.get(text) ?? []), made])
      } catch {} // whoever asks for it is told
      await pause()
    }
    return await work()
  } finally {
    for (const [text, made] of own) {
      const left = ahead.get(text)?.filter(other => other !== made) ?? []
      if (left.length > 0) ahead.set(text, left)
      else ahead.delete(text)
    }
  }
}

function schemasOf(endpoint: unknown): JsonSchema[] {
  const { schema, request_schema, response_schema } = (endpoint ?? {}) as Record<string, unknown>
  return [schema, request_schema, response_schema].filter(
    (one): one is JsonSchema => isObject(one) || typeof one === 'boolean',
  )
}

function compiled(schema: JsonSchema, name: string, allErrors: boolean): ValidateFunction {
  const made = !allErrors && ahead.size > 0 ? ahead.get(JSON.stringify(schema))?.pop() : undefined
  return made ?? compiledNow(schema, name, allErrors)
}

function compiledNow(schema: JsonSchema, name: string, allErrors: boolean): ValidateFunction {
  const refused = (why: string) => unprocessable(`${name} is not a JSON Schema that is understood here: ${why}`)
  if (holdsMore(schema, MOST_OBJECTS, isObject)) throw refused(`it has more than ${MOST_OBJECTS} parts.`)
  try {
    const wrong = wrongSchema(schema)?.[0]
    if (wrong) {
      const place = shown(wrong.instancePath.slice(1).replaceAll('/', '.'))
      throw refused(`${place === '' ? 'it' : place} ${wrong.message}.`)
    }
    const reference = endless(schema)
    if (reference !== undefined) throw new Error(`the reference ${reference} leads back to itself.`)
    return boundedAjv(allErrors).compile(schema)
  } catch (error) {
    if (error instanceof Fault) throw error
    const isDeep = error instanceof RangeError
    // to end at the first error, each property's check is within that of the one before: thousands are too many
    if (isDeep && !allErrors) return compiledNow(schema, name, true)
    throw refused(isDeep ? 'it nests too deep.' : shown((error as Error).message))
  }
}

function placeOf(error: ErrorObject): { feature?: string; message: string } {
  const [, first] = error.instancePath.split('/')
  const named = first ?? (error.params as { missingProperty?: string }).missingProperty
  const feature = named === undefined ? undefined : shown(pointedName(named))
  return { feature, message: `The schema says that it ${error.message ?? 'is not acceptable'}.` }
}

/** Integers beyond 2^53 come as bigint, which a schema does not know: the nearest number stands for them here, at any depth. */
const plain = (value: unknown): unknown => (holdsLong(value) ? nearest(value) : value)

function nearest(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(nearest)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nearest(member)]))
}

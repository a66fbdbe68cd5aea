import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { type ValueError, ValueErrorType } from '@sinclair/typebox/errors'
import { unprocessable } from './fault.ts'
import { pointedName } from './json.ts'
import { nearestOf, shown } from './text.ts'

/** An object without other members than those that it names. */
export const closed = { additionalProperties: false } as const

/** One of these texts. */
export const literals = <T extends string>(values: readonly T[]) => Type.Union(values.map(value => Type.Literal(value)))

/** What things are called in configs. */
export const Name = Type.String({ minLength: 1, maxLength: 200 })

/** What would be another line, or turns the text around it, and what is not seen. */
const UNSEEN = String.raw`\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069`
const BLANK = String.raw`\s\u061c\u200b-\u200f\u2060`

/** What people read as the name of something; '' where it may have none. */
export const Title = (maxLength: number, minLength = 0) =>
  Type.String({
    minLength,
    maxLength,
    pattern: `^$|^(?=.*[^${BLANK}])[^${UNSEEN}]*$`,
    error: `must be ${minLength} to ${maxLength} characters on one line, not blank, none of them a control character or one that changes the direction.`,
  })

export const Description = Type.String({ maxLength: 10_000 })

type Where = string | ((path: string[]) => string)

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>()

/**
 * Checks a value against a TypeBox schema.
 * @param where how the value is called in the message, e.g. `endpoint customer`, or says so of the place that is wrong
 * @throws Fault 422 that names the first place that is wrong, never its value
 */
export function checkShape<T extends TSchema>(
  schema: T,
  value: unknown,
  where: Where = '',
): asserts value is Static<T> {
  let check = compiled.get(schema)
  if (!check) {
    check = TypeCompiler.Compile(schema)
    compiled.set(schema, check)
  }
  if (check.Check(value)) return
  const error = check.Errors(value).First()
  throw unprocessable(
    error ? describe(error, where) : `${typeof where === 'string' && where ? where : 'The body'} is not acceptable.`,
  )
}

function describe(error: ValueError, of: Where): string {
  const path = error.path.split('/').slice(1).map(pointedName)
  const where = typeof of === 'string' ? of : of(path)
  const field = shown(
    path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : text ? `${text}.${part}` : part), ''),
  )
  const place = [where, field].filter(Boolean).join(': ') || 'The body'
  const custom = error.schema.error as string | undefined
  // what is missing is told as such, whatever it must be
  if (custom && error.type !== ValueErrorType.ObjectRequiredProperty) return `${place} ${custom}`
  switch (error.type) {
    case ValueErrorType.ObjectAdditionalProperties: {
      const meant = nearestOf(path.at(-1)!, Object.keys(error.schema.properties))
      return `${place} is not a known field${meant ? `; did you mean ${meant}?` : '.'}`
    }
    case ValueErrorType.ObjectRequiredProperty:
      return `${place} is missing.`
    case ValueErrorType.Union: {
      const meant = nearest(error)
      return meant ? describe(meant, of) : `${place} must be ${alternatives(error.schema)}.`
    }
    case ValueErrorType.Literal:
      return `${place} must be ${JSON.stringify(error.schema.const)}.`
    default:
      return `${place}: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}.`
  }
}

/** Of the alternatives of the value's own type the one with the least wrong: the first thing that is wrong with it. */
function nearest({ schema, value, errors }: ValueError): ValueError | undefined {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  const found = (schema.anyOf as TSchema[]).flatMap((option, i) =>
    option.type === type && option.const === undefined ? [[...(errors[i] ?? [])]] : [],
  )
  return found.sort((a, b) => a.length - b.length)[0]?.[0]
}

function alternatives(schema: TSchema): string {
  const options = (schema.anyOf as TSchema[] | undefined) ?? []
  if (options.some(option => option.const !== undefined))
    return `one of ${options.map(({ const: text, type }) => (text === 'null' ? '"null"' : (text ?? type))).join(', ')}`
  return `one of: ${options.flatMap(typesOf).join(', ')}`
}

const typesOf = ({ type, anyOf }: TSchema): string[] =>
  (anyOf as TSchema[])?.flatMap(typesOf) ?? [type ?? 'another shape']

/** The keywords of values, numbers, text and lists, in fastjsonschema's order; those of objects come between the two groups. */
import { areUnique, rested } from '../../endpoints/bounded-schema.ts'
import { isObject } from '../../lib/json.ts'
import { type Check, type Compile, type Failure, fail, type JsonSchema } from './check.ts'
import { FORMATS } from './formats.ts'
import { repr, str } from './python.ts'

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'
const lengthOf = (value: string) => [...value].length

const TYPES: Record<string, (value: unknown) => boolean> = {
  null: value => value === null,
  boolean: value => typeof value === 'boolean',
  number: isNumber,
  integer: value => typeof value === 'bigint' || Number.isInteger(value),
  string: value => typeof value === 'string',
  array: Array.isArray,
  object: isObject,
}

/** From `type` to `items`. */
export function valueChecks(schema: JsonSchema, compile: Compile): Check[] {
  const checks: Check[] = []
  const list = (keyword: string) => (Array.isArray(schema[keyword]) ? (schema[keyword] as unknown[]) : undefined)
  const when = (keyword: string, make: (given: never) => Check) => {
    if (schema[keyword] !== undefined) checks.push(make(schema[keyword] as never))
  }
  when('type', given => {
    const names = [given].flat() as string[]
    // OpenAPI's word for null, which porter's schemas are written with, and every other door's check knows
    if (schema.nullable === true && !names.includes('null')) names.push('null')
    const tests = names.map(name => TYPES[name] ?? (() => false))
    const failure = fail(`must be ${names.join(' or ')}`)
    return value => (tests.some(test => test(value)) ? undefined : failure)
  })
  when('enum', (given: unknown[]) => {
    const failure = fail(`must be one of ${repr(given)}`)
    return value => (given.some(one => same(one, value)) ? undefined : failure)
  })
  for (const one of list('allOf') ?? []) checks.push(compile(one))
  const any = list('anyOf')?.map(compile)
  if (any)
    checks.push(value => (any.some(check => !check(value)) ? undefined : fail('cannot be validated by any definition')))
  const one = list('oneOf')?.map(compile)
  if (one)
    checks.push(value => {
      // fastjsonschema looks no further than the second
      let matches = 0
      for (const check of one) if (matches < 2 && !check(value)) matches++
      return matches === 1 ? undefined : fail(`must be valid exactly by one definition (${matches} matches found)`)
    })
  when('not', given => {
    const check = compile(given)
    return value => (check(value) ? undefined : fail('must NOT match a disallowed definition'))
  })
  const ofText = (keyword: string, make: (given: never) => { test(value: string): boolean; says: string }) =>
    when(keyword, given => {
      const { test, says } = make(given)
      return value => (typeof value !== 'string' || test(value) ? undefined : fail(says))
    })
  ofText('minLength', (n: number) => ({
    test: value => lengthOf(value) >= n,
    says: `must be longer than or equal to ${repr(n)} characters`,
  }))
  ofText('maxLength', (n: number) => ({
    test: value => lengthOf(value) <= n,
    says: `must be shorter than or equal to ${repr(n)} characters`,
  }))
  ofText('pattern', (pattern: string) => {
    const expression = rested(new RegExp(pattern, 'u'))
    return { test: value => expression.test(value), says: `must match pattern ${pattern}` }
  })
  ofText('format', (name: string) => ({ test: FORMATS.get(name) ?? (() => true), says: `must be ${name}` }))
  const ofNumber = (keyword: string, test: (value: number | bigint, n: number) => boolean, says: string) =>
    when(keyword, (n: number) => value => (!isNumber(value) || test(value, n) ? undefined : fail(`${says} ${repr(n)}`)))
  ofNumber('minimum', (value, n) => value >= n, 'must be bigger than or equal to')
  ofNumber('maximum', (value, n) => value <= n, 'must be smaller than or equal to')
  ofNumber('multipleOf', isMultiple, 'must be multiple of')
  const ofList = (keyword: string, make: (given: never) => (value: unknown[]) => Failure | undefined) =>
    when(keyword, given => {
      const check = make(given)
      return value => (Array.isArray(value) ? check(value) : undefined)
    })
  ofList('minItems', (n: number) => v => (v.length < n ? fail(`must contain at least ${n} items`) : undefined))
  ofList(
    'maxItems',
    (n: number) => v => (v.length > n ? fail(`must contain less than or equal to ${n} items`) : undefined),
  )
  ofList(
    'uniqueItems',
    (unique: boolean) => v => (unique && !areUnique(v) ? fail('must contain unique items') : undefined),
  )
  if (!schema.prefixItems)
    ofList('items', given => {
      if (given === false) return v => (v.length > 0 ? fail('must not be there') : undefined)
      const check = compile(given)
      return v => {
        for (let i = 0; i < v.length; i++) {
          const failure = check(v[i])
          if (failure) return { at: `[${i}]${failure.at}`, says: failure.says }
        }
        return undefined
      }
    })
  return checks
}

/** What later drafts added, which fastjsonschema looks at last. */
export function lateChecks(schema: JsonSchema, compile: Compile): Check[] {
  const checks: Check[] = []
  const bound = (keyword: string, test: (value: number | bigint, n: number) => boolean, says: string) => {
    const n = schema[keyword]
    if (typeof n === 'number')
      checks.push(value => (!isNumber(value) || test(value, n) ? undefined : fail(`${says} ${repr(n)}`)))
  }
  bound('exclusiveMinimum', (value, n) => value > n, 'must be bigger than')
  bound('exclusiveMaximum', (value, n) => value < n, 'must be smaller than')
  if (schema.propertyNames !== undefined) {
    const names = compile(schema.propertyNames)
    checks.push(value =>
      isObject(value) && Object.keys(value).some(names) ? fail('must be named by propertyName definition') : undefined,
    )
  }
  if (schema.contains !== undefined && schema.minContains === undefined) {
    const wanted = compile(schema.contains)
    const says = schema.contains === true ? 'must not be empty' : 'must contain one of contains definition'
    checks.push(value => (Array.isArray(value) && value.every(wanted) ? fail(says) : undefined))
  }
  if (schema.const !== undefined)
    checks.push(value =>
      same(schema.const, value) ? undefined : fail(`must be same as const definition: ${str(schema.const)}`),
    )
  if (schema.if !== undefined) {
    const [condition, then, otherwise] = [compile(schema.if), compile(schema.then), compile(schema.else)]
    checks.push(value => (condition(value) ? otherwise(value) : then(value)))
  }
  return checks
}

function isMultiple(value: number | bigint, n: number): boolean {
  if (typeof value === 'bigint' && Number.isInteger(n)) return value % BigInt(n) === 0n
  const quotient = Number(value) / n
  // 19.01 / 0.01 is 1901.0000000000002
  return (
    Number.isFinite(quotient) && Math.abs(quotient - Math.round(quotient)) <= 1e-12 * Math.max(1, Math.abs(quotient))
  )
}

/** Deep equality of JSON values; integers are equal whatever holds them. */
function same(a: unknown, b: unknown): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number are equal by value
  if (isNumber(a) && isNumber(b)) return a == b
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => same(one, b[i]))
  if (!isObject(a) || !isObject(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => Object.hasOwn(b, key) && same(a[key], b[key]))
}

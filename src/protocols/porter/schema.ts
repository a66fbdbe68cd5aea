/**
 * A JSON Schema as porter checks it: one error, the first in fastjsonschema's order, in its words. What that library does not
 * know of the language (`complete: false`) is left to the endpoint's own check.
 */
import { referred } from '../../endpoints/schema-references.ts'
import { type Check, type Compile, fail, type JsonSchema } from './check.ts'
import { FORMATS } from './formats.ts'
import { objectChecks } from './schema-objects.ts'
import { lateChecks, valueChecks } from './schema-values.ts'

const pass: Check = () => undefined

/** Keywords that other validators know and fastjsonschema does not. */
const UNKNOWN = new Set([
  'prefixItems',
  'unevaluatedItems',
  'unevaluatedProperties',
  'dependentRequired',
  'dependentSchemas',
  'minContains',
  'maxContains',
  '$dynamicRef',
  '$id',
  '$anchor',
])

/** @param root what its references begin from */
export function compileSchema(
  whole: JsonSchema | boolean,
  root: JsonSchema | boolean = whole,
): { check: Check; complete: boolean } {
  const known = new Map<unknown, Check>()
  let complete = true
  const compile: Compile = schema => {
    if (schema === false) return () => fail('must not be there')
    if (typeof schema !== 'object' || schema === null) return pass
    const found = known.get(schema)
    if (found) return found
    // a schema may refer to itself: whoever does so meanwhile gets the check by way of the map
    known.set(schema, value => known.get(schema)!(value))
    const made = compileNode(schema as JsonSchema)
    known.set(schema, made)
    return made
  }
  const compileNode = (schema: JsonSchema): Check => {
    const checks: Check[] = []
    if (typeof schema.$ref === 'string') {
      const target = referred(root, schema.$ref)
      if (target === undefined) complete = false
      else checks.push(compile(target))
    }
    if (Object.keys(schema).some(keyword => UNKNOWN.has(keyword))) complete = false
    if (typeof schema.format === 'string' && !FORMATS.has(schema.format)) complete = false
    for (const part of [valueChecks, objectChecks, lateChecks]) checks.push(...part(schema, compile))
    if (checks.length === 0) return pass
    if (checks.length === 1) return checks[0]!
    return value => {
      for (const check of checks) {
        const failure = check(value)
        if (failure) return failure
      }
      return undefined
    }
  }
  const check = compile(whole)
  return { check, complete }
}

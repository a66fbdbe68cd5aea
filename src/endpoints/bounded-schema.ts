/**
 * JSON Schemas of authors, compiled so that no body of a caller holds up everyone else: they are checked in the main process.
 * What takes time in proportion to the body is left as it is.
 */

import Ajv2020, { type ErrorObject } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { JsonSchema } from '../catalog/service-config.ts'
import { Fault } from '../lib/fault.ts'
import { cpuOfThread } from '../lib/machine.ts'

/** One text held against one pattern takes microseconds; a pattern that needs more CPU than this tries every way to read it. */
const MATCH_MS = 250
/** For how long what CPU this thread had is remembered: to ask costs as much as many texts. */
const REMEMBERED_MS = 50
/** After which such a pattern is tried again. */
export const REST_MS = 60_000
/** The patterns of these formats are slow on long texts, whose characters alone are looked at. */
const LONG_TEXT = 1000
const LONG_FORMATS: Record<string, RegExp> = {
  uri: /^[a-z][a-z0-9+.-]*:[!-~]*$/i,
  'uri-reference': /^[!-~]*$/,
  'uri-template': /^\S*$/,
  url: /^(https?|ftp):\/\/[!-~]+$/i,
  email: /(?!)/,
  'json-pointer': /^\//,
}

let ofSchemas: Ajv2020 | undefined

/**
 * What is wrong with a schema by the language's own, which is compiled once for all of them: that takes 30 ms.
 * @throws Error a language that is not known
 */
export function wrongSchema(schema: JsonSchema): ErrorObject[] | undefined {
  ofSchemas ??= boundedAjv(false)
  return ofSchemas.validateSchema(schema) ? undefined : (ofSchemas.errors ?? [])
}

/** Its checks throw a Fault 500 where a pattern takes too long; `wrongSchema` is asked before it. @param allErrors whether they go on after the first error */
export function boundedAjv(allErrors: boolean): Ajv2020 {
  const regExp = Object.assign((source: string, flags: string) => rested(new RegExp(source, flags)), { code: '' })
  // its optimizer takes six times as long as all else about a wide schema, and the engine has one of its own
  const code = { regExp, optimize: false }
  // a schema that is referred to would be compiled again for each reference: a short one could take minutes
  const options = { strict: false, allErrors, validateFormats: true, validateSchema: false, logger: false } as const
  const ajv = new Ajv2020({ ...options, inlineRefs: false, code })
  // biome-ignore lint/suspicious/noExplicitAny: the plug-in's types are of another build of ajv
  addFormats(ajv as any)
  for (const name of Object.keys(LONG_FORMATS)) {
    const given = ajv.formats[name] as RegExp | ((text: string) => boolean)
    ajv.addFormat(name, boundedFormat(name, typeof given === 'function' ? given : text => given.test(text)))
  }
  // ajv compares every item with every other one
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    validate: (wanted: boolean, items: unknown[]) => !wanted || areUnique(items),
  })
  return ajv
}

/** A format's check, as it is for texts of a usual length. */
export function boundedFormat(name: string, check: (text: string) => boolean): (text: string) => boolean {
  const linear = LONG_FORMATS[name]
  return linear ? text => (text.length > LONG_TEXT ? linear.test(text) : check(text)) : check
}

/** Whether no two items are equal by value. @throws RangeError they nest too deep */
export const areUnique = (items: readonly unknown[]): boolean => new Set(items.map(canonical)).size === items.length

let remembered = { at: Number.NEGATIVE_INFINITY, cpu: 0 }

/** A pattern that has taken too long once is not tried again for a while: it costs the callers of its endpoint, and nobody else. */
export function rested(pattern: RegExp): { test(text: string): boolean } {
  let restsUntil = 0
  const test = (text: string) => {
    const now = performance.now()
    if (now < restsUntil) throw tooSlow()
    if (now - remembered.at > REMEMBERED_MS) remembered = { at: now, cpu: cpuOfThread() }
    const { at, cpu } = remembered
    const matches = pattern.test(text)
    const after = performance.now()
    // on a machine that is busy with others it takes long for that; what came before it may have had CPU as long as it took
    if (after - now <= MATCH_MS || cpuOfThread() - cpu - (now - at) <= MATCH_MS) return matches
    restsUntil = after + REST_MS
    throw tooSlow()
  }
  // by which ajv tells patterns apart
  return Object.assign(Object.create({ toString: () => String(pattern) }), { test })
}

export const tooSlow = () =>
  new Fault(
    500,
    'schema_too_slow',
    'A pattern in the schema of this endpoint takes too long: its author has to mend it.',
  )

/** The same text for equal values, whatever the order of their members. */
function canonical(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : String(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? `${value}` : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
  return `{${members.sort().join()}}`
}

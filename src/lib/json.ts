/** JSON as it must be on this server: integers beyond 2^53 survive where asked, and depth is bounded. */
import type { Fault } from './fault.ts'

const LONG_RUN = /\d{16}/
/** The same, but not in the fraction of a number: floats have that many digits too. (Bounded look-behind costs 10 times as much.) */
const LONG_INTEGER = /(?:^|[^\d.])\d{16}/
/** Levels of a body, unless another limit is given. */
export const MAX_DEPTH = 64

/**
 * `JSON.parse` that keeps integers beyond +-2^53, as bigints, at no cost where the text holds none.
 * @throws SyntaxError what is not JSON
 */
export function parseLossless(text: string): unknown {
  if (!LONG_RUN.test(text) || !LONG_INTEGER.test(text)) return JSON.parse(text)
  return parseMarked(text, TOKEN, token => INTEGER.test(token) && !Number.isSafeInteger(Number(token)), BigInt)
}

/** `JSON.parse` for what is written again: long numbers that a double does not give back stay as they are (`isAsWritten`). */
export function parseExact(text: string): unknown {
  if (!INEXACT.test(text)) return JSON.parse(text)
  return parseMarked(text, EXACT_TOKEN, token => /^-?\d/.test(token) && String(Number(token)) !== token, rawJSON)
}

/**
 * `JSON.parse` for answers: integers beyond +-2^53 and numbers beyond a double are texts of their digits.
 * @param exact also numbers that a double rounds
 */
export function parseShown(text: string, exact = false): unknown {
  if (exact ? !INEXACT.test(text) : !BEYOND.test(text) && !(LONG_RUN.test(text) && LONG_INTEGER.test(text)))
    return JSON.parse(text)
  return parseMarked(text, EXACT_TOKEN, exact ? isRounded : isBeyond, digits => digits)
}

function isBeyond(token: string): boolean {
  const number = Number(token)
  return /^-?\d+$/.test(token) ? !Number.isSafeInteger(number) : /^-?\d/.test(token) && Math.abs(number) === Infinity
}

function isRounded(token: string): boolean {
  const nearest = String(Number(token))
  if (nearest === token) return isBeyond(token)
  return isBeyond(token) || significant(token) !== significant(nearest)
}

/** A number's digits and their power of ten, as all that are equal to it have them; undefined: it is none. */
function significant(token: string): string | 0 | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token)
  if (!parts) return undefined
  const [, sign, whole, fraction = '', power = '0'] = parts
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return end && `${sign}${digits.slice(0, end)}e${Number(power) - fraction.length + digits.length - end}`
}

const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON: (text: string) => unknown
  isRawJSON: (value: unknown) => boolean
}
/** Whether a value is a number in its own digits: an object to JavaScript, and none in JSON. */
export const isAsWritten = (value: unknown): boolean => isRawJSON(value)

function parseMarked(
  text: string,
  tokens: RegExp,
  isMarked: (token: string) => boolean,
  keep: (digits: string) => unknown,
): unknown {
  // the few long numbers are put into strings that nobody else can write, and taken out again: a reviver would be called
  // for every value, which takes seconds for a large body
  let found = false
  let inText = false
  const marked = text.replace(tokens, token => {
    if (token === '"') inText = !inText
    if (inText || !isMarked(token)) return token
    found = true
    return `"${MARK}${token}"`
  })
  const value = JSON.parse(marked)
  return found ? unmarked(value, keep) : value
}

/**
 * Where a string begins or ends, an escape in one, or what may be a number of 16 characters and more. (Not a string as a whole:
 * the engine gives up on one of a megabyte or two, silently.)
 */
const TOKEN = /"|\\.|[\d.eE+-]{16,}/g
/** The same with numbers that may be beyond a double. */
const EXACT_TOKEN = /"|\\.|[\d.eE+-]{16,}|-?\d[\d.]*[eE][+-]?\d{3,}/g
const BEYOND = /\d[eE]\+?\d{3,}(?![\w-])/
const INEXACT = /[\d.eE+-]{16}|\d[eE][+-]?\d{3}/
/** No type here has more digits than 38: longer ones are left to become the nearest double. */
const INTEGER = /^-?[1-9]\d{15,39}$/
const MARK = `\u2060${crypto.randomUUID()}:`

function unmarked(value: unknown, keep: (digits: string) => unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? keep(value.slice(MARK.length)) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) value[i] = unmarked(value[i], keep)
  else
    for (const name of Object.keys(value)) {
      // a number stood where a name has to be: it became one by being put into quotes
      if (name.startsWith(MARK)) throw new SyntaxError('a name is expected')
      const member = (value as Record<string, unknown>)[name]
      const plain = unmarked(member, keep)
      if (plain !== member)
        Object.defineProperty(value, name, { value: plain, enumerable: true, configurable: true, writable: true })
    }
  return value
}

/** `JSON.stringify` that writes bigint as JSON integers and NaN and infinities as `null`. */
export function stringifyLossless(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    // a bigint is in it: a replacer writes that, at twice the cost of doing without
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? rawJSON(v.toString()) : v))
  }
}

/** JSON on one line with everything but ASCII escaped. */
export const inAscii = (json: string): string => (/^[ -~]*$/.test(json) ? json : json.replace(/[^ -~]+/g, escapedRun))

/** (A call for each of millions of characters took seconds.) */
function escapedRun(run: string): string {
  let text = ''
  for (let i = 0; i < run.length; i++) text += `\\u${(0x10000 + run.charCodeAt(i)).toString(16).slice(1)}`
  return text
}

/** What goes through all of a value that somebody sent. @throws `fault`: it nests deeper than our own stack is; what `work` throws */
export function withinStack<T>(work: () => T, fault: () => Fault): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof RangeError ? fault() : error
  }
}

/** Whether arrays and objects nest deeper than that; by default, than anything a request here needs. */
export const tooDeep = (text: string, most = MAX_DEPTH): boolean => excessOf(text, most) === 'depth'

/**
 * What JSON has too much of: its depth, or else values beside one another, in lists and objects of it all, each of which costs whoever
 * reads it.
 */
export function excessOf(
  text: string,
  mostDeep = MAX_DEPTH,
  mostValues = Number.POSITIVE_INFINITY,
): 'depth' | 'values' | undefined {
  if (text.length <= Math.min(mostDeep, mostValues)) return undefined
  let depth = 0
  let commas = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 92) i++
      else if (c === 34) inString = false
    } else if (c === 34) inString = true
    else if (c === 91 || c === 123) {
      if (++depth > mostDeep) return 'depth'
    } else if (c === 93 || c === 125) depth--
    else if (c === 44) commas++
  }
  return commas >= mostValues ? 'values' : undefined
}

/** The name that a part of a JSON Pointer stands for (RFC 6901, 4). */
export const pointedName = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~')

/** Whether a JSON value is an object: no list, and not null. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a value, or one at any depth of it, is such. (`Object.values` of a long list takes a microsecond an item.) */
function holds(value: unknown, isSuch: (value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return isSuch(value)
  if (Array.isArray(value)) return value.some(one => holds(one, isSuch))
  for (const name of Object.keys(value)) if (holds((value as Record<string, unknown>)[name], isSuch)) return true
  return false
}

/** Whether a value's names, texts and other values are more than so many characters of JSON, a value being one at least. */
export function isLonger(value: unknown, most: number): boolean {
  let length = 0
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    length += typeof next === 'string' ? next.length + 1 : 1
    if (length > most) return true
    if (typeof next !== 'object' || next === null) continue
    if (Array.isArray(next)) for (let i = 0; i < next.length && i <= most; i++) open.push(next[i])
    else
      for (const name of Object.keys(next)) {
        length += name.length
        open.push((next as Record<string, unknown>)[name])
      }
  }
  return false
}

const isInfinite = (value: unknown) => typeof value === 'number' && !Number.isFinite(value)
const isLong = (value: unknown) => typeof value === 'bigint'

/** Whether a parsed value holds a number beyond a double, for which `JSON.stringify` would write null. */
export const holdsInfinity = (value: unknown): boolean => holds(value, isInfinite)

/** Whether a value that `parseLossless` made holds an integer beyond 2^53. */
export const holdsLong = (value: unknown): boolean => holds(value, isLong)

/** Whether a parsed value holds what `JSON.stringify` would not give back: integers beyond 2^53, numbers beyond a double. */
export const losesWhenStored = (value: unknown): boolean => holds(value, one => isLong(one) || isInfinite(one))

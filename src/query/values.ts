import { MAX_DIGITS, type StoredColumn } from '../catalog/column.ts'
import { decodeDecimal, encodeDecimal, storedAsInteger } from '../lib/decimal.ts'
import { parseShown, tooDeep } from '../lib/json.ts'
import { dataUnreadable } from './damage.ts'

/** A value as the embedded store keeps it (catalog/column.ts says how). */
export type StoredValue = string | number | bigint | null | Uint8Array

const INTEGER = /^[+-]?\d{1,19}$/
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?$/
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})(?:[T ]([^Z+-]+?)(Z|[+-]\d{2}:?\d{2})?)?$/i
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/**
 * A request's text as a stored value of the column's type, or undefined when it is not one. Bounds are checked, nothing
 * is guessed: `1.5` is no integer, `2024-02-30` no date.
 */
export function encodeText(column: StoredColumn, text: string): StoredValue | undefined {
  switch (column.type) {
    case 'text':
      return text.includes('\0') ? undefined : text
    case 'integer':
      return encodeInteger(text)
    case 'float': {
      const number = FLOAT.test(text) ? Number(text) : Number.NaN
      return Number.isFinite(number) ? number : undefined
    }
    case 'boolean':
      return text === 'true' || text === '1' ? 1 : text === 'false' || text === '0' ? 0 : undefined
    case 'decimal':
      return decimalOrNot(column, text)
    case 'date':
      return realDate(text) ? text : undefined
    case 'time':
      return canonicalTime(text, fractionDigits(column))
    case 'timestamp':
    case 'timestamptz':
      return encodeTimestamp(text, column.type === 'timestamptz', fractionDigits(column))
    default:
      return undefined
  }
}

function decimalOrNot({ precision = MAX_DIGITS, scale = 0 }: StoredColumn, text: string): StoredValue | undefined {
  try {
    return encodeDecimal(text, precision, scale)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Whether a filter or a row scope may compare values of this type. */
export const comparable = (column: StoredColumn): boolean => column.type !== 'blob' && column.type !== 'json'

function encodeInteger(text: string): number | bigint | undefined {
  if (!INTEGER.test(text)) return undefined
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  const big = BigInt(text)
  return big > INT64_MAX || big < INT64_MIN ? undefined : big
}

function realDate(text: string): boolean {
  const match = DATE.exec(text)
  if (!match) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(match[3])
}

/** The store's own times are texts that may hold nanoseconds; other engines' hold microseconds, and would round. */
export const fractionDigits = ({ native = 'VARCHAR' }: Pick<StoredColumn, 'native'>): 6 | 9 =>
  native === 'VARCHAR' ? 9 : 6

function canonicalTime(text: string, digits: number): string | undefined {
  const match = TIME.exec(text)
  if (!match) return undefined
  const fraction = (match[4] ?? '').replace(/0+$/, '')
  if (fraction.length > digits) return undefined
  return `${match[1]}:${match[2]}:${match[3] ?? '00'}${fraction && `.${fraction}`}`
}

/** ISO 8601 to the stored form: no zone, trailing zeros of the fraction cut. With a zone it is taken to UTC. */
function encodeTimestamp(text: string, zoned: boolean, digits: number): string | undefined {
  const match = TIMESTAMP.exec(text)
  if (!match || !realDate(match[1]!)) return undefined
  const time = canonicalTime(match[2] ?? '00:00', digits)
  if (time === undefined) return undefined
  const zone = match[3]
  if (!zone || zone.toUpperCase() === 'Z') return zone && !zoned ? undefined : `${match[1]}T${time}`
  if (!zoned) return undefined
  const [whole, fraction] = time.split('.')
  const moved = new Date(`${match[1]}T${whole}${zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`}`)
  if (Number.isNaN(moved.getTime())) return undefined
  const utc = moved.toISOString()
  // a zone can take a time out of the years 0000 to 9999, which alone sort as text
  return /^\d{4}-/.test(utc) ? utc.slice(0, 19) + (fraction ? `.${fraction}` : '') : undefined
}

export type Decoder = (stored: StoredValue) => unknown

/**
 * How stored values of a column become JSON, or null where they are it already: 64-bit integers outside +-2^53 and
 * decimals as strings, dates as ISO 8601, blobs as base64.
 * @param bigints whether the statement gives integers as bigint
 */
export function decoderOf(column: StoredColumn, bigints: boolean): Decoder | null {
  switch (column.type) {
    case 'integer':
      return bigints ? v => (typeof v === 'bigint' ? integerOut(v) : v) : null
    case 'boolean':
      return v => (v === null ? null : Number(v) !== 0)
    case 'decimal': {
      const { precision = MAX_DIGITS, scale = 0 } = column
      return v => (v === null ? null : decodeDecimal(v as bigint | number | string, precision, scale))
    }
    case 'timestamptz':
      return v => (v === null ? null : `${v}Z`)
    case 'blob':
      return v => (v === null ? null : Buffer.from(v as Uint8Array).toString('base64'))
    case 'json':
      return v => (v === null ? null : jsonOut(v as string))
    default:
      return null
  }
}

/** Levels that a JSON value may have: one of tens of thousands takes seconds to be written, and then fails. */
export const DEEPEST_JSON = 1000

/**
 * @param exact whether its numbers may be decimals
 * @throws Fault 503 it nests deeper, as one that is read in place may
 */
export function jsonOut(text: string, exact = false): unknown {
  if (tooDeep(text, DEEPEST_JSON)) throw dataUnreadable(new Error(`a JSON value has more than ${DEEPEST_JSON} levels`))
  return parseShown(text, exact)
}

/** Whether reading the column exactly needs bigint. */
export const needsBigints = ({ type, wide, precision = MAX_DIGITS }: StoredColumn): boolean =>
  (type === 'integer' && wide === true) || (type === 'decimal' && precision > 15 && storedAsInteger(precision))

const integerOut = (value: bigint): number | string =>
  value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString()

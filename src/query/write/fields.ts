/** JSON values as columns take them: what an answer shows of a value is taken back, and nothing is rounded or guessed. */
import type { Column, StoredColumn } from '../../catalog/column.ts'
import { holdsInfinity, stringifyLossless } from '../../lib/json.ts'
import { fractionDigits, type StoredValue } from '../values.ts'
import type { Codec } from './codec.ts'

/** Digits that a double gives back as they were written. */
const EXACT_DIGITS = 15

/** A JSON value (not null) as it is stored, or undefined when it is not one of the column's. Integers may come as bigint. */
export function encodeJson(column: Column, value: unknown, { encode }: Codec): StoredValue | undefined {
  switch (column.type) {
    case 'integer':
      // + 0: a negative zero, which no answer shows, is none
      if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined
      return typeof value === 'bigint' || typeof value === 'string' ? encode(column, String(value)) : undefined
    case 'float':
      if (typeof value === 'bigint') return Number(value)
      return typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined
    case 'decimal':
      if (typeof value === 'number' && !isExact(value)) return undefined
      return typeof value === 'object' || typeof value === 'boolean' ? undefined : encode(column, String(value))
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : undefined
    case 'blob':
      return typeof value === 'string' ? bytesOf(value) : undefined
    case 'json':
      return holdsInfinity(value) ? undefined : stringifyLossless(value)
    default:
      return typeof value === 'string' && value.isWellFormed() ? encode(column, value) : undefined
  }
}

/** What a text is the base64 of, as answers write it; undefined: of nothing. */
export function bytesOf(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}

/** Whether a number is what its JSON text said, digit by digit. */
const isExact = (value: number) =>
  Number.isSafeInteger(value) || String(value).replace(/^-?0?\.?0*|\./g, '').length <= EXACT_DIGITS

/** What a value of the column must be, for a refusal: never the value that it was. */
export function expected(column: StoredColumn): string {
  const { type, precision, scale = 0 } = column
  switch (type) {
    case 'integer':
      return 'An integer of 64 bits is expected (beyond 2^53 it may be a string).'
    case 'float':
      return 'A number is expected.'
    case 'decimal':
      if (precision === undefined) return 'A decimal is expected, as a string.'
      return `A decimal is expected, as a string: at most ${precision - scale} digits before the point and ${scale} behind it.`
    case 'boolean':
      return 'true or false is expected.'
    case 'text':
      return 'A text is expected, without NUL.'
    case 'date':
      return 'A date is expected: YYYY-MM-DD.'
    case 'time':
      return `A time is expected: HH:MM:SS, with up to ${fractionDigits(column)} digits of a fraction.`
    case 'timestamp':
      return 'An ISO 8601 time without a zone is expected.'
    case 'timestamptz':
      return 'An ISO 8601 time is expected; one without a zone is UTC.'
    case 'blob':
      return 'Base64 is expected.'
    case 'json':
      return 'A JSON value is expected, its numbers within a double (about 1.8e308).'
  }
}

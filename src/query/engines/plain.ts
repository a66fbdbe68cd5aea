/** Values of the engines that have types of their own: decimals and times as plain text, integers as numbers or text. */
import { type Column, MAX_DIGITS } from '../../catalog/column.ts'
import type { Operator } from '../../catalog/query-definition.ts'
import { decodeDecimal, encodeDecimal } from '../../lib/decimal.ts'
import { strictJson } from '../ingest/json-scan.ts'
import { type Decoder, decoderOf, encodeText, type StoredValue } from '../values.ts'

/** A request's text as such a value; undefined where it is not one. Decimals in plain notation, within the column's digits. */
export function encodePlain(column: Column, text: string): StoredValue | undefined {
  const value = encodeText(column, text)
  if (column.type !== 'decimal' || value === undefined) return value
  const { precision = MAX_DIGITS, scale = 0 } = column
  return decodeDecimal(encodeDecimal(text, precision, scale), precision, scale)
}

/** How such a value becomes JSON; null where it is that already. */
export function plainDecoder(column: Column): Decoder | null {
  switch (column.type) {
    case 'integer':
      return value => (typeof value === 'string' ? safeInteger(value) : value)
    case 'decimal':
      return null
    case 'json': {
      const decode = decoderOf(column, false)!
      return value => decode(typeof value === 'string' ? strictJson(value) : value)
    }
    default:
      return decoderOf(column, false)
  }
}

function safeInteger(text: string): number | string {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}

/** Of patterns: one that ends in the middle of an escape matches nothing, and is an error to these engines. */
export const boundPlain = (op: Operator, value: StoredValue): StoredValue =>
  (op === 'like' || op === 'ilike') && typeof value === 'string' && /(^|[^\\])(\\\\)*\\$/.test(value) ? null : value

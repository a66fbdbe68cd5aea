/** Values of PostgreSQL's tables, as they are bound and as they are read. */
import type { Column, ColumnType } from '../../../catalog/column.ts'
import { type Decoder, jsonOut, type StoredValue } from '../../values.ts'
import { encodePlain, plainDecoder } from '../plain.ts'
import { FLOATS, typeOf } from './types.ts'

/** A text as a value of the column, or undefined when it is not one. */
export function encodeValue(column: Column, text: string): StoredValue | undefined {
  if (UNBOUNDED[column.type]?.test(text)) return text
  return column.type === 'decimal' && column.scale === undefined ? plainNumber(text) : encodePlain(column, text)
}

/** What columns of the server hold beside the values of a type, as answers show it. */
export const UNBOUNDED: Partial<Record<ColumnType, RegExp>> = {
  date: /^-?infinity$/,
  time: /^24:00:00$/,
  timestamp: /^-?infinity$/,
  timestamptz: /^-?infinity$/,
  decimal: /^(NaN|-?Infinity)$/,
}

/** How a selected value of a column becomes JSON; null where it is that already. */
export function decoderOf(column: Column): Decoder | null {
  switch (column.type) {
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return found => (found === null ? null : momentOut(found as string, column.type === 'timestamptz'))
    case 'blob':
      return found => (found === null ? null : bytesOut(found).toString('base64'))
    case 'json':
      // lists and rows may hold decimals, of which all digits are told
      return typeOf(column) === 'composite'
        ? found => (found === null ? null : jsonOut(found as string, column.native !== FLOATS))
        : plainDecoder(column)
    default:
      return plainDecoder(column)
  }
}

/** Bytes are read as hexadecimal digits, and bound as they are. */
const bytesOut = (found: StoredValue): Buffer =>
  found instanceof Uint8Array ? Buffer.from(found) : Buffer.from(found as string, 'hex')

/** A time as the server or a request writes it, in ISO 8601 where that has it: not infinities, nor years before 0 or after 9999. */
function momentOut(text: string, zoned: boolean): string {
  const moment = /^(\d{4}-\d\d-\d\d)(?:[ T]([\d:.]+))?( BC)?$/.exec(text)
  if (!moment || (moment[3] && !text.startsWith('0001'))) return text
  const date = moment[3] ? `0000${moment[1]!.slice(4)}` : moment[1]!
  return `${date}${moment[2] ? `T${moment[2]}` : ''}${zoned ? 'Z' : ''}`
}

/** A number of a column without a scale, in plain notation, of as many digits as the server has room for. */
function plainNumber(text: string): string | undefined {
  const match = /^([+-]?)(\d{1,131072})(?:\.(\d{0,16383}))?$|^([+-]?)\.(\d{1,16383})$/.exec(text)
  if (!match) return undefined
  const [, sign, whole, fraction, bareSign, bare] = match
  return `${(sign ?? bareSign) === '-' ? '-' : ''}${whole ?? '0'}${fraction || bare ? `.${fraction || bare}` : ''}`
}

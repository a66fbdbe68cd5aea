/** A row's place below its table's path: its primary key. */
import type { Column } from '../../catalog/column.ts'
import { decodedPart } from '../../lib/path.ts'
import type { StoredValue } from '../values.ts'
import type { Codec } from './codec.ts'
import { bytesOf } from './fields.ts'

/**
 * One path segment: the key's values as an answer writes them, percent-encoded, joined by `,` where there are several. (A
 * value `.` or `..` cannot be the whole of a segment: URLs take those for folders.)
 */
export function formatId(columns: readonly Column[], key: readonly StoredValue[], { decoder }: Codec): string {
  return columns
    .map((column, i) => {
      const decode = decoder(column)
      return encodeURIComponent(String(decode ? decode(key[i]!) : key[i]))
    })
    .join(',')
}

/**
 * The key that a raw path segment says, or undefined where it can be no row's. The segment is decoded once: a `,` that is
 * encoded is part of a value. Where that gives too few values, a segment that was encoded as a whole is meant (`a%2Cb`).
 */
export function parseId(columns: readonly Column[], segment: string, { encode }: Codec): StoredValue[] | undefined {
  const parts = columns.length === 1 ? [segment] : segment.split(',')
  const texts = parts.length === columns.length ? parts.map(decodedPart) : decodedPart(segment)?.split(',')
  if (texts?.length !== columns.length) return undefined
  const key = columns.map((column, i) => {
    const text = texts[i]
    return text === undefined ? undefined : column.type === 'blob' ? bytesOf(text) : encode(column, text)
  })
  return key.includes(undefined) ? undefined : (key as StoredValue[])
}

import { BLOCKED, maskOf } from '../masks.ts'
import type { StoredValue } from '../values.ts'
import { codecOf } from './codec.ts'
import type { WriteView } from './view.ts'

export type StoredRow = Record<string, StoredValue>
export type AnsweredRow = Record<string, unknown>

/** A row as the view's caller sees it, and the row's entity tag for that caller. */
export interface RenderedRow {
  row: AnsweredRow
  etag: string
}

const TAG_BYTES = 16

/**
 * Turns rows as they are read into what the caller sees. The tag is of exactly that, so that it changes with
 * the answer and tells of nothing else; and it is keyed, so that nobody can try values against it.
 * @param secret the installation's
 */
export function rendererOf(view: WriteView, secret: Uint8Array): (stored: StoredRow) => RenderedRow {
  const { decoder } = codecOf(view.engine)
  const columns = view.seen.map(({ column, treatment }) => {
    const decode = decoder(column) ?? ((value: StoredValue) => value as unknown)
    const mask = treatment === 'masked' ? maskOf(column, secret) : undefined
    const answered = (value: StoredValue): unknown => {
      if (treatment === 'blocked') return BLOCKED
      const plain = decode(value)
      return mask && plain !== null ? mask(plain) : plain
    }
    return { name: column.name, answered }
  })
  return stored => {
    const row = Object.fromEntries(columns.map(({ name, answered }) => [name, answered(stored[name]!)]))
    const digest = new Bun.CryptoHasher('sha256', secret).update('row tag\0').update(JSON.stringify(row)).digest()
    return { row, etag: `"${digest.subarray(0, TAG_BYTES).toString('base64url')}"` }
  }
}

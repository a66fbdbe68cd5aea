import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { StoredValue } from './values.ts'

const IV = 12
const TAG = 16
/** Lengths are rounded up to this, so that they do not tell of the values. */
const BLOCK = 256
/** A cursor travels in a URL. */
const MAX_PLAIN = 4096

/** Where a page begins: after the row of these values, without them at the first of all, and then so many rows further on. */
export interface Place {
  after?: StoredValue[]
  skip: number
}

const hmac = (key: Uint8Array, ...parts: (string | Uint8Array)[]): Buffer => {
  const hasher = new Bun.CryptoHasher('sha256', key)
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}

/**
 * The `next` of a page: the last row's values in the query's order, or where those are too long for a URL, how many rows it is
 * behind the place where the page began; sealed with the installation's secret for one endpoint,
 * one policy and one order of rows. Sealed and not only signed, because the author's order may stand on a column that the
 * caller must not see. The same row gives the same cursor, so that equal answers are equal bytes.
 */
export class Cursors {
  /** whether the order tells every row from every other */
  readonly offered: boolean
  #context: Uint8Array
  #sealing: Uint8Array
  #naming: Uint8Array

  /** @param context what a cursor holds for: another context's are refused */
  constructor(secret: Uint8Array, context: string, offered: boolean) {
    this.offered = offered
    this.#context = hmac(secret, 'cursor context\0', context)
    this.#sealing = hmac(secret, 'cursor sealing')
    this.#naming = hmac(secret, 'cursor naming')
  }

  /** @param last the page's last row, @param begun where the page began, @param rows how many it has */
  next(last: readonly StoredValue[], chosen: string, begun: Place, rows: number): string {
    const values = plainOf(last.map(written))
    if (values.length <= MAX_PLAIN) return this.#seal(values, chosen)
    return this.#seal(plainOf({ after: begun.after?.map(written), skip: begun.skip + rows }), chosen)
  }

  #seal(text: Buffer, chosen: string): string {
    const plain = Buffer.alloc(Math.ceil(text.length / BLOCK) * BLOCK, ' ')
    text.copy(plain)
    const about = this.#about(chosen)
    const iv = hmac(this.#naming, about, plain).subarray(0, IV)
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, iv).setAAD(about)
    return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url')
  }

  /** @returns undefined for what this did not seal */
  open(cursor: string, chosen: string): Place | undefined {
    const bytes = Buffer.from(cursor, 'base64url')
    // a lenient decoder takes several texts for the same bytes
    if (bytes.length <= IV + TAG || bytes.toString('base64url') !== cursor) return undefined
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#sealing, bytes.subarray(0, IV), { authTagLength: TAG })
      decipher.setAAD(this.#about(chosen)).setAuthTag(bytes.subarray(-TAG))
      const plain = Buffer.concat([decipher.update(bytes.subarray(IV, -TAG)), decipher.final()])
      const place = JSON.parse(plain.toString()) as Written[] | Behind
      if (Array.isArray(place)) return { after: place.map(read), skip: 0 }
      return { after: place.after?.map(read), skip: place.skip }
    } catch {
      return undefined
    }
  }

  #about(chosen: string): Buffer {
    return hmac(this.#context, chosen)
  }
}

const plainOf = (place: Written[] | Behind): Buffer => Buffer.from(JSON.stringify(place))

/** A place of which more is said than the values of a row. */
interface Behind {
  after?: Written[]
  skip: number
}

type Written = string | number | null | { i: string } | { f: string } | { b: string }

/** A value as JSON that no other value has. */
export function written(value: StoredValue): Written {
  if (typeof value === 'bigint') return { i: value.toString() }
  if (typeof value === 'number' && !Number.isFinite(value)) return { f: String(value) }
  return value instanceof Uint8Array ? { b: Buffer.from(value).toString('base64') } : value
}

function read(value: Written): StoredValue {
  if (value === null || typeof value !== 'object') return value
  if ('i' in value) return BigInt(value.i)
  return 'f' in value ? Number(value.f) : new Uint8Array(Buffer.from(value.b, 'base64'))
}

/**
 * Reads rows of numbers straight from a body's bytes into floats, without making text or objects of them: a third of the time
 * that `JSON.parse` and reading its objects take. It takes what nearly every caller sends and gives up on anything else, so
 * that everything is refused, and every error worded, in one place: `parseJson` and the codec.
 */
import { FLOATS_END } from './encode.ts'

export interface Scanned {
  /** Row-major [rows, features]: each the float that is nearest to what is written, null as NaN. */
  values: Float32Array<ArrayBuffer>
  rows: number
}

const [TAB, LF, CR, SPACE, PLUS, COMMA, MINUS, DOT, ZERO, COLON] = [9, 10, 13, 32, 43, 44, 45, 46, 48, 58]
const [UPPER_E, OPEN_LIST, CLOSE_LIST, LOWER_E, OPEN, CLOSE] = [69, 91, 93, 101, 123, 125]
const encoder = new TextEncoder()
const [FEATURES, ROWS, NULL] = ['"features"', '"rows"', 'null'].map(text => encoder.encode(text))
/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)
const EXACT = 2 ** 53
/** Digits are counted up to here: each step beyond 2^53 is rounded, and a number of hundreds of digits may be no double at all. */
const COUNTED = 1e21
/** More than the steps between the two and the division can be off by together. */
const SLACK = 2 ** -49
/** The scanner gives up. */
const UP = -1
/** From here on the nearest float32 is infinity. */
const TOO_LARGE = FLOATS_END.float32!

/** Bytes that a row with these features has at least: no shorter way to write their names and values is JSON. */
export const shortestRow = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + encoder.encode(JSON.stringify(name)).length + 3, 1)

/** A name as it stands in JSON, and the same in words of four bytes: they are compared in a fraction of the time. */
interface Key {
  bytes: Uint8Array
  /** little endian; what the last one has beyond the name is 0 */
  words: Int32Array
  /** what of the last word belongs to the name */
  mask: number
}

function keyOf(name: string): Key {
  const bytes = encoder.encode(JSON.stringify(name))
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  const words = Int32Array.from({ length: padded.length / 4 }, (_, i) => view.getInt32(i * 4, true))
  return { bytes, words, mask: -1 >>> (8 * (padded.length - bytes.length)) }
}

/** Made for one set of features, which every row must have, in any order, and nothing else. */
export class Scanner {
  readonly #keys: Key[]
  /** The features in the order in which they came lately. */
  readonly #order: Int32Array
  /** Bytes that a row has at least. */
  readonly #shortest: number
  /** How many names may still be tried where another was expected. */
  #patience = 0

  constructor(names: readonly string[]) {
    this.#keys = names.map(keyOf)
    this.#order = Int32Array.from(names, (_, i) => i)
    this.#shortest = shortestRow(names)
  }

  /** @returns undefined: not as it is read here, whatever it is */
  scan(body: Uint8Array): Scanned | undefined {
    const view = new DataView(body.buffer, body.byteOffset, body.length)
    const count = this.#keys.length
    let at = past(body, 0, OPEN)
    if (at === UP) return undefined
    at = skip(body, at)
    const single = matches(body, at, FEATURES!)
    if (!single && !matches(body, at, ROWS!)) return undefined
    at = past(body, at + (single ? FEATURES! : ROWS!).length, COLON)
    if (at === UP) return undefined
    const most = single ? 1 : Math.floor(body.length / this.#shortest)
    const values = new Float32Array(most * count)
    let rows = 0
    // many features in no order at all would take time with the square of their number
    this.#patience = body.length >> 1
    if (!single) at = past(body, at, OPEN_LIST)
    for (let more = at !== UP; more; rows++) {
      if (rows === most) return undefined
      at = this.#row(body, view, skip(body, at), values, rows * count)
      if (at === UP) return undefined
      if (single) more = false
      else {
        at = skip(body, at)
        more = body[at] === COMMA
        if (!more && body[at] !== CLOSE_LIST) return undefined
        at++
      }
    }
    if (at !== UP) at = past(body, at, CLOSE)
    if (at === UP || skip(body, at) < body.length) return undefined
    return { values: rows === most ? values : values.slice(0, rows * count), rows }
  }

  /** One function, as it is what takes the time: calls and fields would double it. @returns where the row ends, or UP */
  #row(body: Uint8Array, view: DataView, start: number, values: Float32Array, base: number): number {
    const keys = this.#keys
    const order = this.#order
    const count = keys.length
    const length = body.length
    let at = start
    if (body[at] !== OPEN) return UP
    at++
    for (let place = 0; place < count; place++) {
      if (body[at]! <= SPACE) at = skip(body, at)
      let index = order[place]!
      let key = keys[index]!
      const { words } = key
      const last = words.length - 1
      // behind a name there are four bytes at least
      if (at + words.length * 4 > length) return UP
      let word = 0
      while (word < last && view.getInt32(at + word * 4, true) === words[word]) word++
      if (word < last || (view.getInt32(at + last * 4, true) & key.mask) !== words[last]) {
        index = this.#other(body, at, place)
        if (index === UP) return UP
        key = keys[index]!
      }
      at += key.bytes.length
      if (body[at]! <= SPACE) at = skip(body, at)
      if (body[at] !== COLON) return UP
      at++
      if (body[at]! <= SPACE) at = skip(body, at)

      const first = at
      let byte = body[at]!
      const negative = byte === MINUS
      if (negative) byte = body[++at]!
      let digits = byte - ZERO
      let value: number
      if (digits >= 0 && digits <= 9) {
        byte = body[++at]!
        if (digits !== 0)
          for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
            digits = digits * 10 + digit
            byte = body[++at]!
          }
        let places = 0
        if (byte === DOT) {
          at++
          // four digits at a time: their bytes are 0x30 to 0x39
          while (at + 4 <= length) {
            const four = view.getInt32(at, true)
            if ((four & 0xf0f0f0f0) !== 0x30303030 || ((four + 0x06060606) & 0xf0f0f0f0) !== 0x30303030) break
            const ones = four & 0x0f0f0f0f
            const tens = (Math.imul(ones, 10) + (ones >>> 8)) & 0x00ff00ff
            digits = digits * 10_000 + ((Math.imul(tens, 100) + (tens >>> 16)) & 0xffff)
            places += 4
            at += 4
          }
          byte = body[at]!
          for (let digit = byte - ZERO; digit >= 0 && digit <= 9; digit = byte - ZERO) {
            digits = digits * 10 + digit
            places++
            byte = body[++at]!
          }
          if (places === 0) return UP
        }
        value = places === 0 ? digits : digits / POWERS[Math.min(places, 22)]!
        // where digits were counted with rounding, the nearest float must be certain all the same
        const certain =
          digits < EXACT || (digits < COUNTED && Math.fround(value * (1 - SLACK)) === Math.fround(value * (1 + SLACK)))
        if (certain && places <= 22 && byte !== LOWER_E && byte !== UPPER_E) {
          if (negative) value = -value
        } else {
          at = endOfNumber(body, at)
          value = parsed(body, first, at)
          if (Number.isNaN(value)) return UP
        }
      } else {
        if (negative || !matches(body, at, NULL!)) return UP
        at += 4
        byte = body[at]!
        value = Number.NaN
      }
      if (value >= TOO_LARGE || value <= -TOO_LARGE) return UP
      values[base + index] = value
      if (body[at]! <= SPACE) at = skip(body, at)
      if (body[at] !== (place === count - 1 ? CLOSE : COMMA)) return UP
      at++
    }
    return at
  }

  /** The feature whose name stands here, though another was expected; UP: none, one that the row has already, or no patience. */
  #other(body: Uint8Array, at: number, place: number): number {
    const order = this.#order
    for (let i = place + 1; i < order.length; i++) {
      const index = order[i]!
      if (--this.#patience < 0) return UP
      if (!matches(body, at, this.#keys[index]!.bytes)) continue
      order[i] = order[place]!
      order[place] = index
      return index
    }
    return UP
  }
}

function skip(body: Uint8Array, from: number): number {
  let at = from
  for (let byte = body[at]; byte === SPACE || byte === LF || byte === CR || byte === TAB; byte = body[at]) at++
  return at
}

/** Behind this byte, with space before it; UP: it does not come. */
function past(body: Uint8Array, from: number, byte: number): number {
  const at = skip(body, from)
  return body[at] === byte ? at + 1 : UP
}

function matches(body: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (body[at + i] !== text[i]) return false
  return true
}

function endOfNumber(body: Uint8Array, from: number): number {
  let at = from
  for (; ; at++) {
    const byte = body[at]!
    const digit = byte >= ZERO && byte <= ZERO + 9
    if (!digit && byte !== MINUS && byte !== PLUS && byte !== DOT && byte !== LOWER_E && byte !== UPPER_E) return at
  }
}

/** By `JSON.parse`, which is exact, and slow for one number. NaN: it is none, or beyond a double. */
function parsed(body: Uint8Array, start: number, end: number): number {
  try {
    const value = JSON.parse(Buffer.from(body.buffer, body.byteOffset + start, end - start).toString('latin1'))
    return Number.isFinite(value) ? value : Number.NaN
  } catch {
    return Number.NaN
  }
}

import { MalformedAnswer } from './head.ts'

const CR = 13
const LF = 10
const MOST_OF_A_LINE = 1024
const MOST_OF_TRAILERS = 16 * 1024
/** the largest that takes one more digit and can still be counted exactly */
const MOST_OF_A_SIZE = 16 ** 12

type Where = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'trailer-lf' | 'end'

/** Takes a chunked body (RFC 9112, 7.1) apart as it comes; trailers are read and let go. */
export class Unchunker {
  #where: Where = 'size'
  /** of the chunk, while its digits are read; then what is left of it */
  #size = 0
  #digits = 0
  /** bytes of the line, or of all trailers */
  #line = 0
  #emptyLine = true

  get ended(): boolean {
    return this.#where === 'end'
  }

  /**
   * @param bytes are written to: where they are the body of several chunks, it is moved together, as there may be one for each byte
   * @param take is given what of the body is in them, in one piece; also where what comes behind it is malformed
   * @returns how many of the bytes belong to this body: fewer than there are only where it ended
   * @throws MalformedAnswer
   */
  push(bytes: Buffer, take: (piece: Buffer) => void): number {
    let at = 0
    let [start, end] = [0, 0]
    try {
      while (at < bytes.length && this.#where !== 'end') {
        if (this.#where === 'data') {
          const length = Math.min(bytes.length - at, this.#size)
          if (start === end) start = end = at
          else bytes.copyWithin(end, at, at + length)
          end += length
          at += length
          this.#size -= length
          if (this.#size === 0) this.#where = 'data-cr'
        } else this.#step(bytes[at++]!)
      }
    } finally {
      if (start < end) take(bytes.subarray(start, end))
    }
    return at
  }

  #step(byte: number): void {
    switch (this.#where) {
      case 'size':
        return void this.#sizeByte(byte)
      case 'extension':
        if (byte === CR) this.#where = 'size-lf'
        else if (byte === LF || ++this.#line > MOST_OF_A_LINE) throw bad()
        return
      case 'size-lf':
        if (byte !== LF) throw bad()
        this.#line = 0
        this.#emptyLine = true
        this.#where = this.#size === 0 ? 'trailer' : 'data'
        return
      case 'data-cr':
        if (byte !== CR) throw bad()
        this.#where = 'data-lf'
        return
      case 'data-lf':
        if (byte !== LF) throw bad()
        this.#where = 'size'
        this.#digits = 0
        this.#line = 0
        return
      case 'trailer':
        if (byte === CR) this.#where = 'trailer-lf'
        else if (byte === LF || ++this.#line > MOST_OF_TRAILERS) throw bad()
        else this.#emptyLine = false
        return
      case 'trailer-lf':
        if (byte !== LF) throw bad()
        this.#where = this.#emptyLine ? 'end' : 'trailer'
        this.#emptyLine = true
        return
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      // zeros may lead (RFC 9112, 7.1)
      if (++this.#digits > MOST_OF_A_LINE || this.#size >= MOST_OF_A_SIZE) throw bad()
      this.#size = this.#size * 16 + digit
      return
    }
    if (this.#digits === 0) throw bad()
    if (byte === CR) this.#where = 'size-lf'
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.#where = 'extension'
    else throw bad()
  }
}

const bad = () => new MalformedAnswer('the chunks of the body are none')

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

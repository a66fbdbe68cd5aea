/** WebSocket frames (RFC 6455, 5), as a client writes and reads them. */
import { isUtf8 } from 'node:buffer'
import { Gathering } from '../../lib/gathering.ts'

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The server broke the protocol; `code` is what the connection is closed with. */
export class FrameError extends Error {
  override name = 'FrameError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export type Incoming =
  | { opcode: typeof OPCODE.text | typeof OPCODE.binary | typeof OPCODE.ping | typeof OPCODE.pong; payload: Buffer }
  | { opcode: typeof OPCODE.close; code: number | undefined; reason: string }
  /** some of a message */
  | { opcode: typeof OPCODE.continuation }

const MOST_OF_A_CONTROL = 125
/** the least that says how long a frame is */
const HEAD_BYTES = 2

/** A whole message or a control frame, masked as a client's must be. */
export function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const body = 2 + extended + 4
  // the payload begins at a word, so that most of it is masked by words
  const isLarge = length >= LARGE
  const pad = isLarge ? -body & 3 : 0
  const frame = isLarge ? Buffer.allocUnsafeSlow(pad + body + length).subarray(pad) : Buffer.allocUnsafe(body + length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) frame.writeUInt16BE(length, 2)
  else if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(nextMask(), body - 4)
  frame.set(payload, body)
  const mask = frame.subarray(body - 4, body)
  let masked = 0
  if (isLarge) {
    const words = new Int32Array(frame.buffer, pad + body, length >>> 2)
    const word = new Int32Array(Uint8Array.from(mask).buffer)[0]!
    for (let i = 0; i < words.length; i++) words[i]! ^= word
    masked = words.length * 4
  }
  for (let i = masked; i < length; i++) frame[body + i]! ^= mask[i & 3]!
  return frame
}

const LARGE = 1024
const masks = Buffer.alloc(4096)
let nextAt = masks.length

/** Four bytes that nobody can guess; to ask for them for each frame takes as long as all else of a small one. */
function nextMask(): Buffer {
  if (nextAt === masks.length) {
    crypto.getRandomValues(masks)
    nextAt = 0
  }
  nextAt += 4
  return masks.subarray(nextAt - 4, nextAt)
}

/** @param code undefined: a close that says nothing */
export function closeFrameOf(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return frameOf(OPCODE.close, Buffer.alloc(0))
  const text = Buffer.from(reason).subarray(0, MOST_OF_A_CONTROL - 2)
  const payload = Buffer.alloc(2 + text.length)
  payload.writeUInt16BE(code)
  text.copy(payload, 2)
  return frameOf(OPCODE.close, payload)
}

/** Reads a server's frames as they come, and puts messages that came in fragments together. */
export class FrameReader {
  #limit: number
  #pieces: Buffer[] = []
  #bytes = 0
  /** how many there must be before it is worth looking again */
  #wanted = HEAD_BYTES
  /** of a message in fragments */
  #fragments = new Gathering()
  #messageOpcode: typeof OPCODE.text | typeof OPCODE.binary | undefined

  /** @param limit bytes of one message */
  constructor(limit: number) {
    this.#limit = limit
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
  }

  /**
   * @param most fragments that are put together before `continuation` says that there may be more
   * @returns the next message or control frame; undefined where it is not all there. @throws FrameError
   */
  next(most = Number.POSITIVE_INFINITY): Incoming | undefined {
    for (let fragments = 1; ; fragments++) {
      const frame = this.#frame()
      if (!frame) return undefined
      const { opcode, final, payload } = frame
      if (opcode >= 8) return this.#control(opcode, final, payload)
      if ((opcode === OPCODE.continuation) !== (this.#messageOpcode !== undefined) || opcode > 2)
        throw new FrameError(1002, 'a fragment out of its order')
      const kind = this.#messageOpcode ?? (opcode as typeof OPCODE.text | typeof OPCODE.binary)
      const inFragments = this.#messageOpcode !== undefined || !final
      if (inFragments) this.#fragments.push(payload)
      if (this.#fragments.length > this.#limit) throw new FrameError(1009, 'a message is too large')
      this.#messageOpcode = final ? undefined : kind
      if (!final && fragments < most) continue
      if (!final) return { opcode: OPCODE.continuation }
      const whole = { opcode: kind, payload: inFragments ? this.#fragments.take() : payload }
      if (whole.opcode === OPCODE.text) checkText(whole.payload)
      return whole
    }
  }

  #control(opcode: number, final: boolean, payload: Buffer): Incoming {
    if (!final || payload.length > MOST_OF_A_CONTROL) throw new FrameError(1002, 'a control frame in fragments')
    if (opcode === OPCODE.ping || opcode === OPCODE.pong) return { opcode, payload }
    if (opcode !== OPCODE.close || payload.length === 1) throw new FrameError(1002, 'an unknown frame')
    const code = payload.length === 0 ? undefined : payload.readUInt16BE()
    if (code !== undefined && !mayBeSent(code)) throw new FrameError(1002, 'an end with a code that nobody sends')
    checkText(payload.subarray(2))
    return { opcode, code, reason: payload.subarray(2).toString() }
  }

  #frame(): { opcode: number; final: boolean; payload: Buffer } | undefined {
    if (this.#bytes < this.#wanted) return undefined
    const held = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
    this.#pieces = [held]
    const [first, second] = [held[0]!, held[1]!]
    if (first & 0x70 || second & 0x80) throw new FrameError(1002, 'a frame with what was not agreed')
    const short = second & 0x7f
    const start = short < 126 ? 2 : short === 126 ? 4 : 10
    if (held.length < start) return this.#waitFor(start)
    const length = short < 126 ? short : short === 126 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2))
    if (length > this.#limit) throw new FrameError(1009, 'a message is too large')
    if (held.length < start + length) return this.#waitFor(start + length)
    this.#pieces = [held.subarray(start + length)]
    this.#bytes -= start + length
    this.#wanted = HEAD_BYTES
    return { opcode: first & 0x0f, final: (first & 0x80) !== 0, payload: held.subarray(start, start + length) }
  }

  #waitFor(bytes: number): undefined {
    this.#wanted = bytes
  }
}

/** RFC 6455, 7.4; others are of nobody, or stand for an end without a code, without a frame, and of TLS. */
const mayBeSent = (code: number): boolean =>
  (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006)

/** @throws FrameError */
function checkText(bytes: Buffer): void {
  if (!isUtf8(bytes)) throw new FrameError(1007, 'a text that is not UTF-8')
}

/** Answers that are there as a whole, on their way out: however slowly large ones are read, they take no more memory together than there is room for. */
import { unavailable } from './fault.ts'
import { usableMemory } from './machine.ts'
import { unread } from './unread.ts'

/** An answer of no more than this is not counted, and is sent as it is. */
const SMALL_ANSWER = 1024 * 1024
const PIECE = 256 * 1024
/** A reader has so long, in milliseconds. Then it goes on while nobody else needs the room. */
const PATIENCE_MS = 30_000
/** Bytes of all that are not small. One that is larger than this alone is sent when no other is. */
let most: number | undefined
const mostBytes = () => (most ??= Math.min(512 * 1024 * 1024, Math.floor(usableMemory() / 8)))

let held = 0
const sending = new Set<Sending>()

/**
 * What a Response takes for a body. Of a large one HEAD sends nothing: it takes no room, and from nobody else either.
 * @throws Fault 503 too much is being sent
 */
export function sent(body: string | Uint8Array, method = 'GET'): BodyInit {
  if (body.length <= SMALL_ANSWER) return body as BodyInit
  if (method === 'HEAD') return unread()
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  makeRoom(bytes.length)
  return new ReadableStream(new Sending(bytes), { highWaterMark: 0 })
}

/** Who has had its time makes room where that is enough, the slowest first. @throws Fault 503 */
function makeRoom(bytes: number): void {
  const fits = (others: number) => others === 0 || others + bytes <= mostBytes()
  if (fits(held)) return
  const now = performance.now()
  const late = [...sending].filter(one => now - one.began > PATIENCE_MS).sort((a, b) => a.pace(now) - b.pace(now))
  if (!fits(late.reduce((left, one) => left - one.size, held)))
    throw unavailable('Too many large answers are being sent; try again shortly.')
  for (const one of late) {
    if (fits(held)) return
    one.cut()
  }
}

/** One answer, in pieces, each when the one before has gone out. */
class Sending implements UnderlyingDefaultSource<Uint8Array> {
  readonly began = performance.now()
  readonly size: number
  #bytes: Uint8Array | undefined
  #at = 0
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.size = bytes.length
    held += this.size
    sending.add(this)
  }

  pace(now: number): number {
    return this.#at / (now - this.began)
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (!this.#bytes) return
    controller.enqueue(this.#bytes.subarray(this.#at, this.#at + PIECE))
    this.#at += PIECE
    if (this.#at < this.size) return
    this.#end()
    controller.close()
  }

  cancel(): void {
    this.#end()
  }

  /** The end of the body is missing, so nobody takes it for the whole. */
  cut(): void {
    this.#end()
    this.#controller?.error() // an Error here would be printed by Bun
  }

  #end(): void {
    if (sending.delete(this)) held -= this.size
    this.#bytes = undefined
  }
}

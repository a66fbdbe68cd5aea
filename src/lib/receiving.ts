/** Bodies on their way in: each has until a deadline for all of it, and together they take no more memory than there is room for. */
import { steadyOf } from './deadline.ts'
import { badRequest, Fault, unavailable } from './fault.ts'
import { usableMemory } from './machine.ts'
import { type Watched, watch } from './watch.ts'

/** A body of no more than this is not counted, and never waits. */
export const SMALL_BODY = 64 * 1024
/** Bytes of all that are not small, as far as they have come. One that may be larger than this alone is received when no other is. */
let most: number | undefined
const mostBytes = () => (most ??= Math.min(256 * 1024 * 1024, Math.floor(usableMemory() / 8)))

let held = 0
/** those that there is room for, if only for what has come of them */
const inside = new Set<Receiving>()
/**
 * There is room for all of this one, and no other inside can be larger. So it comes to its end whatever the others have, and leaves
 * room enough for any of them to be the next: else each could have a part and wait for more.
 */
let first: Receiving | undefined
/**
 * Those that are not read on, in the order of their coming, but before all others those that are inside: till they are, the HTTP
 * server has their senders wait.
 */
let waiting: Receiving[] = []

/** One body, from when it is asked for to when it is there or given up. */
export class Receiving implements Watched {
  readonly request: Request
  readonly deadline: number
  place = 0
  /** it is given up: what else of it comes is nobody's */
  over = false
  /** there is room for so many */
  #bytes = 0
  #wanted = 0
  #most = 0
  #enter: (() => void) | undefined
  #reject!: (fault: Fault) => void

  /** @param deadline milliseconds since the epoch */
  constructor(request: Request, deadline: number) {
    this.request = request
    this.deadline = steadyOf(deadline)
  }

  /** @throws Fault 408 it did not come in time, 503 there was no room for it; what `receive` throws */
  run<T>(receive: () => Promise<T>): Promise<T> {
    watch.add(this)
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject
      receive().then(
        received => {
          this.#end()
          resolve(received)
        },
        error => {
          this.#end()
          reject(error)
        },
      )
    })
  }

  /**
   * To be awaited where it gives a promise, before more is read; what is read is counted until the body is there.
   * @param come bytes that are there
   * @param most bytes that there can be
   */
  room(come: number, most: number): Promise<void> | undefined {
    if (come <= Math.max(SMALL_BODY, this.#bytes)) return undefined
    this.#wanted = Math.min(most, come + SMALL_BODY)
    this.#most = most
    const newcomer = !inside.has(this)
    if (!(newcomer && waiting.length > 0) && this.#enters()) return undefined
    const before = newcomer ? -1 : waiting.findIndex(other => !inside.has(other))
    waiting.splice(before < 0 ? waiting.length : before, 0, this)
    return new Promise(resolve => {
      this.#enter = resolve
    })
  }

  expired(): void {
    this.#giveUp(this.#enter ? unavailable('Too many large bodies are being received.') : tooSlow())
  }

  gone(): void {
    this.#giveUp(badRequest('The body was cut off.', 'malformed_body'))
  }

  #giveUp(fault: Fault): void {
    this.over = true
    this.#end()
    this.#reject(fault)
  }

  #enters(): boolean {
    const foremost = this.#most > (first ? first.#most : 0)
    const bytes = foremost ? this.#most : this.#wanted
    if (held > 0 && held + bytes - this.#bytes > mostBytes()) return false
    if (foremost) first = this
    this.#has(bytes)
    return true
  }

  #has(bytes: number): void {
    held += bytes - this.#bytes
    this.#bytes = bytes
    inside.add(this)
    this.#enter?.()
    this.#enter = undefined
  }

  #end(): void {
    watch.remove(this)
    if (this.#enter) waiting = waiting.filter(other => other !== this)
    this.#enter = undefined
    inside.delete(this)
    held -= this.#bytes
    this.#bytes = 0
    if (first === this) {
      first = undefined
      for (const other of inside) if (!first || other.#most > first.#most) first = other
      if (first) first.#has(first.#most)
      waiting = waiting.filter(other => other !== first)
    }
    while (waiting.length > 0 && waiting[0]!.#enters()) waiting.shift()
  }
}

export const tooSlow = () => new Fault(408, 'body_timeout', 'The body did not come in time.')

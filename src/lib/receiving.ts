/** Bodies on their way in: each has until a deadline for all of it, and together they take no more memory than there is room for. */
import { steadyOf } from './deadline.ts'
import { badRequest, Fault, unavailable } from './fault.ts'
import { usableMemory } from './machine.ts'
import { type Watched, watch } from './watch.ts'

/** A body of no more than this is not counted, and never waits. */
export const SMALL_BODY = 64 * 1024
/** Bytes of all that are not small. One that is larger than this alone is received when no other is. */
let most: number | undefined
const mostBytes = () => (most ??= Math.min(256 * 1024 * 1024, Math.floor(usableMemory() / 8)))

let held = 0
/** those that are not read yet, in the order of their coming: till they are, the HTTP server has their senders wait */
let waiting: Receiving[] = []

/** One body, from when it is asked for to when it is there or given up. */
export class Receiving implements Watched {
  readonly request: Request
  readonly deadline: number
  place = 0
  /** it is given up: what else of it comes is nobody's */
  over = false
  #bytes = 0
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

  /** To be awaited where it gives a promise, before so many bytes are read; they are counted until the body is there. */
  room(bytes: number): Promise<void> | undefined {
    if (bytes <= SMALL_BODY) return undefined
    this.#bytes = bytes
    if (waiting.length === 0 && hasRoom(bytes)) {
      held += bytes
      return undefined
    }
    waiting.push(this)
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

  #end(): void {
    watch.remove(this)
    if (this.#enter) waiting = waiting.filter(other => other !== this)
    else held -= this.#bytes
    this.#enter = undefined
    this.#bytes = 0
    for (let next = waiting[0]; next && hasRoom(next.#bytes); next = waiting[0]) {
      waiting.shift()
      held += next.#bytes
      next.#enter!()
      next.#enter = undefined
    }
  }
}

const hasRoom = (bytes: number) => held === 0 || held + bytes <= mostBytes()

export const tooSlow = () => new Fault(408, 'body_timeout', 'The body did not come in time.')

import { inTime } from '../lib/deadline.ts'
import { Fault } from '../lib/fault.ts'
import type { Page } from './formats.ts'

/** An answer whose bytes are all there, as it is kept. */
export interface KeptAnswer {
  body: Uint8Array
  /** a strong validator of the body, quoted */
  etag: string
  page: Page
}

interface Entry {
  answer: KeptAnswer
  bytes: number
  /** as performance.now(): a clock that is set back must not have answers last longer */
  storedAt: number
  expiresAt: number
}

/** Work that several callers wait for. */
interface Flight {
  promise: Promise<KeptAnswer | undefined>
  controller: AbortController
  callers: number
  settled: boolean
}

/** The caller that waits: its `signal` is read only where it has to. */
export interface Caller {
  readonly signal?: AbortSignal
}

/** An entry's key and bookkeeping, beside its body. */
const OVERHEAD = 300
/** No answer may take more than this part of the cache. */
const SHARE = 1 / 16

/**
 * Rendered answers, bounded in bytes, the least recently used let go first. It knows nothing of what makes an answer:
 * whoever asks puts everything that changes it into the key, the data's generation included, so nothing is ever removed
 * because it became wrong; it is not asked for again.
 */
export class AnswerCache {
  /** the largest body that is kept */
  readonly maxBody: number
  #maxBytes: number
  #bytes = 0
  /** the least recently used first */
  #entries = new Map<string, Entry>()
  #flights = new Map<string, Flight>()

  /** @param maxBytes 0: nothing is kept */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.maxBody = Math.floor(maxBytes * SHARE)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns the answer and its age in milliseconds */
  get(key: string): { answer: KeptAnswer; age: number } | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    const now = performance.now()
    if (entry.expiresAt <= now) {
      this.#bytes -= entry.bytes
      return undefined
    }
    this.#entries.set(key, entry)
    return { answer: entry.answer, age: now - entry.storedAt }
  }

  put(key: string, answer: KeptAnswer, ttlMs: number): void {
    const bytes = answer.body.byteLength + key.length * 2 + OVERHEAD
    if (answer.body.byteLength > this.maxBody || bytes > this.#maxBytes) return
    const old = this.#entries.get(key)
    if (old) {
      this.#bytes -= old.bytes
      this.#entries.delete(key)
    }
    const now = performance.now()
    this.#entries.set(key, { answer, bytes, storedAt: now, expiresAt: now + ttlMs })
    this.#bytes += bytes
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#entries.delete(oldest)
      this.#bytes -= entry.bytes
    }
  }

  /**
   * Makes an answer once for all who ask for it meanwhile, and keeps it. Each caller waits until its own deadline and
   * leaves when it has gone; the work ends when the last has left. An error is everybody's and is not kept, but where only
   * the time of the one who began is over, the others begin again.
   * @param make gets the signal that ends it; undefined: an answer that cannot be shared
   * @param deadline as performance.now()
   * @throws Fault 499 the caller has gone; 504; what `make` throws
   */
  async share(
    key: string,
    ttlMs: number,
    deadline: number,
    caller: Caller | undefined,
    make: (signal: AbortSignal) => Promise<KeptAnswer | undefined>,
  ): Promise<KeptAnswer | undefined> {
    for (;;) {
      const joined = this.#flights.get(key)
      const flight = joined ?? this.#begin(key, ttlMs, make)
      try {
        return await waitFor(flight, deadline, caller?.signal)
      } catch (error) {
        const outOfTime = error instanceof Fault && (error.status === 504 || error.status === 499)
        if (!joined || !outOfTime || caller?.signal?.aborted || performance.now() >= deadline) throw error
      }
    }
  }

  #begin(key: string, ttlMs: number, make: (signal: AbortSignal) => Promise<KeptAnswer | undefined>): Flight {
    const controller = new AbortController()
    const promise = make(controller.signal)
      .then(answer => {
        if (answer) this.put(key, answer, ttlMs)
        return answer
      })
      .finally(() => {
        flight.settled = true
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      })
    promise.catch(() => {})
    const flight: Flight = { promise, controller, callers: 0, settled: false }
    // nobody joins one that is being ended
    controller.signal.addEventListener('abort', () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    return flight
  }
}

/** The flight's outcome for one caller. */
async function waitFor(
  flight: Flight,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<KeptAnswer | undefined> {
  flight.callers++
  try {
    return await inTime(flight.promise, deadline, signal)
  } finally {
    if (--flight.callers === 0 && !flight.settled) flight.controller.abort()
  }
}

import type { Child } from '../workers/child.ts'
import type { LoadRequest } from './wire.ts'

/** A process that does not say how large it is within this is busy. */
const ANSWER_MS = 5000
/** A process of one model is replaced at most so often: it may need what it takes. */
const ALONE_MS = 600_000

/** A place in the pool: a process, what is known of it, and of its successors when it ends. */
export class PoolWorker {
  child: Child | undefined
  inFlight = 0
  /** Holds one request that wants the process to itself. */
  reserved = false
  /** Whether all that it is working on answers at once. */
  quick = false
  /** Whether this process has answered anything. */
  served = false
  backoff = 0
  timer: ReturnType<typeof setTimeout> | undefined
  /** The models in this process, the least recently used first. */
  loaded = new Map<string, LoadRequest>()
  /** Resident bytes of this process when it had loaded its first model and scored little. */
  base = Number.POSITIVE_INFINITY
  /** When a process of one model was replaced here last, as performance.now(). */
  replaced = Number.NEGATIVE_INFINITY
  /** What this process has been asked to load, until it has. */
  readonly loading = new Set<Promise<unknown>>()
  #latest = ''

  /** @param models that the process has loaded */
  become(child: Child, models: readonly LoadRequest[] = []): void {
    this.child = child
    this.inFlight = 0
    this.reserved = false
    this.loaded = new Map(models.map(model => [model.sha256, model]))
    this.loading.clear()
  }

  measure(child: Child): void {
    memoryOf(child)
      .then(resident => {
        if (this.child === child) this.base = resident
      })
      .catch(() => {}) // it has ended
  }

  /** Whether calls have made the process more than twice as large, and it was not replaced lately. */
  outgrown(resident: number): boolean {
    return resident > 2 * this.base && performance.now() - this.replaced > ALONE_MS
  }

  use(model: LoadRequest): void {
    if (this.#latest === model.sha256 && this.loaded.has(model.sha256)) return
    this.#latest = model.sha256
    this.loaded.delete(model.sha256)
    this.loaded.set(model.sha256, { sha256: model.sha256, path: model.path })
  }
}

/** Resident bytes of a process. */
export const memoryOf = (child: Child) => child.request<number>('memory', undefined, { timeoutMs: ANSWER_MS })

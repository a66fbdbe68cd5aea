import type { Engine } from './engine.ts'

/** Rejected promises that are looked after: as many as there may be lines about them. */
const MOST = 100

/** The values of a promise and of its reason. */
type Rejection = [promise: number, reason: number]

/** By the address of the promise. */
export type Known = ReadonlyMap<number, Rejection>

/** Promises in an engine that were rejected, and that nothing waits for, or not yet. */
export class Rejections {
  readonly #engine: Engine
  #known = new Map<number, Rejection>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** What the engine says of a promise: that it was rejected, or that something waits for it now. */
  told(address: number, promise: number, reason: number, handled: boolean): void {
    if (!handled && this.#known.size < MOST) {
      this.#known.set(address, [promise, reason])
      return
    }
    const known = (handled && this.#known.get(address)) || []
    this.#known.delete(address)
    for (const value of [promise, reason, ...known]) this.#engine.qjs_free_value(value)
  }

  /** Their reasons: they are looked after no more. */
  take(): number[] {
    const reasons = [...this.#known.values()].map(([, reason]) => reason)
    this.#known.clear()
    return reasons
  }

  copy(): Known {
    return new Map(this.#known)
  }

  /** The engine has its memory as it was with these. */
  restore(known: Known): void {
    if (this.#known.size + known.size > 0) this.#known = new Map(known)
  }
}

import { unavailable } from '../lib/fault.ts'
import type { Child } from './child.ts'

const IDLE_MS = 60_000

/** A child that is there while it is needed: the first use starts it, and it is left when it has had nothing to do for a minute. */
export class OnDemand {
  readonly #start: () => Promise<Child>
  readonly #idleMs: number
  #child: Promise<Child> | undefined
  /** the one that was used last: one before it may end later than it, and has ended itself */
  #last: Child | undefined
  #uses = 0
  #idle: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(start: () => Promise<Child>, idleMs = IDLE_MS) {
    this.#start = start
    this.#idleMs = idleMs
  }

  /** @throws Fault 503 the server is shutting down; as `Child.start` and the work do */
  async use<T>(work: (child: Child) => Promise<T>): Promise<T> {
    const child = await this.#started()
    clearTimeout(this.#idle)
    this.#last = child
    this.#uses++
    try {
      return await work(child)
    } finally {
      if (--this.#uses === 0) {
        this.#idle = setTimeout(() => this.#last?.leave(), this.#idleMs)
        this.#idle.unref?.()
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    const child = await this.#child?.catch(() => undefined)
    child?.kill()
    await child?.exited
  }

  async #started(): Promise<Child> {
    if (this.#closed) throw unavailable('The server is shutting down.')
    this.#child ??= this.#start()
    const starting = this.#child
    try {
      const child = await starting
      if (child.alive) return child
    } catch (error) {
      if (this.#child === starting) this.#child = undefined
      throw error
    }
    if (this.#child === starting) this.#child = undefined
    return this.#started()
  }
}

/** At most so many at a time; the others wait their turn. */
export class Turns {
  #free: number
  #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** @throws the signal's reason, where it is aborted before the turn comes; what the work throws */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #turn(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      this.#waiting = this.#waiting.filter(other => other !== enter)
      reject(signal?.reason)
    }
    const enter = () => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    this.#waiting.push(enter)
    signal?.addEventListener('abort', leave, { once: true })
    return promise
  }
}

interface NamedTurn {
  names: readonly string[]
  enter: () => void
}

/** Turns of each of many things, by their names. */
export class NamedTurns {
  #atOnce: number
  #taken = new Map<string, number>()
  /** who waits, by each of the names */
  #waiting = new Map<string, Set<NamedTurn>>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** Work that has a turn of each: who waits for one has none of the others. @throws as `Turns.run` */
  async run<T>(names: readonly string[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const own = [...new Set(names)]
    if (!this.#take(own)) await this.#turn(own, signal)
    try {
      return await work()
    } finally {
      for (const name of own) this.#count(name, -1)
      for (const name of own) this.#giveOn(name)
    }
  }

  #giveOn(name: string): void {
    for (const other of this.#waiting.get(name) ?? []) {
      if (this.#isTaken(name)) return
      if (this.#take(other.names)) other.enter()
    }
  }

  #isTaken(name: string): boolean {
    return (this.#taken.get(name) ?? 0) >= this.#atOnce
  }

  #take(names: readonly string[]): boolean {
    if (names.some(name => this.#isTaken(name))) return false
    for (const name of names) this.#count(name, 1)
    return true
  }

  #count(name: string, change: number): void {
    const taken = (this.#taken.get(name) ?? 0) + change
    if (taken > 0) this.#taken.set(name, taken)
    else this.#taken.delete(name)
  }

  #turn(names: readonly string[], signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      this.#leave(waiting)
      reject(signal?.reason)
    }
    const enter = () => {
      this.#leave(waiting)
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const waiting: NamedTurn = { names, enter }
    for (const name of names) {
      const others = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, others.add(waiting))
    }
    signal?.addEventListener('abort', leave, { once: true })
    return promise
  }

  #leave(waiting: NamedTurn): void {
    for (const name of waiting.names) {
      const others = this.#waiting.get(name)
      others?.delete(waiting)
      if (others?.size === 0) this.#waiting.delete(name)
    }
  }
}

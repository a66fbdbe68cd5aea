/** At most so many at a time; the others wait their turn. */
export class Turns {
  #free: number
  /** a set, since all may leave at once */
  #waiting = new Set<() => void>()

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
      const [next] = this.#waiting
      if (next) {
        this.#waiting.delete(next)
        next()
      } else this.#free++
    }
  }

  #turn(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      this.#waiting.delete(enter)
      reject(signal?.reason)
    }
    const enter = () => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    this.#waiting.add(enter)
    signal?.addEventListener('abort', leave, { once: true })
    return promise
  }
}

interface NamedTurn {
  names: readonly string[]
  /** those of which it has no turn yet */
  lacks: readonly string[]
  enter: () => void
}

/**
 * Turns of each of many things, by their names. Who needs turns of several has none while it waits, so that what is long taken keeps
 * nobody from the rest: but one of a thing that has several turns, and only one who waits, since things that are always taken are never
 * free at the same moment.
 */
export class NamedTurns {
  #atOnce: number
  #taken = new Map<string, number>()
  /** who waits, by each of the names of which it has no turn */
  #waiting = new Map<string, Set<NamedTurn>>()
  /** who waits and has a turn, by its name */
  #keeping = new Map<string, NamedTurn>()

  constructor(atOnce: number) {
    this.#atOnce = atOnce
  }

  /** Work that has a turn of each. @throws as `Turns.run` */
  async run<T>(names: readonly string[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const own = [...new Set(names)]
    if (!this.#take(own)) await this.#turn(own, signal)
    try {
      return await work()
    } finally {
      this.#giveBack(own)
    }
  }

  /** How many wait for a turn of this one. */
  waitingFor(name: string): number {
    return this.#waiting.get(name)?.size ?? 0
  }

  #giveBack(names: readonly string[]): void {
    for (const name of names) this.#count(name, -1)
    for (const name of names) this.#giveOn(name)
  }

  #giveOn(name: string): void {
    for (const other of this.#waiting.get(name) ?? []) {
      if (this.#isTaken(name)) return
      if (this.#take(other.lacks)) other.enter()
      else this.#keep(name, other)
    }
  }

  #keep(name: string, turn: NamedTurn): void {
    if (this.#atOnce === 1 || this.#keeping.has(name)) return
    this.#keeping.set(name, turn)
    this.#count(name, 1)
    this.#leave(turn, [name])
    turn.lacks = turn.lacks.filter(other => other !== name)
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
      this.#giveBack(this.#end(waiting))
      reject(signal?.reason)
    }
    const enter = () => {
      this.#end(waiting)
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const waiting: NamedTurn = { names, lacks: names, enter }
    for (const name of names) {
      const others = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, others.add(waiting))
    }
    signal?.addEventListener('abort', leave, { once: true })
    return promise
  }

  /** It waits no more. @returns of what it had a turn */
  #end(waiting: NamedTurn): string[] {
    this.#leave(waiting, waiting.lacks)
    const kept = waiting.names.filter(name => this.#keeping.get(name) === waiting)
    for (const name of kept) this.#keeping.delete(name)
    return kept
  }

  #leave(waiting: NamedTurn, names: readonly string[]): void {
    for (const name of names) {
      const others = this.#waiting.get(name)
      others?.delete(waiting)
      if (others?.size === 0) this.#waiting.delete(name)
    }
  }
}

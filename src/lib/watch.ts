import { Slab } from './slab.ts'

const LOOK_EVERY_MS = 100

/** A request under way. */
export interface Watched {
  request: { readonly signal: AbortSignal }
  /** as performance.now(); Infinity: none */
  deadline: number
  expired(): void
  /** The caller went away. */
  gone(): void
  /** whether the caller is listened to already */
  listening?: boolean
  /** among those that are watched; 0: it was not yet */
  place: number
}

/**
 * Requests under way, looked over ten times a second, so that none of them needs a timer or a listener of its own: most
 * are answered before the first look.
 */
class Watch {
  readonly #watched = new Slab<Watched>()
  #looking: ReturnType<typeof setInterval> | undefined

  add(watched: Watched): void {
    watched.place = this.#watched.put(watched)
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  remove(watched: Watched): void {
    this.#watched.take(watched.place)
  }

  #watches({ place }: Watched): boolean {
    return this.#watched.get(place) !== undefined
  }

  #look(): void {
    if (this.#watched.size === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
      return
    }
    const now = performance.now()
    for (const watched of this.#watched.all()) {
      if (!this.#watches(watched)) continue // what became of another has ended it
      if (now >= watched.deadline) watched.expired()
      else if (!watched.listening) {
        watched.listening = true
        const { signal } = watched.request
        if (signal.aborted) watched.gone()
        else signal.addEventListener('abort', () => this.#watches(watched) && watched.gone(), { once: true })
      }
    }
  }
}

export const watch = new Watch()

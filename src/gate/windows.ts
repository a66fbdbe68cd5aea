/** What is left of somebody's calls in the window that is open. */
export interface Window {
  /** Calls so far, refused ones too. */
  used: number
  /** When the next window begins, in milliseconds since the epoch. */
  ends: number
}

/**
 * Counts in fixed windows of one length, which begin with somebody's first call. A window that has ended is forgotten when
 * others begin, so memory is held by who called within one length.
 */
export class Windows<Who> {
  readonly #milliseconds: number
  /** By when they began, and so by when they end: all are of one length. */
  readonly #open = new Map<Who, Window>()

  constructor(seconds: number) {
    this.#milliseconds = seconds * 1000
  }

  /** Counts one more. */
  count(who: Who): Window {
    const now = Date.now()
    let window = this.#open.get(who)
    if (window === undefined || this.#isOver(window, now)) {
      this.#forget(now)
      window = { used: 0, ends: now + this.#milliseconds }
      this.#open.set(who, window)
    }
    window.used++
    return window
  }

  /** Looks without counting. */
  peek(who: Who): Window | undefined {
    const window = this.#open.get(who)
    return window && !this.#isOver(window, Date.now()) ? window : undefined
  }

  get size(): number {
    return this.#open.size
  }

  /** Also where it would last for longer than a window does: the clock was set back meanwhile. */
  #isOver({ ends }: Window, now: number): boolean {
    return ends <= now || ends > now + this.#milliseconds
  }

  #forget(now: number): void {
    for (const [who, window] of this.#open) {
      if (!this.#isOver(window, now)) return
      this.#open.delete(who)
    }
  }
}

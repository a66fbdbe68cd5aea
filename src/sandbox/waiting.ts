import type { Job, Lane } from './job.ts'

/** A handler whose calls take longer than this on average does not run in the same frame as others. */
const QUICK_MS = 3
/** Nor does one that may take more than this, whatever its calls took so far: those in its process could do nothing meanwhile. */
const QUICK_LIMIT_MS = 500
/** Handlers whose pace is remembered. */
const PACES = 10_000
const MAX_CALLS = 2000
/** Characters of their requests. */
const MAX_SIZE = 128 * 1024 * 1024

/**
 * Whether a handler has as much of what is taken as is left for all others. None gets more than that, so that others find a
 * place, whatever its calls wait for.
 * @param taken from 0 to 1
 */
export const crowds = (its: number, all: number, taken: number): boolean =>
  taken >= 0.5 && (its / all) * taken >= 1 - taken

/** Calls that wait for a process: those of handlers that are known to be quick apart from all others. */
export class Waiting {
  readonly #lanes: Record<Lane, Job[]> = { quick: [], slow: [] }
  #size = 0
  /** average milliseconds of CPU of a call, by handler */
  readonly #pace = new Map<string, number>()

  /** Whether one more call of a handler is too many. */
  isFullFor(handler: string): boolean {
    const all = this.count('quick') + this.count('slow')
    const [calls, size] = [all / MAX_CALLS, this.#size / MAX_SIZE]
    if (calls < 0.5 && size < 0.5) return false
    const { quick, slow } = this.#lanes
    const its = [...quick, ...slow].filter(({ call }) => call.handler.id === handler)
    const itsSize = its.reduce((sum, { call }) => sum + call.request.length, 0)
    return calls >= 1 || size >= 1 || crowds(its.length, all, calls) || crowds(itsSize, this.#size, size)
  }

  count(lane: Lane): number {
    return this.#lanes[lane].length
  }

  /** Whether the next one is waited for by another call, which holds a place as long. */
  nested(lane: Lane): boolean {
    return this.#lanes[lane][0]?.call.nested ?? false
  }

  /** One that a process ended under is by itself. A handler that was never called may be quick: it does not wait for those that are not. */
  add(job: Job): void {
    const { handler, limits } = job.call
    const pace = this.#pace.get(handler.id)
    const quick = pace !== undefined && pace < QUICK_MS && limits.cpuMs <= QUICK_LIMIT_MS
    job.lane = quick && job.losses === 0 ? 'quick' : 'slow'
    this.#put(job, pace === undefined ? other => this.#pace.has(other.call.handler.id) : undefined)
  }

  /** Back to where it was taken from. */
  putBack(job: Job): void {
    this.#put(job, () => true)
  }

  /** It is settled, and waits no more, if it did. */
  leave(job: Job): void {
    const list = this.#lanes[job.lane]
    const place = list.indexOf(job)
    if (place < 0) return
    list.splice(place, 1)
    this.#size -= job.call.request.length
  }

  /** @param room for calls; nested ones need none. @param passed handlers of which none is taken now */
  take(lane: Lane, room: number, most: number, passed?: ReadonlySet<string>): Job[] {
    const list = this.#lanes[lane]
    const taken: Job[] = []
    for (let at = 0; at < list.length && taken.length < most; ) {
      const job = list[at]!
      const { nested, handler } = job.call
      if (taken.length >= room && !nested) break
      if (passed?.has(handler.id) && !nested) {
        at++
        continue
      }
      if (at === 0) list.shift()
      else list.splice(at, 1)
      this.#size -= job.call.request.length
      if (!job.settled) taken.push(job)
    }
    return taken
  }

  takeAll(): Job[] {
    return (['quick', 'slow'] as const).flatMap(lane =>
      this.take(lane, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    )
  }

  /** @param cpu milliseconds that a call of the handler took */
  took(handler: string, cpu: number): void {
    const pace = this.#pace.get(handler)
    if (pace === undefined && this.#pace.size >= PACES) this.#pace.clear()
    // the first call in a process takes some milliseconds more, which says nothing of its handler: no one call is believed
    this.#pace.set(handler, (pace ?? 0) + (cpu - (pace ?? 0)) * 0.2)
  }

  /** @param before those that it goes before; what another call waits for goes before all, and nothing goes before that */
  #put(job: Job, before?: (other: Job) => boolean): void {
    this.#size += job.call.request.length
    const list = this.#lanes[job.lane]
    const place = job.call.nested ? 0 : before ? list.findIndex(other => !other.call.nested && before(other)) : -1
    if (place < 0) list.push(job)
    else list.splice(place, 0, job)
  }
}

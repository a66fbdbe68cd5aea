import { callerGone, unavailable } from '../lib/fault.ts'
import type { Backend, Caller, Lease } from './backend.ts'
import { Generation, type ReplicaRow } from './generation.ts'
import type { Plan } from './plan.ts'
import type { Means } from './replica.ts'

/** Requests that wait for a server to start; more are refused. */
const MOST_WAITING = 1000
/** A server that is started again sooner than this is waited for. */
const SHORT_PAUSE_MS = 1500
/** How often a request is sent to another server, or waits for one, when it finds none where there was one. */
const RECONNECTS = 20

interface Waiting {
  resolve(lease: Lease): void
  reject(error: unknown): void
}

export interface Described {
  status: 'stopped' | 'idle' | 'starting' | 'running' | 'updating' | 'failing'
  /** what is wrong, in words; null: nothing */
  reason: string | null
  /** of programs: their processes, those of another revision that ends or begins among them */
  replicas: ReplicaRow[]
  /** null: they are not counted */
  requests_in_flight: number | null
}

/** A `command:` deployment: its processes come with the first request (or at once) and go when there are none for long. */
export class CommandBackend implements Backend {
  readonly reconnects = RECONNECTS
  readonly retries = 0
  #id: number
  #plan: Plan
  #means: Means
  #current: Generation | undefined
  /** the next revision, until it is ready */
  #next: Generation | undefined
  /** why the next revision did not take over */
  #updateTrouble: string | undefined
  #ending = new Map<Generation, Promise<void>>()
  #waiting = new Set<Waiting>()
  #lastUsed = performance.now()
  #idling: ReturnType<typeof setInterval> | undefined
  #closed = false

  constructor(id: number, plan: Plan, means: Means) {
    this.#id = id
    this.#plan = plan
    this.#means = means
    if (plan.alwaysOn) this.start()
  }

  lease(caller: Caller): Lease | Promise<Lease> {
    this.#lastUsed = performance.now()
    return this.#current?.lease() ?? this.#wait(caller)
  }

  /** Starts it now, where it does not run. */
  start(): void {
    if (this.#closed) return
    this.#lastUsed = performance.now()
    this.#current ??= this.#begin(this.#plan)
    this.#idling ??= setInterval(() => this.#stopWhenIdle(), Math.min(1000, this.#plan.idleMs / 2))
    this.#idling.unref()
  }

  /** Another revision: it starts, and takes over when all of it is ready; until then the old one serves. */
  update(plan: Plan): void {
    this.#plan = plan
    if (this.#current) this.#replace()
    else if (plan.alwaysOn) this.start()
  }

  /** The same again, in new processes. */
  restart(): void {
    if (this.#current) this.#replace()
    else this.start()
  }

  describe(): Described {
    const ending = [...this.#ending.keys()].flatMap(generation => generation.describe('ending'))
    const replicas = [
      ...(this.#current?.describe('current') ?? []),
      ...(this.#next?.describe('next') ?? []),
      ...ending.filter(({ state }) => state !== 'ended'),
    ]
    return {
      status: this.#status(),
      reason: this.#updateTrouble ?? this.#current?.trouble ?? null,
      replicas,
      requests_in_flight: replicas.reduce((sum, replica) => sum + replica.requests_in_flight, 0),
    }
  }

  /** Ends all of it: requests under way may end first. Nothing is started any more. Again: no later than is said now. */
  async close(drainMs?: number): Promise<void> {
    this.#closed = true
    clearInterval(this.#idling)
    this.#refuse(unavailable('This deployment is stopping.', 1))
    for (const generation of [this.#current, this.#next, ...this.#ending.keys()])
      if (generation) this.#end(generation, drainMs)
    this.#current = undefined
    this.#next = undefined
    await Promise.all(this.#ending.values())
  }

  #status(): Described['status'] {
    if (this.#closed) return 'stopped'
    if (!this.#current) return 'idle'
    if (this.#next) return 'updating'
    if (this.#current.readyReplicas > 0) return this.#updateTrouble ? 'failing' : 'running'
    return this.#current.trouble === undefined ? 'starting' : 'failing'
  }

  /** What is begun is what is declared now: whatever kept that from starting before is past. */
  #begin(plan: Plan): Generation {
    this.#updateTrouble = undefined
    const generation: Generation = new Generation(this.#id, plan, this.#means, {
      ready: () => (generation === this.#next ? this.#takeOver() : this.#serveWaiting()),
      failed: (why, wasReady) => (generation === this.#next ? this.#giveUp(why) : this.#tellWaiting(wasReady)),
    })
    return generation
  }

  #replace(): void {
    if (this.#next) this.#end(this.#next, 0)
    // of something that does not run well there is nothing to keep
    if (this.#current!.readyReplicas === 0) {
      this.#end(this.#current!)
      this.#current = this.#begin(this.#plan)
    } else this.#next = this.#begin(this.#plan)
  }

  #takeOver(): void {
    const next = this.#next!
    if (next.readyReplicas < next.plan.replicas) return
    const old = this.#current!
    this.#current = next
    this.#next = undefined
    this.#end(old)
    this.#serveWaiting()
  }

  #giveUp(why: string): void {
    this.#end(this.#next!, 0)
    this.#next = undefined
    this.#updateTrouble = `revision ${this.#plan.revision} did not start (${why}); the one before it is served on`
  }

  #end(generation: Generation, drainMs?: number): void {
    this.#ending.set(
      generation,
      generation.stop(drainMs).finally(() => this.#ending.delete(generation)),
    )
  }

  #stopWhenIdle(): void {
    const current = this.#current
    if (!current || this.#next || this.#plan.alwaysOn || this.#waiting.size > 0) return
    if (current.inFlight > 0) this.#lastUsed = performance.now()
    if (performance.now() - this.#lastUsed < this.#plan.idleMs) return
    this.#current = undefined
    clearInterval(this.#idling)
    this.#idling = undefined
    this.#end(current)
  }

  async #wait(caller: Caller): Promise<Lease> {
    if (this.#closed) throw unavailable('This deployment is stopping.', 1)
    this.start()
    this.#checkPause()
    if (this.#waiting.size >= MOST_WAITING) throw unavailable('Too many requests wait for this deployment to start.', 5)
    if (caller.signal.aborted) throw callerGone()
    const { promise, resolve, reject } = Promise.withResolvers<Lease>()
    const waiting: Waiting = {
      resolve,
      reject: error => {
        // at once: a lease that nobody takes would not be given back
        this.#waiting.delete(waiting)
        reject(error)
      },
    }
    this.#waiting.add(waiting)
    const gone = () => waiting.reject(callerGone())
    caller.signal.addEventListener('abort', gone, { once: true })
    const late = setTimeout(
      () => waiting.reject(unavailable('This deployment did not start in time.', 5)),
      this.#plan.startTimeoutMs,
    )
    late.unref()
    try {
      return await promise
    } finally {
      clearTimeout(late)
      caller.signal.removeEventListener('abort', gone)
    }
  }

  /** @throws Fault 503 it does not start, and is tried again only after a while */
  #checkPause(): void {
    const { pauseMs, trouble } = this.#current!
    if (trouble !== undefined && pauseMs > SHORT_PAUSE_MS) throw notStarting(pauseMs)
  }

  #serveWaiting(): void {
    for (const waiting of this.#waiting) {
      const lease = this.#current?.lease()
      if (!lease) return
      this.#waiting.delete(waiting)
      waiting.resolve(lease)
    }
  }

  /** Those who wait for a start that failed are told, unless another one is under way; after one that had served, about to be. */
  #tellWaiting(hadServed: boolean): void {
    const { pauseMs } = this.#current!
    if (pauseMs > (hadServed ? SHORT_PAUSE_MS : 0)) this.#refuse(notStarting(pauseMs))
  }

  #refuse(error: unknown): void {
    for (const waiting of this.#waiting) waiting.reject(error)
  }
}

const notStarting = (pauseMs: number) =>
  unavailable('This deployment does not start; its log says why.', Math.max(1, Math.ceil(pauseMs / 1000)))

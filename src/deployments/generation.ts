import { pause } from '../lib/pause.ts'
import { errorFields, log } from '../telemetry/log.ts'
import type { Lease } from './backend.ts'
import type { Plan } from './plan.ts'
import { type Means, Replica } from './replica.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 30_000
/** One that ran for so long did not end because of how it began. */
const RAN_WELL_MS = 10_000

interface Slot {
  replica: Replica | undefined
  /** one after the other, that ended soon */
  failures: number
  restarts: number
  /** when the next is started, as performance.now(); undefined: one is there */
  nextAt: number | undefined
}

export interface GenerationEvents {
  ready(): void
  /** One was not ready, or ended soon after it was; `why` says so in words. */
  failed(why: string, wasReady: boolean): void
}

/** Whether it serves, will when all of it is ready, or ends what it has. */
export type Part = 'current' | 'next' | 'ending'
export type ReplicaRow = ReturnType<Generation['describe']>[number]

/** The replicas of one revision of a deployment: started together, each started again when it ends. */
export class Generation {
  readonly plan: Plan
  /** why the last one that was not ready was not, or ended so soon; until one is */
  trouble: string | undefined
  #deploymentId: number
  #means: Means
  #events: GenerationEvents
  #slots: Slot[]
  #stopping: Promise<void> | undefined
  #stop = Promise.withResolvers<void>()
  #kept: Promise<void>[]

  constructor(deploymentId: number, plan: Plan, means: Means, events: GenerationEvents) {
    this.plan = plan
    this.#deploymentId = deploymentId
    this.#means = means
    this.#events = events
    this.#slots = Array.from({ length: plan.replicas }, () => ({
      replica: undefined,
      failures: 0,
      restarts: 0,
      nextAt: undefined,
    }))
    this.#kept = this.#slots.map((slot, index) => this.#keep(slot, index + 1))
  }

  /** The ready replica with the fewest requests. */
  lease(): Lease | undefined {
    let best: Replica | undefined
    for (const { replica } of this.#slots)
      if (replica?.state === 'ready' && (!best || replica.inFlight < best.inFlight)) best = replica
    return best?.lease()
  }

  get inFlight(): number {
    return this.#slots.reduce((sum, { replica }) => sum + (replica?.inFlight ?? 0), 0)
  }

  get readyReplicas(): number {
    return this.#slots.filter(({ replica }) => replica?.state === 'ready').length
  }

  /** Milliseconds until one is started again; 0: one is starting, or there. */
  get pauseMs(): number {
    const pauses = this.#slots.map(({ nextAt }) => (nextAt === undefined ? 0 : Math.max(0, nextAt - performance.now())))
    return Math.min(...pauses)
  }

  /** for who looks at it */
  describe(part: Part) {
    return this.#slots.flatMap(({ replica, restarts, nextAt }) =>
      replica
        ? [
            {
              number: replica.number,
              revision: this.plan.revision,
              part,
              state: replica.state,
              pid: replica.pid ?? null,
              started_at: replica.startedAt,
              requests_in_flight: replica.inFlight,
              restarts,
              /** milliseconds until it is started again; null: it is not waited for */
              restarts_in_ms: nextAt === undefined ? null : Math.max(0, Math.round(nextAt - performance.now())),
            },
          ]
        : [],
    )
  }

  /** No more requests; those under way end, or their time does; then the processes. Again: no later than is said now. */
  stop(drainMs = this.plan.drainMs): Promise<void> {
    this.#stop.resolve()
    const stopped = Promise.all(this.#slots.map(({ replica }) => replica?.stop(drainMs)))
    this.#stopping ??= stopped.then(() => Promise.all(this.#kept)).then(() => {})
    return this.#stopping
  }

  async #keep(slot: Slot, number: number): Promise<void> {
    while (!this.#stopping) {
      slot.nextAt = undefined
      const { why, readyMs } = await this.#runOnce(slot, number)
      if (this.#stopping) return
      const ranWell = readyMs !== undefined && readyMs > RAN_WELL_MS
      slot.failures = ranWell ? 1 : slot.failures + 1
      slot.restarts++
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (slot.failures - 1))
      slot.nextAt = performance.now() + wait
      if (!ranWell) {
        this.trouble = why
        this.#events.failed(why, readyMs !== undefined)
      }
      await Promise.race([pause(wait), this.#stop.promise])
    }
  }

  /** @returns when it has ended: why it was not ready, or how it ended after that, and for how many milliseconds it was ready, if ever */
  async #runOnce(slot: Slot, number: number): Promise<{ why: string; readyMs?: number }> {
    try {
      const which = { deploymentId: this.#deploymentId, number, plan: this.plan }
      const replica = new Replica(which, this.#means, this.#events.ready)
      slot.replica = replica
      const why = await replica.ready.then(
        () => undefined,
        (error: Error) => error.message,
      )
      const readyAt = performance.now()
      if (why === undefined) {
        this.trouble = undefined
        this.#events.ready()
      }
      const { how } = await replica.exited
      if (why !== undefined) return { why }
      return { why: `it ended soon after it was ready: ${how}`, readyMs: performance.now() - readyAt }
    } catch (error) {
      log.error(errorFields(error), 'a deployment could not be started')
      return { why: 'the system refused' }
    }
  }
}

import { Slab } from '../lib/slab.ts'
import { Child } from '../workers/child.ts'
import { whenStuck } from '../workers/stuck.ts'
import type { Frame, Step, Turns } from './frames.ts'
import type { Job, Lane } from './job.ts'
import { crowds } from './waiting.ts'
import { packFrame, unpackTurns } from './wire.ts'

/** Frames on their way at a time: the next is there when one is done. */
export const DEPTH = 2
/** A frame that has this and four times the CPU that its calls may take, from when its turn comes, and is not answered is stuck. */
const STUCK_MS = 3000

/** What calls that wait may hold in one process, and how many they may be, before no others begin in it. */
const PARKED_BYTES = 256 * 1024 * 1024
const PARKED_CALLS = 96
/** No more than these begin while the process has anything to do: few machines, whose memory is at hand, are twice as fast. */
const HOT_CALLS = 16

/** What JSC does for at most eight machines (or five callees) as it stands, and a function process has more. */
const MANY_MACHINES = {
  // memory in a range of addresses that needs no check at every access: else the engine is compiled twice, and is slower by a quarter
  BUN_JSC_maxNumWasmFastMemories: '128',
  // calls into an engine, and out of it, are direct: each machine's functions are its own
  BUN_JSC_maxPolymorphicCallVariantListSize: '64',
  BUN_JSC_maxPolymorphicCallVariantListSizeForTopTier: '64',
  BUN_JSC_maxPolymorphicCallVariantListSizeForWasmToJS: '64',
}

/** One function process, and what it is doing. */
export class Worker {
  readonly child: Child
  /** calls that are in it, running or waiting for an answer */
  readonly jobs = new Slab<Job>()
  /** what it is to do next: answers, and calls to drop */
  steps: Step[] = []
  /** It has a call that may take long: nothing else is given to it meanwhile. */
  alone = false
  /** It takes no new calls, and ends when it has none. */
  retired = false
  parkedBytes = 0
  residentBytes = 0
  /** it was ended because it had all the CPU that its calls may take, and did not answer */
  spent = false
  /** handlers whose code it has */
  readonly #known = new Set<string>()
  /** each frame in it: the milliseconds of CPU that it may take, and the calls that begin with it; it does one after the other */
  readonly #frames: { allowance: number; starting: readonly Job[] }[] = []
  #unwatch = () => {}

  static async start(): Promise<Worker> {
    return new Worker(await Child.start('function', {}, { env: MANY_MACHINES }))
  }

  private constructor(child: Child) {
    this.child = child
  }

  /** frames on their way */
  get frames(): number {
    return this.#frames.length
  }

  /** How many calls may begin in it now. */
  room(lane: Lane): number {
    const { jobs, parkedBytes } = this
    if (parkedBytes >= PARKED_BYTES) return 0
    const most =
      lane === 'slow' ? PARKED_CALLS : this.frames > 0 ? HOT_CALLS : Math.min(PARKED_CALLS, jobs.size + HOT_CALLS)
    return Math.max(0, most - jobs.size)
  }

  /** Handlers that hold so much of it that others would find no place. */
  get crowding(): ReadonlySet<string> | undefined {
    const { size } = this.jobs
    const taken = Math.max(size / PARKED_CALLS, this.parkedBytes / PARKED_BYTES)
    if (taken < 0.5) return undefined
    const counts = new Map<string, number>()
    for (const { call } of this.jobs.all()) counts.set(call.handler.id, (counts.get(call.handler.id) ?? 0) + 1)
    return new Set([...counts.keys()].filter(handler => crowds(counts.get(handler)!, size, taken)))
  }

  forget(handler: string): void {
    this.#known.delete(handler)
  }

  /**
   * Gives it its steps, and calls to begin.
   * @returns what came of them, and of the calls those that it had no time to begin. @throws as `Child.exchange`
   */
  async send(starting: readonly Job[]): Promise<{ turns: Turns; left: Job[] }> {
    const frame: Frame = { code: [], steps: this.steps }
    this.steps = []
    let allowance = STUCK_MS
    for (const job of starting) {
      const { handler, limits } = job.call
      if (!this.#known.has(handler.id)) {
        this.#known.add(handler.id)
        frame.code.push([handler.id, handler.code])
        allowance += 4000
      }
      job.id = this.jobs.put(job)
      job.at = this
      frame.steps.push(job.start)
      allowance += limits.cpuMs * 4
    }
    for (const [kind, call] of frame.steps)
      if (kind === 'resume') allowance += (this.jobs.get(call)?.call.limits.cpuMs ?? 0) * 4
    if (this.#frames.push({ allowance, starting }) === 1) this.#begin()
    try {
      const turns = unpackTurns(await this.child.exchange(packFrame(frame)))
      const begun = Math.max(0, starting.length - turns.left)
      const left = starting.slice(begun)
      for (const job of left) this.jobs.take(job.id)
      this.steps.unshift(...frame.steps.slice(frame.steps.length - turns.left).filter(([kind]) => kind !== 'start'))
      return { turns, left }
    } finally {
      this.#unwatch()
      this.#frames.shift()
      this.#begin()
    }
  }

  /** It is the turn of the next frame, if there is one: what was before it may have taken long, which is not its calls' time. */
  #begin(): void {
    const [frame] = this.#frames
    if (!frame) return
    const now = performance.now()
    for (const job of frame.starting) job.begins(now)
    this.#unwatch = whenStuck(this.child.pid, frame.allowance, spent => {
      this.spent = spent
      this.child.kill()
    })
  }

  /** Nobody waits for the call any more. */
  drop(job: Job): void {
    if (!this.jobs.take(job.id)) return
    this.steps.push(['drop', job.id])
  }
}

import { callerGone, deadlinePassed, type Fault, toFault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { ChildLost } from '../workers/child.ts'
import type { HostRequest } from './engine.ts'
import type { Outcome, Turns } from './frames.ts'
import { Handlers } from './handlers.ts'
import { endOf, type FunctionCall, Job, overLimit, type Ran } from './job.ts'
import { DEPTH, Worker } from './worker.ts'

export type { FunctionCall, FunctionLimits, Ran } from './job.ts'

const MAX_QUEUE = 1000
/** Calls that begin in one frame. */
const BATCH = 32
/** What calls that wait may hold in one process, and how many they may be, before no others begin in it. */
const PARKED_BYTES = 256 * 1024 * 1024
const PARKED_CALLS = 64
/** A handler whose calls take longer than this on average does not run in the same frame as others. */
const QUICK_MS = 3
/** A process larger than this, without what its waiting calls hold, is replaced. */
const RESIDENT_BYTES = 384 * 1024 * 1024
const MAX_START_FAILURES = 3
const STOPPING = 'The server is stopping.'
const RETRY_START_MS = 200
/** What ended a process may have ended others, which is known only by then. */
const RETRY_AFTER_MS = 20

/**
 * Runs handlers in a few processes, which start when they are needed. Many calls are in each at once; those that wait for
 * something do not hold up the others. When a process ends, its calls run once more in another one, and are answered from
 * what they asked for already.
 */
export class FunctionRunner {
  readonly handlers = new Handlers()
  readonly #size: number
  #workers: Worker[] = []
  readonly #retired = new Set<Worker>()
  #starting = 0
  #failures = 0
  #closed = false
  #nextId = 1
  #scheduled = false
  /** calls of handlers that are known to be quick, and all others */
  #quick: Job[] = []
  #slow: Job[] = []
  /** average milliseconds of CPU of a call, by handler */
  readonly #pace = new Map<string, number>()
  readonly #where = new Map<Job, Worker>()

  /** @param size how many processes at most */
  constructor(size: number) {
    this.#size = size
  }

  get pids(): number[] {
    return [...this.#workers, ...this.#retired].map(({ child }) => child.pid)
  }

  /** Starts a process ahead of the first call. */
  warm(): void {
    if (this.#workers.length + this.#starting === 0) void this.#start()
  }

  /** Runs a call; it always settles, by its own end or by a limit. */
  run(call: FunctionCall): Promise<Ran> {
    const job = new Job(this.#nextId++, call)
    if (this.#closed) job.refused(unavailable(STOPPING))
    else if (this.#quick.length + this.#slow.length >= MAX_QUEUE && !call.nested)
      job.refused(unavailable('Too many function calls are waiting.'))
    else {
      this.#await(job, call.deadline, deadlinePassed)
      this.#enqueue(job)
    }
    const { signal } = call.caller ?? {}
    if (!signal) return job.done
    const leave = () => this.#end(job, callerGone(signal.reason))
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave)
    return job.done.finally(() => signal.removeEventListener('abort', leave))
  }

  close(): void {
    this.#closed = true
    for (const worker of [...this.#workers, ...this.#retired]) {
      worker.child.kill()
      for (const job of worker.jobs.values()) job.refused(unavailable(STOPPING))
    }
    for (const job of [...this.#quick.splice(0), ...this.#slow.splice(0)]) job.refused(unavailable(STOPPING))
  }

  #enqueue(job: Job): void {
    const pace = this.#pace.get(job.call.handler.id)
    const list = job.losses === 0 && pace !== undefined && pace < QUICK_MS ? this.#quick : this.#slow
    if (job.call.nested) list.unshift(job)
    else list.push(job)
    this.#soon()
  }

  /** When this turn of the event loop ends: what else arrives in it goes along. */
  #soon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    for (const worker of this.#retired)
      if (worker.steps.length > 0 && worker.frames < DEPTH) void this.#send(worker, [])
    for (const [place, worker] of this.#workers.entries()) {
      if (worker.alone || worker.frames >= DEPTH) continue
      // the first process is for what is quick, as long as there is another
      const slow = (place > 0 || this.#size === 1) && this.#mayBeAlone(worker) ? this.#take(this.#slow, worker, 1) : []
      worker.alone = slow.length > 0
      const starting = worker.alone ? slow : this.#take(this.#quick, worker, BATCH)
      if (starting.length > 0 || worker.steps.length > 0) void this.#send(worker, starting)
    }
    const waiting = this.#quick.length + this.#slow.length
    if (waiting === 0 || this.#starting > 0 || this.#workers.length >= this.#size) return
    // another process where the first is busy, or has to be kept free
    if (this.#workers.length === 0 || this.#slow.length > 0 || this.#quick.length > BATCH) void this.#start()
  }

  #mayBeAlone(worker: Worker): boolean {
    return worker.frames === 0 && worker.steps.length === 0
  }

  #take(list: Job[], worker: Worker, most: number): Job[] {
    const taken: Job[] = []
    while (list.length > 0 && taken.length < most) {
      const [job] = list as [Job]
      const room = worker.jobs.size + taken.length < PARKED_CALLS && worker.parkedBytes < PARKED_BYTES
      if (!room && !job.call.nested) break
      list.shift()
      if (!job.settled) taken.push(job)
    }
    return taken
  }

  async #send(worker: Worker, starting: Job[]): Promise<void> {
    const now = Date.now()
    for (const job of starting) {
      this.#where.set(job, worker)
      const { at, fault } = endOf(job.call, now)
      this.#await(job, at, fault)
    }
    try {
      await worker.send(starting, turns => this.#took(worker, turns))
      if (worker.frames === 0) worker.alone = false
    } catch (error) {
      await this.#lost(worker, error)
    }
    this.#retire(worker)
    this.#soon()
  }

  #took(worker: Worker, { outcomes, resident, parkedBytes }: Turns): void {
    worker.residentBytes = resident
    worker.parkedBytes = parkedBytes
    for (const outcome of outcomes) this.#outcome(worker, outcome)
  }

  #outcome(worker: Worker, outcome: Outcome): void {
    const job = worker.jobs.get(outcome.call)
    if (!job) return
    const { limits, handler } = job.call
    job.logged(outcome.log)
    if (outcome.kind === 'waiting') {
      this.#ask(worker, job, outcome.requests)
      return
    }
    worker.jobs.delete(job.id)
    this.#where.delete(job)
    if (outcome.kind === 'unknown') {
      worker.forget(handler.id)
      this.#enqueue(job)
      return
    }
    const pace = this.#pace.get(handler.id)
    this.#pace.set(handler.id, pace === undefined ? outcome.cpu : pace + (outcome.cpu - pace) * 0.2)
    if (outcome.kind === 'answered') job.answered(outcome.answer)
    else job.refused(overLimit(outcome.reason, limits, outcome.cause))
  }

  #ask(worker: Worker, job: Job, requests: readonly HostRequest[]): void {
    const { run } = job
    for (const request of requests)
      try {
        void job.ask(request).then(([right, answer]) => {
          if (!job.settled && job.run === run) this.#answer(worker, job, [request[0], right, answer])
        })
      } catch (error) {
        this.#end(job, toFault(error))
        return
      }
  }

  #answer(worker: Worker, job: Job, answer: [number, boolean, string]): void {
    const last = worker.steps.at(-1)
    if (last?.[0] === 'resume' && last[1] === job.id) last[2].push(answer)
    else worker.steps.push(['resume', job.id, [answer]])
    this.#soon()
  }

  /** Settles a call from this side: its time is over, or nobody waits for it. */
  #end(job: Job, fault: Fault): void {
    if (job.settled) return
    job.refused(fault)
    const worker = this.#where.get(job)
    this.#where.delete(job)
    worker?.drop(job)
    this.#soon()
  }

  #await(job: Job, at: number, fault: () => Fault): void {
    clearTimeout(job.timer)
    job.timer = setTimeout(() => this.#end(job, fault()), Math.max(1, at - Date.now()))
  }

  /** Its calls run once more, each by itself: one of them may have been what ended it. */
  async #lost(worker: Worker, error: unknown): Promise<void> {
    const gone = error instanceof ChildLost
    if (!gone) log.error(errorFields(error), 'a function worker failed')
    this.#workers = this.#workers.filter(other => other !== worker)
    this.#retired.delete(worker)
    worker.child.kill()
    const jobs = [...worker.jobs.values()]
    worker.jobs.clear()
    for (const job of jobs) job.again()
    if (!(gone && error.unsent)) {
      await Bun.sleep(RETRY_AFTER_MS)
      for (const job of jobs) job.losses++
    }
    for (const job of jobs) {
      this.#where.delete(job)
      if (job.settled) continue
      if (this.#closed) job.refused(unavailable(STOPPING))
      else if (job.losses > 1)
        job.refused(
          worker.stuck
            ? overLimit('cpu', job.call.limits)
            : unavailable("The function's process ended twice under this call.", 1, error),
        )
      else {
        this.#await(job, job.call.deadline, deadlinePassed)
        this.#enqueue(job)
      }
    }
  }

  /** Replaces a process that has grown: it takes no new calls, and ends with the last that it has. */
  #retire(worker: Worker): void {
    if (!worker.retired && worker.residentBytes - worker.parkedBytes > RESIDENT_BYTES) {
      worker.retired = true
      this.#workers = this.#workers.filter(other => other !== worker)
      this.#retired.add(worker)
    }
    if (!worker.retired || worker.jobs.size > 0 || worker.frames > 0) return
    this.#retired.delete(worker)
    worker.child.kill()
  }

  async #start(): Promise<void> {
    this.#starting++
    try {
      const worker = await Worker.start()
      if (this.#closed) {
        worker.child.kill()
        return
      }
      this.#failures = 0
      this.#workers.push(worker)
      void worker.child.exited.then(() => {
        if (this.#workers.includes(worker)) void this.#lost(worker, new ChildLost('the function worker ended'))
      })
    } catch (error) {
      log.warn(errorFields(error), 'a function worker did not start')
      await Bun.sleep(RETRY_START_MS)
      const job = ++this.#failures >= MAX_START_FAILURES ? (this.#quick.shift() ?? this.#slow.shift()) : undefined
      job?.refused(unavailable('No process could be started for the function.', 5, error))
    } finally {
      this.#starting--
      this.#soon()
    }
  }
}

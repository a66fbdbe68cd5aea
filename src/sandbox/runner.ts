import { callerGone, type Fault, toFault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { ChildLost } from '../workers/child.ts'
import type { Outcome, Turns } from './frames.ts'
import { Handlers } from './handlers.ts'
import { type FunctionCall, Job, overLimit, type Ran } from './job.ts'
import type { HostRequest } from './machine.ts'
import { Waiting } from './waiting.ts'
import { DEPTH, Worker } from './worker.ts'

/** Calls that begin in one frame. */
const BATCH = 32
/** A process larger than this, without what its waiting calls hold, is replaced. */
const RESIDENT_BYTES = 384 * 1024 * 1024
/** How often calls are looked at, whether their time is over: a timer for each would cost as much as a small call. */
const LOOK_MS = 10
/** A request makes its signal when somebody reads it, which costs as much as a small call. */
const LONG_MS = 100
const MAX_START_FAILURES = 3
const STOPPING = 'The server is stopping.'
/** A process that did not start is tried again after this, and after twice as long each time, up to the other. */
const RETRY_FIRST_MS = 200
const RETRY_LAST_MS = 10_000
/** What ended a process may have ended others, which is known only by then. */
const RETRY_AFTER_MS = 20

/** Steps in a frame that make it worth its cost. */
const WORTHWHILE = 8

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
  /** why the last one did not start, while no other is tried yet */
  #pausing: { cause: unknown; timer: NodeJS.Timeout } | undefined
  #closed = false
  #scheduled = false
  readonly #waiting = new Waiting()
  /** where there is one process only, the lanes take turns */
  #slowTurn = true
  /** what is not settled, and what was since the last look */
  #open: Job[] = []
  #looking = false

  /** @param size how many processes at most */
  constructor(size: number) {
    this.#size = size
  }

  /** Starts a process ahead of the first call; not where one did not start just now. */
  warm(): void {
    if (!this.#pausing && this.#workers.length + this.#starting === 0) void this.#start()
  }

  /** Runs a call; it always settles, by its own end or by a limit. */
  run(call: FunctionCall): Promise<Ran> {
    const job = new Job(call, performance.now())
    if (this.#closed) job.refused(unavailable(STOPPING))
    else if (!call.nested && this.#waiting.isFullFor(call.handler.id))
      job.refused(unavailable('Too many function calls are waiting.'))
    else {
      this.#open.push(job)
      this.#lookSoon()
      this.#enqueue(job)
    }
    return job.done
  }

  close(): void {
    this.#closed = true
    this.#resume()
    for (const worker of [...this.#workers, ...this.#retired]) {
      worker.child.kill()
      for (const job of worker.jobs.all()) job.refused(unavailable(STOPPING))
    }
    for (const job of this.#waiting.takeAll()) job.refused(unavailable(STOPPING))
  }

  #enqueue(job: Job): void {
    this.#waiting.add(job)
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
    // who has a call that may take long is not the first, where the first is gone: what is quick needs another
    const free = this.#workers.filter(({ alone }) => !alone)
    for (const [place, worker] of free.entries()) {
      if (worker.frames >= DEPTH) continue
      const slow = this.#startsSlow(place, worker)
        ? this.#waiting.take('slow', worker.room('slow'), 1, worker.crowding)
        : []
      const starting = slow.length > 0 ? slow : this.#startsQuick(place, worker)
      if (!starting) continue
      worker.alone = slow.length > 0
      if (starting.length + worker.steps.length > 0) void this.#send(worker, starting)
    }
    const waiting = { quick: this.#waiting.count('quick'), slow: this.#waiting.count('slow') }
    if (waiting.quick + waiting.slow === 0 || this.#starting > 0 || this.#workers.length >= this.#size) return
    if (this.#pausing) {
      if (this.#failures >= MAX_START_FAILURES && this.#workers.length === 0)
        for (const job of this.#waiting.takeAll())
          job.refused(unavailable('No process could be started for the function.', 5, this.#pausing.cause))
      return
    }
    // another process where the first is busy, or has to be kept free
    if (free.length === 0 || waiting.slow > 0 || waiting.quick >= BATCH) void this.#start()
  }

  /** Whether it is time for a call that may take long: never in the first that is free, as long as another is there or can be started. */
  #startsSlow(place: number, worker: Worker): boolean {
    if (this.#waiting.count('slow') === 0 || worker.frames > 0) return false
    if (this.#workers.length > 1 || (this.#size > 1 && this.#failures < MAX_START_FAILURES)) return place > 0
    this.#slowTurn = this.#waiting.count('quick') === 0 || !this.#slowTurn
    return this.#slowTurn
  }

  /** Calls to begin together; the other processes take what is too much for the first. undefined: a frame is not worth it now */
  #startsQuick(place: number, worker: Worker): Job[] | undefined {
    const { steps, frames } = worker
    const quick = this.#waiting.count('quick')
    const mayBegin = place === 0 || (this.#waiting.count('slow') === 0 && quick >= WORTHWHILE)
    const room = mayBegin ? worker.room('quick') : 0
    const begins = Math.min(quick, mayBegin && this.#waiting.nested('quick') ? Math.max(1, room) : room)
    if (steps.length + begins < (frames > 0 ? WORTHWHILE : 1)) return undefined
    return mayBegin ? this.#waiting.take('quick', room, BATCH, worker.crowding) : []
  }

  async #send(worker: Worker, starting: Job[]): Promise<void> {
    try {
      const { turns, left } = await worker.send(starting)
      this.#took(worker, turns)
      for (const job of left.toReversed()) this.#putBack(job)
      if (worker.frames === 0) worker.alone = false
    } catch (error) {
      await this.#lost(worker, error)
    }
    this.#retire(worker)
    this.#soon()
  }

  #putBack(job: Job): void {
    if (job.settled) return
    job.waits()
    this.#waiting.putBack(job)
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
    worker.jobs.take(job.id)
    if (outcome.kind === 'unknown') {
      worker.forget(handler.id)
      this.#enqueue(job)
      return
    }
    this.#waiting.took(handler.id, outcome.cpu)
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
    this.#waiting.leave(job)
    job.at?.drop(job)
    this.#soon()
  }

  /** Ends calls at their time; and when their caller goes, which is looked at for what takes long only. */
  #look(): void {
    this.#looking = false
    const now = performance.now()
    this.#open = this.#open.filter(job => !job.settled)
    for (const job of this.#open)
      if (now >= job.end.at) this.#end(job, job.end.fault())
      else if (now - job.since >= LONG_MS) this.#watchCaller(job)
    if (this.#open.length > 0) this.#lookSoon()
  }

  #lookSoon(): void {
    if (this.#looking) return
    this.#looking = true
    setTimeout(() => this.#look(), LOOK_MS)
  }

  #watchCaller(job: Job): void {
    const { signal } = job.call.caller ?? {}
    if (!signal || job.watched) return
    job.watched = true
    const leave = () => this.#end(job, callerGone(signal.reason))
    if (signal.aborted) {
      leave()
      return
    }
    signal.addEventListener('abort', leave)
    void job.done.then(() => signal.removeEventListener('abort', leave))
  }

  /** Its calls run once more, each by itself: one of them may have been what ended it. */
  async #lost(worker: Worker, error: unknown): Promise<void> {
    const gone = error instanceof ChildLost
    const first = this.#workers.includes(worker) || this.#retired.has(worker)
    this.#workers = this.#workers.filter(other => other !== worker)
    this.#retired.delete(worker)
    worker.child.kill()
    // where it was the last, its calls do not wait for the end of a pause
    if (this.#workers.length === 0) this.#resume()
    const jobs = worker.jobs.takeAll()
    if (first && !this.#closed) log.warn({ ...errorFields(error), calls: jobs.length }, 'a function worker was lost')
    for (const job of jobs) job.again()
    if (!(gone && error.unsent)) {
      await Bun.sleep(RETRY_AFTER_MS)
      for (const job of jobs) job.losses++
    }
    for (const job of jobs) {
      if (job.settled) continue
      if (this.#closed) job.refused(unavailable(STOPPING))
      else if (job.losses > 1)
        job.refused(
          worker.spent
            ? overLimit('cpu', job.call.limits)
            : unavailable("The function's process ended twice under this call.", 1, error),
        )
      else {
        job.waits()
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
      const pause = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** this.#failures++)
      if (this.#closed) return
      log.warn(
        { ...errorFields(error), seconds: pause / 1000 },
        'a function worker did not start; tried again after a pause',
      )
      this.#pausing = { cause: error, timer: setTimeout(() => this.#resume(), pause) }
    } finally {
      this.#starting--
      this.#soon()
    }
  }

  /** The pause after a process that did not start is over. */
  #resume(): void {
    clearTimeout(this.#pausing?.timer)
    this.#pausing = undefined
    this.#soon()
  }
}

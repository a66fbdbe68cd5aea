import { callerGone, deadlinePassed, unavailable } from '../lib/fault.ts'
import { groupOf } from './join.ts'
import { bytesOf, type Tensors } from './tensors.ts'
import type { SentRecipe } from './wire.ts'

export interface ScoringModel {
  sha256: string
  /** The file that runs, see `artifactPath`. */
  path: string
  metadata: { independentRows: boolean }
  /** How long its requests may wait for others to be scored with, even when a process is idle; absent: not at all. */
  maxDelayMs?: number
}

export interface JobOptions {
  /** Milliseconds since the epoch. */
  deadline: number
  /** Its `signal` tells when the caller has gone; read only when it is watched, as making one costs. */
  caller?: { readonly signal?: AbortSignal }
}

/**
 * What a request brings: tensors, answered with tensors; or a body of rows as it was received, or the tensors that were made
 * of one, answered with JSON.
 */
export type Work =
  | {
      feeds: Tensors
      /** Which outputs are wanted; all of them where it is absent. */
      outputs?: readonly string[]
      recipe?: undefined
    }
  | {
      /** How rows become tensors and tensors an answer, see `answer.ts`. */
      recipe: SentRecipe
      body: Uint8Array
      feeds?: undefined
    }
  | { recipe: SentRecipe; feeds: Tensors }

/** A recipe's id, where bodies are read by it; else a text of all that must be equal. */
type Group = number | string

/** One caller's request, from admission until it is settled. */
export class Job {
  readonly model: ScoringModel
  /** Let go of when nobody waits for the answer any more. */
  work: Work
  /** For a body the most that it can hold: they are counted by who reads it. */
  readonly rows: number
  readonly bytes: number
  /** Whether its answer is JSON, and not tensors. */
  readonly inJson: boolean
  readonly deadline: number
  readonly caller: JobOptions['caller']
  /** Jobs of one group may be scored together. */
  readonly group: Group
  /** When it came. */
  readonly added: number
  /** When it need not wait for company any more. */
  readonly ripe: number
  readonly answer: Promise<Tensors | string>
  watched = false
  unwatch: (() => void) | undefined
  /** Where a process works on it: tells that it need not, on this job's account. */
  abandon: (() => void) | undefined
  /** Scored by itself from now on: it was in a batch that failed, or in a process that ended. */
  solo = false
  /** How many processes have ended under it. */
  losses = 0
  waiting = false
  settled = false
  readonly #queue: JobQueue
  #resolve!: (answer: Tensors | string) => void
  #reject!: (error: unknown) => void

  constructor(
    queue: JobQueue,
    model: ScoringModel,
    work: Work,
    { deadline, caller }: JobOptions,
    about: { rows: number; bytes: number; group: Group; added: number },
  ) {
    this.#queue = queue
    this.model = model
    this.work = work
    this.inJson = work.recipe !== undefined
    this.rows = about.rows
    this.bytes = about.bytes
    this.deadline = deadline
    this.caller = caller
    this.group = about.group
    this.added = about.added
    this.ripe = model.maxDelayMs ? Math.min(deadline, about.added + model.maxDelayMs) : 0
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(answer: Tensors | string): void {
    if (this.#settle()) this.#resolve(answer)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.#queue.closed(this)
    this.work = NOTHING
    this.unwatch?.()
    this.abandon?.()
    return true
  }
}

export interface QueueLimits {
  /** Rows that may wait for one model; beyond it 503. A request that finds nothing waiting is always taken. */
  maxQueueRows: number
  /** Bytes of tensors that may wait in all. */
  maxQueueBytes: number
  /** Rows in one batch: a group that has as many need not wait for more. */
  maxBatchRows: number
}

/**
 * The requests that wait: bounded, each with a deadline that fires while it waits, grouped by what may be scored together.
 * Groups take turns, oldest first, so one busy model does not starve the others.
 */
export class JobQueue {
  readonly #limits: QueueLimits
  readonly #groups = new Map<Group, Job[]>()
  readonly #solo: Job[] = []
  readonly #waitingRows = new Map<string, number>()
  /** Every unsettled job, waiting or in flight: all of them have a deadline. */
  readonly #open = new Set<Job>()
  #bytes = 0
  #rows = 0
  #serial = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #fires = Number.POSITIVE_INFINITY
  #watching: ReturnType<typeof setTimeout> | undefined
  #ripening: ReturnType<typeof setTimeout> | undefined
  /** Told when a group has waited for company long enough. */
  onRipe: () => void = () => {}

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get rows(): number {
    return this.#rows
  }

  get open(): number {
    return this.#open.size
  }

  /** Settles when every request that now waits for a model, or is being scored by it, has its answer. */
  async done(sha256: string): Promise<void> {
    const answers = [...this.#open].filter(job => job.model.sha256 === sha256).map(job => job.answer)
    await Promise.allSettled(answers)
  }

  /** @throws Fault 503 with Retry-After when too much is waiting; 504 when the deadline has passed already */
  add(model: ScoringModel, work: Work, rows: number, options: JobOptions): Job['answer'] {
    const added = Date.now()
    if (options.deadline <= added) throw deadlinePassed()
    const bytes = work.feeds ? bytesOf(work.feeds) : work.body.length
    const waiting = this.#waitingRows.get(model.sha256) ?? 0
    if (waiting > 0 && waiting + rows > this.#limits.maxQueueRows) throw full()
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.maxQueueBytes) throw full()
    const job = new Job(this, model, work, options, { rows, bytes, group: this.#groupOf(model, work), added })
    this.#open.add(job)
    this.#watchSoon()
    this.#enqueue(job)
    this.#arm(options.deadline)
    return job.answer
  }

  /** What must be equal for requests to go to a process together. */
  #groupOf(model: ScoringModel, work: Work): Group {
    if (!model.metadata.independentRows) return `#${this.#serial++}`
    if (!work.recipe) return model.sha256 + groupOf(work.feeds, work.outputs)
    return work.feeds ? `recipe ${work.recipe.id}${groupOf(work.feeds, undefined)}` : work.recipe.id
  }

  /** Told by a job that is settled. */
  closed(job: Job): void {
    this.#open.delete(job)
    this.#leave(job)
  }

  /**
   * Most requests are answered before their caller could have gone, and a signal costs more than all else here: only what is
   * open for longer is watched.
   */
  #watchSoon(): void {
    if (this.#watching) return
    this.#watching = setTimeout(() => {
      this.#watching = undefined
      const before = Date.now() - WATCH_AFTER_MS
      for (const job of this.#open)
        if (job.added > before) break
        else if (!job.watched) watch(job)
      if (this.#open.size > 0) this.#watchSoon()
    }, WATCH_AFTER_MS)
    this.#watching.unref?.()
  }

  /** Back to the front of the line, to be scored by itself. */
  again(job: Job): void {
    job.solo = true
    this.#solo.push(job)
    this.#join(job)
  }

  /** Whether something waits, and whether the next of it wants a process to itself. */
  next(): 'nothing' | 'solo' | 'group' {
    while (this.#solo[0]?.settled) this.#solo.shift()
    if (this.#solo.length > 0) return 'solo'
    return this.#groups.size > 0 && this.#ripe() !== undefined ? 'group' : 'nothing'
  }

  /**
   * The next jobs to score together, at most `maxRows` rows and `MAX_BATCH_BYTES` (but always one job). Settled ones are
   * dropped; may be empty.
   */
  take(maxRows: number): Job[] {
    if (this.next() === 'solo') {
      const job = this.#solo.shift()!
      this.#leave(job)
      return [job]
    }
    const key = this.#ripe()
    if (key === undefined) return []
    const line = this.#groups.get(key)!
    const taken: Job[] = []
    let rows = 0
    let bytes = 0
    let at = 0
    for (; at < line.length; at++) {
      const job = line[at]!
      if (!job.settled) {
        if (taken.length > 0 && (rows + job.rows > maxRows || bytes + job.bytes > MAX_BATCH_BYTES)) break
        taken.push(job)
        rows += job.rows
        bytes += job.bytes
        this.#leave(job)
      }
    }
    this.#groups.delete(key)
    if (at < line.length) this.#groups.set(key, line.slice(at)) // to the end of the round
    return taken
  }

  /** The first group that may go; when all wait for company, `onRipe` tells of the first that has waited enough. */
  #ripe(): Group | undefined {
    let earliest = Number.POSITIVE_INFINITY
    for (const [key, line] of this.#groups) {
      // endpoints that let their requests wait differently long share a group
      let ripe = Number.POSITIVE_INFINITY
      let rows = 0
      for (const job of line) {
        if (job.settled) continue
        ripe = Math.min(ripe, job.ripe)
        rows += job.rows
        if (ripe === 0) return key
      }
      if (rows === 0) return key // all settled: `take` drops them
      if (ripe <= Date.now() || rows >= this.#limits.maxBatchRows) return key
      earliest = Math.min(earliest, ripe)
    }
    clearTimeout(this.#ripening)
    if (earliest < Number.POSITIVE_INFINITY) this.#ripening = setTimeout(() => this.onRipe(), earliest - Date.now())
    return undefined
  }

  /** Refuses everything that is open. */
  rejectAll(error: unknown): void {
    for (const job of [...this.#open]) job.reject(error)
    clearTimeout(this.#timer)
    clearTimeout(this.#ripening)
    clearTimeout(this.#watching)
    this.#watching = undefined
    this.#fires = Number.POSITIVE_INFINITY
  }

  #enqueue(job: Job): void {
    const line = this.#groups.get(job.group)
    if (line) line.push(job)
    else this.#groups.set(job.group, [job])
    this.#join(job)
  }

  #join(job: Job): void {
    job.waiting = true
    this.#count(job, 1)
  }

  #leave(job: Job): void {
    if (!job.waiting) return
    job.waiting = false
    this.#count(job, -1)
  }

  #count({ model, rows, bytes }: Job, sign: 1 | -1): void {
    this.#rows += sign * rows
    this.#bytes += sign * bytes
    const waiting = (this.#waitingRows.get(model.sha256) ?? 0) + sign * rows
    if (waiting > 0) this.#waitingRows.set(model.sha256, waiting)
    else this.#waitingRows.delete(model.sha256)
  }

  /** One timer for all deadlines: it is set for the earliest, and looks over what is open when it fires. */
  #arm(deadline: number): void {
    if (deadline >= this.#fires) return
    clearTimeout(this.#timer)
    this.#fires = deadline
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, deadline - Date.now()))
    this.#timer.unref?.()
  }

  #expire(): void {
    this.#fires = Number.POSITIVE_INFINITY
    const now = Date.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const job of [...this.#open])
      if (job.deadline <= now) job.reject(deadlinePassed())
      else earliest = Math.min(earliest, job.deadline)
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest)
  }
}

const WATCH_AFTER_MS = 50
/** More at once would keep a process from everyone else for long. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

function watch(job: Job): void {
  job.watched = true
  const signal = job.caller?.signal
  if (!signal) return
  const gone = () => job.reject(callerGone(signal.reason))
  if (signal.aborted) gone()
  else {
    signal.addEventListener('abort', gone, { once: true })
    job.unwatch = () => signal.removeEventListener('abort', gone)
  }
}

const NOTHING: Work = { feeds: {} }
const full = () => unavailable('Too many requests wait for this model; try again shortly.')

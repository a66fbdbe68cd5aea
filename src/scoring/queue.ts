import { steadyOf } from '../lib/deadline.ts'
import { deadlinePassed, unavailable } from '../lib/fault.ts'
import { Slab } from '../lib/slab.ts'
import { type Group, Job, type JobOptions, type ScoringModel, type Work } from './job.ts'
import { groupOf as shapeOf } from './join.ts'
import { bytesOf, type Tensors } from './tensors.ts'

interface QueueLimits {
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
  readonly #open = new Slab<Job>()
  #bytes = 0
  #rows = 0
  #serial = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #fires = Number.POSITIVE_INFINITY
  #watching: ReturnType<typeof setTimeout> | undefined
  #ripening: ReturnType<typeof setTimeout> | undefined
  /** a job that is settled */
  readonly #closed = (job: Job) => {
    this.#open.take(job.place)
    this.#leave(job)
  }
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
    const answers = this.#open
      .all()
      .filter(job => job.model.sha256 === sha256)
      .map(job => job.answer)
    await Promise.allSettled(answers)
  }

  /** @throws Fault 503 with Retry-After when too much is waiting; 504 when the deadline has passed already */
  add(model: ScoringModel, work: Work, rows: number, options: JobOptions): Job['answer'] {
    const deadline = steadyOf(options.deadline)
    const added = performance.now()
    if (deadline <= added) throw deadlinePassed()
    const bytes = bytesIn(work)
    const waiting = this.#waitingRows.get(model.sha256) ?? 0
    if (waiting > 0 && waiting + rows > this.#limits.maxQueueRows) throw full()
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.maxQueueBytes) throw full()
    const alone = work.runs !== undefined || !model.metadata.independentRows
    const group = alone ? `#${this.#serial++}` : groupOf(model, work)
    // no other request is ever scored with it
    const delay = alone ? 0 : (model.maxDelayMs ?? 0)
    const job = new Job(this.#closed, model, work, options, { rows, bytes, group, added, deadline, delay })
    job.place = this.#open.put(job)
    this.#watchSoon()
    this.#enqueue(job)
    this.#arm(deadline)
    return job.answer
  }

  /**
   * Most requests are answered before their caller could have gone, and a signal costs more than all else here: only what is
   * open for longer is watched.
   */
  #watchSoon(): void {
    if (this.#watching) return
    this.#watching = setTimeout(() => {
      this.#watching = undefined
      const before = performance.now() - WATCH_AFTER_MS
      for (const job of this.#open.all()) if (job.added <= before) job.watch()
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
      if (ripe <= performance.now() || rows >= this.#limits.maxBatchRows) return key
      earliest = Math.min(earliest, ripe)
    }
    clearTimeout(this.#ripening)
    if (earliest < Number.POSITIVE_INFINITY)
      this.#ripening = setTimeout(() => this.onRipe(), earliest - performance.now())
    return undefined
  }

  /** Refuses everything that is open. */
  rejectAll(error: unknown): void {
    for (const job of this.#open.all()) job.reject(error)
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
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, deadline - performance.now()))
    this.#timer.unref?.()
  }

  #expire(): void {
    this.#fires = Number.POSITIVE_INFINITY
    const now = performance.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const job of this.#open.all())
      if (job.deadline <= now) job.reject(deadlinePassed())
      else earliest = Math.min(earliest, job.deadline)
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest)
  }
}

const WATCH_AFTER_MS = 50
/** More at once would keep a process from everyone else for long. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024

/** What must be equal for requests to go to a process together. */
function groupOf({ sha256 }: ScoringModel, work: Exclude<Work, { runs: readonly Tensors[] }>): Group {
  if (!work.recipe) return sha256 + shapeOf(work.feeds, work.outputs)
  return work.feeds ? `recipe ${work.recipe.id}${shapeOf(work.feeds, undefined)}` : work.recipe.id
}

function bytesIn(work: Work): number {
  if (work.feeds) return bytesOf(work.feeds)
  return work.runs ? work.runs.reduce((sum, run) => sum + bytesOf(run), 0) : work.body.length
}

const full = () => unavailable('Too many requests wait for this model; try again shortly.')

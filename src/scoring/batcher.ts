import { Fault, unavailable } from '../lib/fault.ts'
import { ChildLost } from '../workers/child.ts'
import type { ScoreRequest } from './child.ts'
import type { Job, JobQueue } from './queue.ts'
import { concatRows, sliceRows, type Tensors } from './tensors.ts'

/** Where batches are scored: a place in a process. */
export interface Lane {
  /**
   * @param expires when nobody waits for the answer any more (milliseconds since the epoch)
   * @throws ChildLost, Fault, or Error for what the runtime refused
   */
  score(request: ScoreRequest, expires: number): Promise<Tensors>
}

export interface Lanes {
  /** A lane that can take work now; `alone`: nothing else may be in its process. It is free again when its promise settles. */
  free(alone: boolean): Lane | undefined
  /** Told whenever a lane may have become free. */
  onFree: () => void
}

export interface BatchCounts {
  batches: number
  rows: number
  /** Requests scored again by themselves, after a batch failed or a process ended. */
  reruns: number
}

/**
 * Hands waiting requests to lanes. There is no timer: a free lane gets what waits at once, and batches form only from what
 * arrives while all lanes are busy.
 */
export class Batcher {
  readonly counts: BatchCounts = { batches: 0, rows: 0, reruns: 0 }
  readonly #queue: JobQueue
  readonly #lanes: Lanes
  readonly #maxRows: number

  constructor(queue: JobQueue, lanes: Lanes, maxRows: number) {
    this.#queue = queue
    this.#lanes = lanes
    this.#maxRows = maxRows
    lanes.onFree = () => this.pump()
    queue.onRipe = () => this.pump()
  }

  #scheduled = false

  /**
   * Dispatches when this turn of the event loop ends: what else arrives in it goes along. (Not a timer: nothing waits for
   * more to come. It makes batches of what would else be a first request by itself and the others behind it.)
   */
  soon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.pump()
    })
  }

  /** Dispatches as much as there are lanes for. */
  pump(): void {
    for (let next = this.#queue.next(); next !== 'nothing'; next = this.#queue.next()) {
      const lane = this.#lanes.free(next === 'solo')
      if (!lane) return
      const jobs = this.#queue.take(this.#maxRows)
      if (jobs.length > 0) void this.#dispatch(lane, jobs)
    }
  }

  async #dispatch(lane: Lane, jobs: Job[]): Promise<void> {
    const first = jobs[0]!
    let rows = 0
    let expires = 0
    for (const job of jobs) {
      rows += job.rows
      expires = Math.max(expires, job.deadline)
    }
    this.counts.batches++
    this.counts.rows += rows
    try {
      const { sha256, path } = first.model
      const feeds = together(jobs)
      const outputs = await lane.score({ model: { sha256, path }, feeds, outputs: first.outputs }, expires)
      if (jobs.length === 1) first.resolve(outputs)
      else if (Object.values(outputs).every(tensor => tensor.dims[0] === rows)) {
        let from = 0
        for (const job of jobs) {
          if (!job.settled) job.resolve(slice(outputs, from, from + job.rows))
          from += job.rows
        }
      } else this.#rerun(jobs)
    } catch (error) {
      if (error instanceof ChildLost) this.#lost(jobs, error)
      else if (jobs.length > 1) this.#rerun(jobs)
      else first.reject(asFault(error))
    }
    this.pump()
  }

  /** One bad request must not spoil its neighbours: each again by itself. */
  #rerun(jobs: Job[]): void {
    for (const job of jobs)
      if (!job.settled) {
        this.counts.reruns++
        this.#queue.again(job)
      }
  }

  /** A request may have been what ended the process, so it gets one more, by itself. */
  #lost(jobs: Job[], error: ChildLost): void {
    for (const job of jobs)
      if (++job.losses > 1) job.reject(unavailable('The scoring process ended twice under this request.', 1, error))
    this.#rerun(jobs)
  }
}

function together(jobs: Job[]): Tensors {
  if (jobs.length === 1) return jobs[0]!.feeds
  const feeds: Tensors = {}
  for (const name in jobs[0]!.feeds) feeds[name] = concatRows(jobs.map(job => job.feeds[name]!))
  return feeds
}

function slice(outputs: Tensors, from: number, to: number): Tensors {
  const part: Tensors = {}
  for (const name in outputs) part[name] = sliceRows(outputs[name]!, from, to)
  return part
}

/** What the runtime says of a run may hold the caller's values: it goes to the log only. */
function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  return new Fault(422, 'model_refused', 'The model could not score these values.', { cause: error })
}

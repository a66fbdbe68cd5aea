import { toFault, unavailable } from '../lib/fault.ts'
import { ChildLost } from '../workers/child.ts'
import type { Parts } from '../workers/pipe.ts'
import type { Job } from './job.ts'
import { join, part, splits } from './join.ts'
import type { JobQueue } from './queue.ts'
import type { Tensors } from './tensors.ts'
import type { LoadRequest } from './wire.ts'
import { packBodies, packFeeds, packRows, unpackAnswers, unpackTensors } from './wire.ts'

/** Where batches are scored: a place in a process. */
export interface Lane {
  /**
   * @param request packed as wire.ts says
   * @throws ChildLost; Fault, also for what the runtime refused; any other Error is a defect
   */
  exchange(model: LoadRequest, request: Parts): Promise<Uint8Array<ArrayBuffer>>
  /** Told when nobody waits for the answer any more: every caller has gone, or their deadlines have passed. */
  abandon(): void
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
    let waiting = jobs.length
    const left = () => {
      if (--waiting === 0) lane.abandon()
    }
    for (const job of jobs) {
      rows += job.rows
      job.abandon = left
    }
    const { runs } = first.work
    this.counts.batches++
    this.counts.rows += rows
    try {
      const answer = await lane.exchange(first.model, pack(jobs))
      if (first.inJson) settle(jobs, answer)
      else if (runs) first.resolve(unpackTensors(answer, runs.length))
      else this.#settleTensors(jobs, rows, unpackTensors(answer, 1)[0]!)
    } catch (error) {
      if (error instanceof ChildLost) this.#lost(jobs, error)
      else if (jobs.length > 1) this.#rerun(jobs)
      else first.reject(toFault(error))
    }
    this.pump()
  }

  #settleTensors(jobs: Job[], rows: number, outputs: Tensors): void {
    if (jobs.length === 1) jobs[0]!.resolve(outputs)
    else if (splits(outputs, rows)) {
      let from = 0
      for (const job of jobs) {
        if (!job.settled) job.resolve(part(outputs, from, from + job.rows))
        from += job.rows
      }
    } else this.#rerun(jobs)
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

function pack(jobs: Job[]): Parts {
  const { model, work } = jobs[0]!
  if (work.runs) return packFeeds(model, work.runs, work.outputs)
  if (!work.feeds)
    return packBodies(
      model,
      work.recipe,
      jobs.map(job => (job.work as { body: Uint8Array }).body),
    )
  const feeds = join(jobs.map(job => job.work.feeds!))
  if (!work.recipe) return packFeeds(model, [feeds], work.outputs)
  return packRows(
    model,
    work.recipe,
    feeds,
    jobs.map(job => job.rows),
  )
}

/** Who wrote them has kept them apart: an answer, or what is wrong with it, for each. */
function settle(jobs: Job[], answer: Uint8Array<ArrayBuffer>): void {
  for (const [i, one] of unpackAnswers(answer).entries()) {
    const job = jobs[i]!
    if (one instanceof Error) job.reject(toFault(one))
    else job.resolve(one)
  }
}

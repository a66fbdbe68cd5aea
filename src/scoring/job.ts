import { callerGone } from '../lib/fault.ts'
import type { Tensors } from './tensors.ts'
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
      runs?: undefined
    }
  | {
      /** Each is scored by itself, one after the other, and answered with its tensors. */
      runs: readonly Tensors[]
      outputs?: readonly string[]
      recipe?: undefined
      feeds?: undefined
    }
  | {
      /** How rows become tensors and tensors an answer, see `answer.ts`. */
      recipe: SentRecipe
      body: Uint8Array
      feeds?: undefined
      runs?: undefined
    }
  | { recipe: SentRecipe; feeds: Tensors; runs?: undefined }

export type Answer = Tensors | Tensors[] | string

/** A recipe's id, where bodies are read by it; else a text of all that must be equal. */
export type Group = number | string

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
  /** As performance.now(), as are the times below. */
  readonly deadline: number
  readonly caller: JobOptions['caller']
  /** Jobs of one group may be scored together. */
  readonly group: Group
  /** When it came. */
  readonly added: number
  /** When it need not wait for company any more. */
  readonly ripe: number
  readonly answer: Promise<Answer>
  #watched = false
  #unwatch: (() => void) | undefined
  /** Where a process works on it: tells that it need not, on this job's account. */
  abandon: (() => void) | undefined
  /** Scored by itself from now on: it was in a batch that failed, or in a process that ended. */
  solo = false
  /** How many processes have ended under it. */
  losses = 0
  waiting = false
  /** among those that are open */
  place = 0
  settled = false
  readonly #closed: (job: Job) => void
  #resolve!: (answer: Answer) => void
  #reject!: (error: unknown) => void

  /** @param closed told when it is settled */
  constructor(
    closed: (job: Job) => void,
    model: ScoringModel,
    work: Work,
    { caller }: JobOptions,
    about: { rows: number; bytes: number; group: Group; added: number; deadline: number; delay: number },
  ) {
    this.#closed = closed
    this.model = model
    this.work = work
    this.inJson = work.recipe !== undefined
    this.rows = about.rows
    this.bytes = about.bytes
    this.deadline = about.deadline
    this.caller = caller
    this.group = about.group
    this.added = about.added
    // it needs time to be scored in, too
    this.ripe = about.delay > 0 ? about.added + Math.min(about.delay, (about.deadline - about.added) / 2) : 0
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(answer: Answer): void {
    if (this.#settle()) this.#resolve(answer)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.#closed(this)
    this.work = NOTHING
    this.#unwatch?.()
    this.abandon?.()
    return true
  }

  /** Ends it when its caller goes. */
  watch(): void {
    if (this.#watched) return
    this.#watched = true
    const signal = this.caller?.signal
    if (!signal) return
    const gone = () => this.reject(callerGone(signal.reason))
    if (signal.aborted) gone()
    else {
      signal.addEventListener('abort', gone, { once: true })
      this.#unwatch = () => signal.removeEventListener('abort', gone)
    }
  }
}

const NOTHING: Work = { feeds: {} }

import { Fault, unavailable } from '../lib/fault.ts'
import { usableCpus, usableMemory } from '../lib/machine.ts'
import { fittingJson } from './answer-size.ts'
import { type BatchCounts, Batcher } from './batcher.ts'
import { type Answered, type Asked, Bodies, type Form, type KnownModel } from './bodies.ts'
import type { Answer, JobOptions, ScoringModel, Work } from './job.ts'
import { inParts, inTurns } from './parts.ts'
import { Pool } from './pool.ts'
import { JobQueue } from './queue.ts'
import { Subprocesses } from './subprocess.ts'
import type { Tensors } from './tensors.ts'
import type { SentRecipe } from './wire.ts'

export type { ScoringModel } from './job.ts'

interface ScoreOptions extends JobOptions {
  /** Which outputs are wanted; all of them where it is absent. */
  outputs?: readonly string[]
}

interface ScorerStats extends BatchCounts {
  mode: 'worker' | 'subprocess'
  /** Requests that wait or are being scored, and rows that wait. */
  open: number
  waitingRows: number
  /** Process ids of live scoring processes. */
  pids: number[]
  restarts: number
  /** Processes that were replaced for having grown over their share of memory. */
  recycled: number
}

/** Tensors in, tensors out, in child processes. */
export interface Scorer {
  /**
   * Scores tensors as the model takes them.
   * @param rows how many rows the tensors hold (axis 0); 1 for models without a row dimension
   * @throws Fault 503 with Retry-After (queue full, or the process ended twice under this request), 504 at the deadline,
   * 422 `model_refused` what the runtime could not score, 499 aborted
   */
  score(model: ScoringModel, feeds: Tensors, rows: number, options: ScoreOptions): Promise<Tensors>
  /**
   * Scores each of them as `score` does what holds one row, for answers in JSON; in subprocess mode all in one process.
   * @throws Fault as `score`; 422 `answer_too_large` all of them together
   */
  scoreEach(model: ScoringModel, runs: readonly Tensors[], options: ScoreOptions): Promise<Tensors[]>
  /**
   * Answers a body of rows with text in JSON: it is read, unless its tensors are given, and the answer written, where it is
   * scored.
   * @param recipe what the endpoint makes of the model (`answer.ts`)
   * @param rows how many there are; for a body the most that it can hold
   * @throws Fault as `score`; 400 no JSON, 422 what the model cannot take
   */
  answer(
    model: ScoringModel,
    recipe: SentRecipe,
    given: { body: Uint8Array } | { feeds: Tensors },
    rows: number,
    options: JobOptions,
  ): Promise<string>
  /**
   * Answers a body in a door's form, with whatever is scored on the way: here, or in a process of its own where that takes long
   * (`bodies.ts`).
   * @throws Fault as `score`, and what the form throws
   */
  form<Given>(
    form: Form<Given>,
    model: ScoringModel,
    known: KnownModel,
    asked: Asked<Given>,
    options: JobOptions,
  ): Promise<Answered>
  /** Rows that are scored at once at most. */
  readonly maxBatchRows: number
  /** Rows of one body at most, where they are scored one by one: what a process has to itself it may do as long as it takes. */
  readonly maxSingleRows: number
  /** Loads a model ahead of its first call, in every process that is up. Nothing in subprocess mode. */
  warm(model: ScoringModel): Promise<void>
  /** Settles when every request that now waits for a model's file, or is being scored by it, has its answer. */
  done(sha256: string): Promise<void>
  /** Settles when all processes answer. @throws Fault 503 why they do not start; they are tried again all the same */
  ready(): Promise<void>
  /** Whether requests can be scored now, and else why not, for probes. */
  status(): { ready: boolean; reason?: string }
  stats(): ScorerStats
  /** Refuses what is open (503) and ends all processes. Drain before it. */
  close(): Promise<void>
}

export interface ScorerOptions {
  /** `worker`: persistent processes and batches; `subprocess`: a fresh process for each request. */
  mode: 'worker' | 'subprocess'
  /** Persistent processes; in subprocess mode, how many run at once (default there: the CPUs). */
  workers?: number
  /** Threads inside one inference. */
  threads?: number
  maxBatchRows?: number
  maxQueueRows?: number
  maxQueueBytes?: number
  /** See `PoolOptions`. */
  depth?: number
  graceMs?: number
  /** Resident bytes of all scoring processes together, beyond which models that were not used lately are let go. Default: half of the memory. */
  memoryBytes?: number
  watchMs?: number
}

const BROKEN = 'The scoring processes do not start; the log says why.'

/** Starts the scoring processes (worker mode) in the background; `ready` tells when they answer. */
export function createScorer(options: ScorerOptions): Scorer {
  const { mode, threads = 1, maxBatchRows = 512, maxQueueRows = 20_000, maxQueueBytes = 256 * 1024 * 1024 } = options
  const together = mode === 'worker' ? maxBatchRows : 1
  const queue = new JobQueue({ maxQueueRows, maxQueueBytes, maxBatchRows: together })
  const cpus = usableCpus()
  const workers = options.workers ?? Math.max(1, cpus >> 1)
  const pool =
    mode === 'worker'
      ? new Pool({
          workers,
          threads,
          maxBatchRows,
          depth: options.depth ?? 2,
          graceMs: options.graceMs ?? 5000,
          memoryBytes: (options.memoryBytes ?? usableMemory() / 2) / workers,
          watchMs: options.watchMs ?? 5000,
        })
      : undefined
  const lanes = pool ?? new Subprocesses({ processes: options.workers ?? cpus, threads, maxBatchRows })
  const batcher = new Batcher(queue, lanes, together)
  let closed = false
  if (pool) pool.onBroken = fault => queue.rejectAll(fault)
  const started = pool?.start()
  started?.catch(() => {}) // told by ready() and status()

  /** Errors are the promise's, as those that come later are. */
  function admit(model: ScoringModel, work: Work, rows: number, scoring: JobOptions): Promise<Answer> {
    try {
      if (closed) throw unavailable('The server is shutting down.')
      if (pool?.broken) throw pool.broken
      const answer = queue.add(model, work, rows, scoring)
      batcher.soon()
      return answer
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const tensors = (model: ScoringModel, feeds: Tensors, rows: number, scoring: ScoreOptions) =>
    admit(model, { feeds, outputs: scoring.outputs }, rows, scoring) as Promise<Tensors>

  const score: Scorer['score'] = (model, feeds, rows, scoring) => {
    if (rows <= maxBatchRows || !model.metadata.independentRows || mode === 'subprocess')
      return tensors(model, feeds, rows, scoring)
    return inParts(rows, maxBatchRows, feeds, scoring.caller, (feeds, size) => tensors(model, feeds, size, scoring))
  }
  const scoreEach: Scorer['scoreEach'] = (model, runs, scoring) => {
    const { outputs, caller } = scoring
    // they fill the queue of rows no more than where they come in turns
    if (mode === 'subprocess') return admit(model, { runs, outputs }, 1, scoring) as Promise<Tensors[]>
    const fitting = fittingJson()
    return inTurns(runs.length, i => tensors(model, runs[i]!, 1, scoring).then(fitting), caller)
  }
  const bodies = new Bodies(mode === 'worker' ? maxBatchRows : Number.MAX_SAFE_INTEGER)

  return {
    score,
    scoreEach,
    form: (form, model, known, asked, scoring) =>
      bodies.answer(form, known, asked, scoring, {
        score: (feeds, rows, outputs) => score(model, feeds, rows, { ...scoring, outputs }),
        each: (runs, outputs) => scoreEach(model, runs, { ...scoring, outputs }),
      }),
    answer: (model, recipe, given, rows, scoring) =>
      admit(model, { recipe, ...given } as Work, rows, scoring) as Promise<string>,
    maxBatchRows,
    maxSingleRows: mode === 'subprocess' ? maxQueueRows : 1,
    async warm({ sha256, path }) {
      await pool?.load({ sha256, path })
    },
    done: sha256 => queue.done(sha256),
    async ready() {
      await started
    },
    status() {
      if (!pool || pool.ready > 0) return { ready: !closed }
      // why they do not (a directory of this machine, perhaps) is for the log, not for whoever asks a probe
      return { ready: false, reason: pool.broken ? BROKEN : 'The scoring processes are starting.' }
    },
    stats: () => ({
      mode,
      ...batcher.counts,
      open: queue.open,
      waitingRows: queue.rows,
      pids: lanes.pids,
      restarts: pool?.restarts ?? 0,
      recycled: pool?.recycled ?? 0,
    }),
    async close() {
      closed = true
      queue.rejectAll(new Fault(503, 'unavailable', 'The server is shutting down.'))
      await Promise.all([lanes.close(), bodies.close()])
    },
  }
}

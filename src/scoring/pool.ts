import { Fault, unavailable } from '../lib/fault.ts'
import { Child, ChildLost } from '../workers/child.ts'
import type { Lane, Lanes } from './batcher.ts'
import type { ScoreRequest } from './child.ts'
import type { Tensors } from './tensors.ts'

export interface PoolOptions {
  workers: number
  /** Threads inside one inference. */
  threads: number
  /**
   * Batches handed to a worker before it has answered the first of them: the next is there when it has finished one
   * (measured: 10 to 25 % more than 1 does). Only behind models that answer at once, so that nobody queues behind a slow one.
   */
  depth: number
  /** How long after its last caller's deadline a worker may go on computing before it is ended. */
  graceMs: number
}

const BACKOFF_FIRST_MS = 50
const BACKOFF_LAST_MS = 10_000
/** A model whose batches take longer than this on average has its worker to itself. */
const QUICK_MS = 5
/** Failures to start, one after the other, after which waiting makes no sense to callers. */
const BROKEN_AFTER = 3

/** A fixed number of persistent scoring processes, each restarted with back-off when it ends. */
export class Pool implements Lanes {
  onFree: () => void = () => {}
  /** Told when workers fail to start again and again, so that nobody waits for them in vain. */
  onBroken: (error: Fault) => void = () => {}
  readonly #options: PoolOptions
  readonly #workers: Worker[] = []
  /** Average milliseconds of a batch, by model. */
  readonly #pace = new Map<string, number>()
  /** Processes start one at a time: many at once on a loaded machine is what goes wrong. */
  #starting: Promise<unknown> = Promise.resolve()
  #closed = false
  #failures = 0
  #fault: Fault | undefined
  restarts = 0

  constructor(options: PoolOptions) {
    this.#options = options
    for (let i = 0; i < options.workers; i++) this.#workers.push(new Worker())
  }

  /** Starts all workers. @throws Fault the first that failed; it is tried again in the background all the same */
  async start(): Promise<void> {
    await Promise.all(this.#workers.map(worker => this.#launch(worker)))
    if (this.#fault) throw this.#fault
  }

  get ready(): number {
    return this.#workers.filter(worker => worker.child?.alive).length
  }

  get pids(): number[] {
    return this.#workers.flatMap(worker => (worker.child?.alive ? [worker.child.pid] : []))
  }

  /** Why no worker starts, when none does. */
  get broken(): Fault | undefined {
    return this.#failures >= BROKEN_AFTER && this.ready === 0 ? this.#fault : undefined
  }

  free(alone: boolean): Lane | undefined {
    let best: Worker | undefined
    for (const worker of this.#workers) {
      if (!worker.child?.alive || worker.reserved) continue
      if (worker.inFlight >= (alone || !worker.quick ? 1 : this.#options.depth)) continue
      if (!best || worker.inFlight < best.inFlight) best = worker
    }
    if (!best) return undefined
    const worker = best
    return { score: (request, expires) => this.#score(worker, request, expires, alone) }
  }

  /** Sends one request to every worker that is up, e.g. to load a model ahead of its first call. */
  async broadcast(method: string, payload: unknown): Promise<void> {
    await Promise.all(
      this.#workers.map(({ child }) =>
        child?.request(method, payload).catch(error => {
          if (!(error instanceof ChildLost)) throw error // its successor loads on first use
        }),
      ),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#starting
    await Promise.all(
      this.#workers.map(worker => {
        clearTimeout(worker.timer)
        worker.child?.kill()
        return worker.child?.exited
      }),
    )
  }

  async #score(worker: Worker, request: ScoreRequest, expires: number, alone: boolean): Promise<Tensors> {
    const child = worker.child!
    worker.inFlight++
    worker.reserved = alone
    const { sha256 } = request.model
    const pace = this.#pace.get(sha256)
    worker.quick = pace !== undefined && pace < QUICK_MS && (worker.quick || worker.inFlight === 1)
    const started = performance.now()
    // nobody waits for it any more, and it may never end: the process is the only thing that can be stopped
    const stuck = setTimeout(() => child.kill(), Math.max(0, expires - Date.now()) + this.#options.graceMs)
    try {
      const outputs = await child.request<Tensors>('score', request)
      worker.served = true
      const took = performance.now() - started
      this.#pace.set(sha256, pace === undefined ? took : pace + (took - pace) * 0.2)
      return outputs
    } catch (error) {
      // noticed here before the process is reaped, perhaps: it must not be given the retry as well
      if (error instanceof ChildLost && worker.child === child) {
        worker.child = undefined
        child.kill()
      }
      throw error
    } finally {
      clearTimeout(stuck)
      worker.inFlight--
      if (alone) worker.reserved = false
    }
  }

  #launch(worker: Worker): Promise<void> {
    const launched = this.#starting.then(async () => {
      if (this.#closed) return
      try {
        const child = await Child.start('score', { threads: this.#options.threads })
        worker.child = child
        worker.inFlight = 0
        worker.reserved = false
        worker.served = false
        this.#failures = 0
        this.#fault = undefined
        void child.exited.then(() => this.#restart(worker))
        if (this.#closed) child.kill()
        else this.onFree()
      } catch (error) {
        this.#failures++
        this.#fault = cannotStart(error)
        if (this.broken) this.onBroken(this.#fault)
        this.#restart(worker)
      }
    })
    this.#starting = launched
    return launched
  }

  /** At once when the process had done some work before it ended, else after a pause that doubles. */
  #restart(worker: Worker): void {
    if (this.#closed) return
    const delay = worker.served ? 0 : worker.backoff
    worker.backoff = Math.min(BACKOFF_LAST_MS, Math.max(BACKOFF_FIRST_MS, delay * 2))
    this.restarts++
    worker.timer = setTimeout(() => void this.#launch(worker), delay)
  }
}

class Worker {
  child: Child | undefined
  inFlight = 0
  /** Holds one request that wants the process to itself. */
  reserved = false
  /** Whether all that it is working on answers at once. */
  quick = false
  /** Whether this process has answered anything. */
  served = false
  backoff = 0
  timer: ReturnType<typeof setTimeout> | undefined
}

function cannotStart(error: unknown): Fault {
  if (error instanceof Fault) return error
  const why = error instanceof ChildLost ? 'it ended at once' : 'it failed'
  return unavailable(`The scoring process does not start: ${why}; the log has the details.`, 5, error)
}

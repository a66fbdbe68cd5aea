import { deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { Child, ChildLost } from '../workers/child.ts'
import type { Parts } from '../workers/pipe.ts'
import type { Lane, Lanes } from './batcher.ts'
import { memoryOf, PoolWorker } from './pool-worker.ts'
import type { ChildInit, LoadRequest } from './wire.ts'

export interface PoolOptions {
  workers: number
  /** Threads inside one inference. */
  threads: number
  /** Rows in one run. */
  maxBatchRows: number
  /**
   * Batches handed to a worker before it has answered the first of them: the next is there when it has finished one
   * (measured: 10 to 25 % more than 1 does). Only behind models that answer at once, so that nobody queues behind a slow one.
   */
  depth: number
  /** How long a worker may go on computing what nobody waits for any more before it is ended. */
  graceMs: number
  /** Resident bytes of one process, above which it is replaced by one with its recently used models only. */
  memoryBytes: number
  /** How often that is looked at. */
  watchMs: number
}

const BACKOFF_FIRST_MS = 50
const BACKOFF_LAST_MS = 10_000
/** A model whose batches take longer than this on average has its worker to itself. */
const QUICK_MS = 5
/** Failures to start, one after the other, after which waiting makes no sense to callers. */
const BROKEN_AFTER = 3
/** A model that takes longer than this to load has been refused when it was added, or is stuck. */
const LOAD_MS = 150_000

/** A fixed number of persistent scoring processes, each restarted with back-off when it ends. */
export class Pool implements Lanes {
  onFree: () => void = () => {}
  /** Told when workers fail to start again and again, so that nobody waits for them in vain. */
  onBroken: (error: Fault) => void = () => {}
  readonly #options: PoolOptions
  readonly #init: ChildInit
  readonly #workers: PoolWorker[] = []
  /** Average milliseconds of a batch, by model. */
  readonly #pace = new Map<string, number>()
  /** Processes start one at a time: many at once on a loaded machine is what goes wrong. */
  #starting: Promise<unknown> = Promise.resolve()
  #closed = false
  #failures = 0
  #fault: Fault | undefined
  /** Replaced, and finishing what they have: their end is no reason to start another. */
  readonly #retired = new WeakSet<Child>()
  readonly #watching: ReturnType<typeof setInterval>
  #look: Promise<void> | undefined
  restarts = 0
  recycled = 0

  constructor(options: PoolOptions) {
    this.#options = options
    this.#init = { threads: options.threads, maxBatchRows: options.maxBatchRows }
    for (let i = 0; i < options.workers; i++) this.#workers.push(new PoolWorker())
    this.#watching = setInterval(() => {
      // replacing a process may take longer than the time between two looks
      this.#look ??= this.#watch().finally(() => {
        this.#look = undefined
      })
    }, options.watchMs)
    this.#watching.unref?.()
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
    let best: PoolWorker | undefined
    for (const worker of this.#workers) {
      if (!worker.child?.alive || worker.reserved) continue
      if (worker.inFlight >= (alone || !worker.quick ? 1 : this.#options.depth)) continue
      if (!best || worker.inFlight < best.inFlight) best = worker
    }
    if (!best) return undefined
    const worker = best
    const run: Run = {}
    return {
      exchange: (model, request) => this.#exchange(worker, run, model, request, alone),
      abandon: () => run.abandon?.(),
    }
  }

  /** Loads a model ahead of its first call, in every process that is up. */
  async load(model: LoadRequest): Promise<void> {
    await Promise.all(
      this.#workers.map(async worker => {
        try {
          if (worker.child) await this.#load(worker, worker.child, model)
        } catch (error) {
          if (!(error instanceof ChildLost)) throw error // its successor loads on first use
        }
      }),
    )
  }

  async #load(worker: PoolWorker, child: Child, { sha256, path }: LoadRequest): Promise<void> {
    const load = child.request('load', { sha256, path }, { timeoutMs: LOAD_MS })
    worker.loading.add(load)
    try {
      await load
      if (worker.child !== child) return
      worker.use({ sha256, path })
      if (worker.loaded.size === 1) worker.measure(child)
    } finally {
      worker.loading.delete(load)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#watching)
    await this.#starting
    await Promise.all(
      this.#workers.map(worker => {
        clearTimeout(worker.timer)
        worker.child?.kill()
        return worker.child?.exited
      }),
    )
  }

  async #exchange(
    worker: PoolWorker,
    run: Run,
    model: LoadRequest,
    request: Parts,
    alone: boolean,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const child = worker.child!
    worker.inFlight++
    worker.reserved = alone
    const { sha256 } = model
    let stuck: ReturnType<typeof setTimeout> | undefined
    try {
      if (!worker.loaded.has(sha256)) {
        worker.quick = false
        // goes on though nobody waits for it any more: else it would begin anew with every call, and never be done
        run.abandon = () => {
          run.over = true
        }
        await this.#load(worker, child, model)
        if (run.over) throw deadlinePassed()
      }
      if (worker.child === child) worker.use(model)
      const pace = this.#pace.get(sha256)
      worker.quick = pace !== undefined && pace < QUICK_MS && (worker.quick || worker.inFlight === 1)
      const ahead = worker.loading.size > 0 ? [...worker.loading] : []
      const end = () => {
        // it may never end, and the process is the only thing that can be stopped; but what it loads first does end
        if (ahead.some(load => worker.loading.has(load))) stuck = setTimeout(end, this.#options.graceMs)
        else child.kill()
      }
      run.abandon = () => {
        stuck = setTimeout(end, this.#options.graceMs)
      }
      const started = performance.now()
      const outputs = await child.exchange(request)
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
      run.abandon = undefined
      // a process that was replaced meanwhile is nobody's to count
      if (worker.child === child || worker.child === undefined) {
        worker.inFlight--
        if (alone) worker.reserved = false
      }
    }
  }

  #launch(worker: PoolWorker): Promise<void> {
    const launched = this.#starting.then(async () => {
      if (this.#closed) return
      try {
        const child = await Child.start('score', this.#init)
        worker.become(child)
        worker.base = Number.POSITIVE_INFINITY
        this.#failures = 0
        this.#fault = undefined
        this.#onExit(worker, child)
        if (this.#closed) child.kill()
        else this.onFree()
      } catch (error) {
        this.#failures++
        this.#fault = cannotStart(error)
        log.error({ failures: this.#failures, ...errorFields(error) }, this.#fault.message)
        if (this.broken) this.onBroken(this.#fault)
        this.#restart(worker)
      }
    })
    this.#starting = launched
    return launched
  }

  #onExit(worker: PoolWorker, child: Child): void {
    void child.exited.then(() => {
      if (!this.#retired.has(child)) this.#restart(worker)
    })
  }

  /**
   * Keeps each process within its memory. The runtime leaks what it releases, so models are not unloaded one by one: the
   * process is replaced, ready and with the recently used half of its models, and ends when it has finished what it has. So is one
   * of a single model whose calls made it more than twice as large: what the largest of them took is never given back.
   */
  async #watch(): Promise<void> {
    for (const worker of this.#workers) {
      const { child } = worker
      if (!child?.alive || worker.reserved || worker.loaded.size === 0) continue
      try {
        const resident = await memoryOf(child)
        const isLarge = resident > this.#options.memoryBytes && worker.child === child
        if (isLarge && (worker.loaded.size > 1 || worker.outgrown(resident))) await this.#recycle(worker, child)
      } catch {} // busy or ended: the next look tells
    }
  }

  async #recycle(worker: PoolWorker, old: Child): Promise<void> {
    const alone = worker.loaded.size === 1
    const kept = [...worker.loaded.values()].slice(alone ? 0 : Math.ceil(worker.loaded.size / 2))
    const child = await Child.start('score', this.#init)
    for (const model of kept) await child.request('load', model, { timeoutMs: LOAD_MS }).catch(() => {})
    // where the old one has ended by itself, its successor is started by `#restart`
    if (this.#closed || worker.child !== old || !old.alive || !child.alive) return child.kill()
    this.#retired.add(old)
    worker.become(child, kept)
    if (alone) worker.replaced = performance.now()
    worker.measure(child)
    this.recycled++
    this.#onExit(worker, child)
    this.onFree()
    while (old.inFlight > 0 && old.alive && !this.#closed) await Bun.sleep(50)
    old.kill()
  }

  /** At once when the process had done some work before it ended, else after a pause that doubles. */
  #restart(worker: PoolWorker): void {
    if (this.#closed) return
    const delay = worker.served ? 0 : worker.backoff
    worker.served = false // the next one has not, whether it starts or not
    worker.backoff = Math.min(BACKOFF_LAST_MS, Math.max(BACKOFF_FIRST_MS, delay * 2))
    this.restarts++
    worker.timer = setTimeout(() => void this.#launch(worker), delay)
  }
}

/** One exchange, while it is under way. */
interface Run {
  abandon?: () => void
  /** Nobody waits for it any more, and it was not begun yet. */
  over?: boolean
}

function cannotStart(error: unknown): Fault {
  if (error instanceof Fault) return error
  const why = error instanceof ChildLost ? 'it ended at once' : 'it failed'
  return unavailable(`The scoring process does not start: ${why}; the log has the details.`, 5, error)
}

import { callerGone, deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { type Child, ChildLost } from '../workers/child.ts'
import type { Batch } from './batches.ts'
import type { Before, Limits, Row, Runnable, StreamLimits } from './engine.ts'
import type { Rendering } from './rendering.ts'
import type { StoredValue } from './values.ts'

/** Something that a worker is needed for, alone, until `work` settles. */
interface Job {
  work: (child: Child, timeoutMs: number) => Promise<unknown>
  deadline: number
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  timer: ReturnType<typeof setTimeout> | undefined
  retried: boolean
  /** the worker that runs it */
  child: Child | undefined
  /** its caller has gone */
  abandoned: boolean
}

/** What a worker is asked for (child.ts): rows, or what a rendering makes of them. */
export interface Asked {
  statement: Runnable
  values: StoredValue[]
  rendering?: Rendering
  before?: Before
}

const MAX_QUEUE = 1000
const RETRY_AFTER_MS = 20
/** Starting a worker takes as long: a query that ends within this is not worth ending its worker for. */
const ABANDONED_MS = 200
/** Workers that end while they start, one after the other, before callers are told. */
const MAX_START_FAILURES = 3

/**
 * A few query workers, one statement each at a time. A statement cannot be interrupted, so at its deadline its worker is
 * killed and another takes its place.
 */
export class WorkerPool {
  #startOne: () => Promise<Child>
  #size: number
  #idle: Child[] = []
  #all = new Set<Child>()
  /** what ends the stream that a worker is at */
  #streams = new Map<Child, () => void>()
  #starting = 0
  #startFailures = 0
  #queue: Job[] = []
  #closed = false
  /** sources that statements read or wait to read, and who waits for them to end */
  #reading = new Map<string, number>()
  #waiters: { source: string; done: () => void }[] = []

  /** @param start starts one more worker, which answers `all`, `open`, `next`, `stop` and `release` */
  constructor(size: number, start: () => Promise<Child>) {
    this.#size = size
    this.#startOne = start
  }

  /** @throws Fault as `Engine.all` says; 503 the queue is full or a worker was lost twice */
  all<T = Row[]>(statement: Runnable, values: StoredValue[], limits: Limits, rendering?: Rendering): Promise<T> {
    const asked: Asked = { statement: bare(statement), values, rendering }
    const work: Job['work'] = (child, timeoutMs) => child.request('all', asked, { timeoutMs })
    return this.#submit(work, statement.sources, limits) as Promise<T>
  }

  /** @throws Fault as `Engine.stream` says; 503 also a worker that is lost after the first batch */
  async *stream<T = Row[]>(
    statement: Runnable,
    values: StoredValue[],
    { patienceMs, signal }: StreamLimits,
    rendering?: Rendering,
    before?: Before,
  ): AsyncGenerator<T, void, undefined> {
    const asked: Asked = {
      statement: bare(statement),
      values,
      rendering,
      before: before && { statement: bare(before.statement), values: before.values },
    }
    const begun = Promise.withResolvers<{ child: Child; first: Batch<T> }>()
    const over = Promise.withResolvers<void>()
    // its worker is its own until it is over; lost before the first batch, another one begins it again
    const work: Job['work'] = async (child, timeoutMs) => {
      begun.resolve({ child, first: await child.request<Batch<T>>('open', asked, { timeoutMs }) })
      // not by `child.exited`: what waits for that is kept as long as the worker lives, with all of the stream
      this.#streams.set(child, over.resolve)
      if (!child.alive) over.resolve()
      await over.promise
      this.#streams.delete(child)
    }
    this.#submit(work, statement.sources, { deadline: performance.now() + patienceMs, signal }).catch(begun.reject)
    const { child, first } = await begun.promise
    let ended = false
    let stalled = false
    try {
      for (let batch = first, told = !before; ; told = true) {
        ended = batch.done
        const next = ended ? undefined : child.request<Batch<T>>('next', {}, { timeoutMs: patienceMs })
        next?.catch(() => {})
        const stall = setTimeout(() => {
          stalled = true
          child.kill()
        }, patienceMs)
        try {
          if (!told || !Array.isArray(batch.rows) || batch.rows.length > 0) yield batch.rows
        } finally {
          clearTimeout(stall)
        }
        if (!next) return
        batch = await next
      }
    } catch (error) {
      if (!(error instanceof ChildLost)) throw error
      if (stalled) throw deadlinePassed('The answer was not taken in time.')
      throw signal?.aborted ? callerGone(error) : unavailable('The query worker was lost.', 1, error)
    } finally {
      if (ended) over.resolve()
      // done with the batch that it is at, it is as good as new
      else
        child
          .request('stop', {}, { timeoutMs: ABANDONED_MS })
          .catch(() => child.kill())
          .finally(() => over.resolve())
    }
  }

  /** As a statement that reads them, until what it gives back is called, once. */
  hold(sources: string[]): () => void {
    for (const source of sources) this.#reading.set(source, (this.#reading.get(source) ?? 0) + 1)
    return () => {
      for (const source of sources) this.#finished(source)
    }
  }

  #submit(work: Job['work'], sources: string[], { deadline, signal }: Limits): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(callerGone(signal.reason))
    if (this.#queue.length >= MAX_QUEUE) return Promise.reject(unavailable('Too many queries are waiting.'))
    const release = this.hold(sources)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const state = { retried: false, timer: undefined, child: undefined, abandoned: false }
    const job: Job = { work, deadline, resolve, reject, ...state }
    const abandon = () => this.#abandon(job)
    signal?.addEventListener('abort', abandon)
    this.#await(job)
    this.#queue.push(job)
    this.#dispatch()
    return promise.finally(() => {
      signal?.removeEventListener('abort', abandon)
      release()
    })
  }
  /** Ends a job that still waits at its deadline; while it runs, the worker's own deadline does. */
  #await(job: Job): void {
    job.timer = setTimeout(
      () => {
        const place = this.#queue.indexOf(job)
        if (place < 0) return
        this.#queue.splice(place, 1)
        job.reject(deadlinePassed())
      },
      Math.max(1, job.deadline - performance.now()),
    )
  }

  #abandon(job: Job): void {
    job.abandoned = true
    const place = this.#queue.indexOf(job)
    if (place >= 0) {
      clearTimeout(job.timer)
      this.#queue.splice(place, 1)
      job.reject(callerGone())
    } else job.timer = setTimeout(() => job.child?.kill(), ABANDONED_MS)
  }

  /** Resolves when no query, waiting or under way, reads it any more; the workers are told to close it. */
  async release(source: string): Promise<void> {
    if (this.#reading.has(source)) await new Promise<void>(done => this.#waiters.push({ source, done }))
    for (const child of this.#all) child.request('release', { source }).catch(() => {})
  }

  close(): void {
    this.#closed = true
    for (const job of this.#queue.splice(0)) {
      clearTimeout(job.timer)
      job.reject(unavailable('The server is stopping.'))
    }
    for (const child of this.#all) child.kill()
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const child = this.#idle.pop()
      if (!child) {
        if (this.#all.size + this.#starting < this.#size) void this.#start()
        return
      }
      if (!child.alive) continue
      const job = this.#queue.shift()!
      clearTimeout(job.timer)
      void this.#run(child, job)
    }
  }

  async #run(child: Child, job: Job): Promise<void> {
    try {
      job.child = child
      job.resolve(await job.work(child, Math.max(1, job.deadline - performance.now())))
    } catch (error) {
      // one that is lost may not know it yet: it must not be given another
      const lost = error instanceof ChildLost
      if (lost) child.kill()
      // what ended this one may have ended others, which is known only by then
      if (lost && !error.unsent) await Bun.sleep(RETRY_AFTER_MS)
      if (job.abandoned) job.reject(callerGone(error))
      else if (lost && (error.unsent || !job.retried) && !this.#closed) {
        if (!error.unsent) {
          log.warn(errorFields(error), 'a query worker was lost; its query runs once more')
          job.retried = true
        }
        this.#await(job)
        this.#queue.unshift(job)
      } else job.reject(lost ? unavailable('The query worker was lost.', 1, error) : error)
      // it may have begun just before its deadline, and be done in a moment
      if (error instanceof Fault && error.status === 504)
        await child.request('stop', {}, { timeoutMs: ABANDONED_MS }).catch(() => child.kill())
    } finally {
      job.child = undefined
      if (job.abandoned) clearTimeout(job.timer)
      if (child.alive) this.#idle.push(child)
      else this.#all.delete(child)
      this.#dispatch()
    }
  }

  #finished(source: string): void {
    const left = this.#reading.get(source)! - 1
    if (left > 0) return void this.#reading.set(source, left)
    this.#reading.delete(source)
    this.#waiters = this.#waiters.filter(waiter => {
      if (waiter.source === source) waiter.done()
      return waiter.source !== source
    })
  }

  async #start(): Promise<void> {
    this.#starting++
    try {
      const child = await this.#startOne()
      if (this.#closed) return child.kill()
      this.#startFailures = 0
      this.#all.add(child)
      this.#idle.push(child)
      void child.exited.then(() => {
        this.#streams.get(child)?.()
        this.#all.delete(child)
        this.#idle = this.#idle.filter(other => other !== child)
        this.#dispatch()
      })
    } catch (error) {
      log.warn(errorFields(error), 'a query worker did not start')
      // one that was killed while it started costs those who wait some time, not their answers
      const job = ++this.#startFailures >= MAX_START_FAILURES ? this.#queue.shift() : undefined
      if (job) {
        clearTimeout(job.timer)
        job.reject(unavailable('No query worker could be started.', 5, error))
      }
    } finally {
      this.#starting--
      this.#dispatch()
    }
  }
}

/** What a worker needs of a statement, and no more: what else there is of one cannot be sent. */
const bare = ({ sql, sources, bigints, names }: Runnable): Runnable => ({ sql, sources, bigints, names })

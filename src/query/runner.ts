import { statSync } from 'node:fs'
import { callerGone, deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { Child, ChildLost } from '../workers/child.ts'
import type { Query, Table } from './compile.ts'
import { type Row, SqliteReader, type SqliteStatement } from './engines/sqlite.ts'
import type { StoredValue } from './values.ts'

interface Job {
  statement: SqliteStatement
  values: StoredValue[]
  deadline: number
  resolve: (rows: Row[]) => void
  reject: (error: unknown) => void
  timer: ReturnType<typeof setTimeout> | undefined
  retried: boolean
  /** the worker that runs it */
  child: Child | undefined
  /** its caller has gone */
  abandoned: boolean
}

/** A small table is read whole in less time than a worker takes to answer. */
const SMALL_TABLE = 20_000
const SMALL_TABLE_BYTES = 8_000_000
/** What an answer may hold, by the average of its tables, that is made while all other calls wait. */
const CHEAP_ROWS = 1000
const CHEAP_BYTES = 1 << 20
const MAX_QUEUE = 1000
const RETRY_AFTER_MS = 20
/** Starting a worker takes as long: a query that ends within this is not worth ending its worker for. */
const ABANDONED_MS = 200
/** Workers that end while they start, one after the other, before callers are told. */
const MAX_START_FAILURES = 3

/**
 * Where statements run: here when they are indexed and bounded, else in one of a few query workers, one statement each at
 * a time. A statement cannot be interrupted, so at its deadline its worker is killed and another takes its place.
 */
export class QueryRunner {
  #reader = new SqliteReader()
  #size: number
  #idle: Child[] = []
  #all = new Set<Child>()
  #starting = 0
  #startFailures = 0
  #queue: Job[] = []
  #closed = false
  /** files that queries for workers read or wait to read, and who waits for them to end */
  #reading = new Map<string, number>()
  #waiters: { file: string; done: () => void }[] = []

  constructor(size: number) {
    this.#size = size
  }

  here(statement: SqliteStatement, values: StoredValue[]): Row[] {
    return this.#reader.all(statement, values)
  }

  /**
   * How many rows this process may find for it, those that a page skips among them; 0: none, it is for a worker. It may
   * where every table is searched by an index on equality that covers the filters, or small, and nothing is sorted; a
   * join finds at most one row for each of a small source. (A scan of a large table that only pages in key order is
   * bounded by its offset and limit.) Wide rows cost as much as many, so the tables' average width counts too.
   * @throws SQLiteError the statement does not compile
   */
  cheapRows(statement: SqliteStatement & { conditions: number }, query: Query): number {
    const steps = this.#reader.explain(statement)
    if (!isBounded(steps, statement.conditions, query)) return 0
    const { tables } = query
    const width = tables.reduce((sum, t) => sum + bytesOf(t.dataset.file) / Math.max(1, t.dataset.rowCount), 0)
    const rows = Math.min(CHEAP_ROWS, Math.floor(CHEAP_BYTES / Math.max(1, width)))
    const most = tables.length === 1 && findsOneRow(steps[0] ?? '', query) ? 1 : tables[0]!.dataset.rowCount
    return most <= rows ? Number.POSITIVE_INFINITY : rows
  }

  /**
   * @param signal the caller has gone: the job gives up its place, and its worker unless it is done soon
   * @throws Fault 499 the caller has gone; 503 the queue is full or a worker was lost twice; 504 the deadline passed
   */
  inWorker(statement: SqliteStatement, values: StoredValue[], deadline: number, signal?: AbortSignal): Promise<Row[]> {
    if (signal?.aborted) return Promise.reject(callerGone(signal.reason))
    if (this.#queue.length >= MAX_QUEUE) return Promise.reject(unavailable('Too many queries are waiting.'))
    for (const file of statement.files) this.#reading.set(file, (this.#reading.get(file) ?? 0) + 1)
    const { promise, resolve, reject } = Promise.withResolvers<Row[]>()
    const state = { retried: false, timer: undefined, child: undefined, abandoned: false }
    const job: Job = { statement, values, deadline, resolve, reject, ...state }
    const abandon = () => this.#abandon(job)
    signal?.addEventListener('abort', abandon)
    this.#await(job)
    this.#queue.push(job)
    this.#dispatch()
    return promise.finally(() => {
      signal?.removeEventListener('abort', abandon)
      for (const file of statement.files) this.#finished(file)
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
      Math.max(1, job.deadline - Date.now()),
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

  /** Resolves when no query, waiting or under way, reads the file any more; then no connection here keeps it open. */
  async release(file: string): Promise<void> {
    if (this.#reading.has(file)) await new Promise<void>(done => this.#waiters.push({ file, done }))
    this.#reader.release(file)
    for (const child of this.#all) child.request('release', { file }).catch(() => {})
  }

  close(): void {
    this.#closed = true
    for (const job of this.#queue.splice(0)) {
      clearTimeout(job.timer)
      job.reject(unavailable('The server is stopping.'))
    }
    for (const child of this.#all) child.kill()
    this.#reader.close()
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
      const { statement, values } = job
      const { sql, files, bigints } = statement
      const timeoutMs = Math.max(1, job.deadline - Date.now())
      job.child = child
      job.resolve(await child.request<Row[]>('all', { statement: { sql, files, bigints }, values }, { timeoutMs }))
    } catch (error) {
      // one that is lost may not know it yet: it must not be given another
      const lost = error instanceof ChildLost
      if (lost || (error instanceof Fault && error.status === 504)) child.kill()
      // what ended this one may have ended others, which is known only by then
      if (lost && !error.unsent) await Bun.sleep(RETRY_AFTER_MS)
      if (job.abandoned) job.reject(callerGone(error))
      else if (lost && (error.unsent || !job.retried) && !this.#closed) {
        if (!error.unsent) job.retried = true
        this.#await(job)
        this.#queue.unshift(job)
      } else job.reject(lost ? unavailable('The query worker was lost.', 1, error) : error)
    } finally {
      job.child = undefined
      if (job.abandoned) clearTimeout(job.timer)
      if (child.alive) this.#idle.push(child)
      else this.#all.delete(child)
      this.#dispatch()
    }
  }

  #finished(file: string): void {
    const left = this.#reading.get(file)! - 1
    if (left > 0) return void this.#reading.set(file, left)
    this.#reading.delete(file)
    this.#waiters = this.#waiters.filter(waiter => {
      if (waiter.file === file) waiter.done()
      return waiter.file !== file
    })
  }

  async #start(): Promise<void> {
    this.#starting++
    try {
      const child = await Child.start('query', {})
      if (this.#closed) return child.kill()
      this.#startFailures = 0
      this.#all.add(child)
      this.#idle.push(child)
      void child.exited.then(() => {
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

function isBounded(steps: string[], conditions: number, query: Query): boolean {
  const [source, ...joined] = query.tables as [Table, ...Table[]]
  if (joined.length === 0 && isSmall(source)) return true
  if (steps.some(step => step.includes('TEMP B-TREE'))) return false
  const [step = '', ...others] = steps
  if (joined.length > 0)
    return isSmall(source) && /^S(CAN|EARCH) t0\b/.test(step) && others.every(s => findsOneRow(s, query))
  if (conditions === 0) return step.startsWith('SCAN')
  const covered = /\(([^)]*)\)/.exec(step)?.[1]?.split(' AND ') ?? []
  return step.startsWith('SEARCH') && covered.length === conditions && covered.every(term => term.endsWith('=?'))
}

const isSmall = ({ dataset }: Table) => dataset.rowCount <= SMALL_TABLE && bytesOf(dataset.file) <= SMALL_TABLE_BYTES
const bytesOf = (file: string) => statSync(file).size

/** Whether a step of a plan finds a row by its table's key: an integer key is the rowid, another the index data_key. */
function findsOneRow(step: string, { tables }: Query): boolean {
  const match = /^SEARCH t(\d+) USING (?:INTEGER PRIMARY KEY|(?:COVERING )?INDEX (data_key)) \((.*)\)/.exec(step)
  if (!match) return false
  const [, table, key, terms] = match as unknown as [string, string, string | undefined, string]
  if (!key) return terms === 'rowid=?'
  const covered = terms.split(' AND ')
  return (
    covered.length === tables[Number(table)]?.dataset.primaryKey?.length && covered.every(term => term.endsWith('=?'))
  )
}

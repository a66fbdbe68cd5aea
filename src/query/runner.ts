import { deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import { Child, ChildLost } from '../workers/child.ts'
import { type Row, SqliteReader, type SqliteStatement } from './engines/sqlite.ts'
import type { Query } from './query.ts'
import type { Statement } from './sql.ts'
import type { StoredValue } from './values.ts'

interface Job {
  statement: SqliteStatement
  values: StoredValue[]
  deadline: number
  resolve: (rows: Row[]) => void
  reject: (error: unknown) => void
  timer: ReturnType<typeof setTimeout> | undefined
  retried: boolean
}

/** Rows of a table that is read whole in less time than a worker takes to answer. */
export const SMALL_TABLE = 20_000
const MAX_QUEUE = 1000

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
   * Whether this process may run it: every table is searched by an index on equality that covers the filters, or small,
   * and nothing is sorted; a join finds at most one row for each of a small source. (A scan of a large table that only
   * pages in key order is bounded by its offset and limit, or begins at its cursor. An aggregate or a count is bounded by
   * nothing but a key.)
   * @throws SQLiteError the statement does not compile
   */
  isCheap(statement: Statement, query: Query): boolean {
    const steps = this.#reader.explain(statement)
    const [source, ...joined] = query.tables
    if (query.tables.every(t => t.dataset.rowCount <= SMALL_TABLE) && query.tables.length === 1) return true
    if (steps.some(step => step.includes('TEMP B-TREE'))) return false
    if (joined.length > 0)
      return (
        source!.dataset.rowCount <= SMALL_TABLE &&
        /^S(CAN|EARCH) t0\b/.test(steps[0] ?? '') &&
        steps.slice(1).every(s => findsOneRow(s, query))
      )
    const [step = ''] = steps
    if (statement.whole) return steps.length === 1 && findsOneRow(step, query)
    if (statement.conditions + statement.after === 0) return step.startsWith('SCAN')
    const covered = /\(([^)]*)\)/.exec(step)?.[1]?.split(' AND ') ?? []
    // a cursor of one value is found in the index behind the equalities; of more, rows alike in the first may be many
    const places = statement.after === 1 && !covered.at(-1)?.endsWith('=?') ? covered.slice(0, -1) : covered
    return (
      statement.after <= 1 &&
      (statement.after === 0 || places.length < covered.length) &&
      step.startsWith('SEARCH') &&
      places.length === statement.conditions &&
      places.every(term => term.endsWith('=?'))
    )
  }

  /** The engine's plan of a statement, a line a step. */
  explain(statement: SqliteStatement): string[] {
    return this.#reader.explain(statement)
  }

  /** @throws Fault 503 the queue is full or a worker was lost twice; 504 the deadline passed */
  inWorker(statement: SqliteStatement, values: StoredValue[], deadline: number): Promise<Row[]> {
    if (this.#queue.length >= MAX_QUEUE) return Promise.reject(unavailable('Too many queries are waiting.'))
    for (const file of statement.files) this.#reading.set(file, (this.#reading.get(file) ?? 0) + 1)
    const { promise, resolve, reject } = Promise.withResolvers<Row[]>()
    const job: Job = { statement, values, deadline, resolve, reject, retried: false, timer: undefined }
    this.#await(job)
    this.#queue.push(job)
    this.#dispatch()
    return promise.finally(() => {
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
      job.resolve(await child.request<Row[]>('all', { statement: { sql, files, bigints }, values }, { timeoutMs }))
    } catch (error) {
      if (error instanceof Fault && error.status === 504) child.kill()
      if (error instanceof ChildLost && !job.retried && !this.#closed) {
        job.retried = true
        this.#await(job)
        this.#queue.unshift(job)
      } else job.reject(error instanceof ChildLost ? unavailable('The query worker was lost.', 1, error) : error)
    } finally {
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
      this.#all.add(child)
      this.#idle.push(child)
      void child.exited.then(() => {
        this.#all.delete(child)
        this.#idle = this.#idle.filter(other => other !== child)
        this.#dispatch()
      })
    } catch (error) {
      log.warn(errorFields(error), 'a query worker did not start')
      const [job] = this.#queue
      // one that was killed while it started costs the first in line a second try, not its answer
      if (job && !job.retried) job.retried = true
      else if (job) {
        this.#queue.shift()
        clearTimeout(job.timer)
        job.reject(unavailable('No query worker could be started.', 5, error))
      }
    } finally {
      this.#starting--
      this.#dispatch()
    }
  }
}

/** Whether a step of a plan finds a joined row by its table's key: an integer key is the rowid, another the index data_key. */
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

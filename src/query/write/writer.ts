import { Fault, unavailable } from '../../lib/fault.ts'
import { errorFields, log } from '../../telemetry/log.ts'
import { type Child, ChildLost } from '../../workers/child.ts'
import type { Prepared, Write } from './apply.ts'
import type { DatabaseRows } from './database/rows.ts'
import { type Answer, type Batch, type Done, type Making, writtenOf } from './job.ts'
import { type LiveState, readState } from './live-state.ts'
import { UnderWay } from './replays.ts'
import type { WriteRequest, Written } from './store.ts'
import type { WriteView } from './view.ts'
import { apart, isStuck, lost, WriteProcess } from './write-process.ts'
import { notMade, type WriteJob, WriteQueue } from './write-queue.ts'

/** A live file as the main process knows it. */
interface Table {
  file: string
  state: LiveState
  /** the process that `state.batch` was learnt from; another may have to say which batch was the last */
  child?: Child
  queue: WriteQueue
  /** raised with every batch that changed rows */
  version: number
}

const MAX_QUEUE = 1000
const MAX_QUEUE_BYTES = 128 * 2 ** 20
/** A process that does not answer is stuck only after so long, however soon the deadline is of what it was asked. */
const STUCK_MS = 3000

/**
 * Where live files are written: a queue for each, and one process that takes what waits as one transaction. Writers wait here,
 * never for each other's locks, and nothing in the main process waits for the disk. The process is started by the first write.
 */
export class Writer {
  #process: WriteProcess
  #tables = new Map<string, Table>()
  /** files that were replaced or deleted: a call that began before must not write to one that is not removed yet */
  #gone = new Set<string>()
  #underWay = new UnderWay()
  #waiting = 0
  #bytes = 0
  #closed = false

  /** @param secret the installation's: for masks and tags */
  constructor(secret: Uint8Array) {
    this.#process = new WriteProcess(secret)
  }

  /** Makes a write to a file. @throws Fault as `TableStore.write` (store.ts) */
  submit(file: string, request: WriteRequest): Promise<Written> {
    const { write, replay } = request
    const bytes = 'body' in write ? write.body.length : 0
    return this.#underWay.run(replay, async () => {
      if (this.#closed) throw unavailable('The server is stopping.')
      if (this.#waiting >= MAX_QUEUE || this.#bytes + bytes > MAX_QUEUE_BYTES)
        throw unavailable('Too many writes are waiting.')
      if (this.#gone.has(file)) throw replaced()
      const table = this.#table(file)
      this.#waiting++
      this.#bytes += bytes
      try {
        const { promise, resolve, reject } = Promise.withResolvers<Written>()
        table.queue.put([{ ...request, bytes, resolve, reject, retried: false }])
        return await promise
      } finally {
        this.#waiting--
        this.#bytes -= bytes
      }
    })
  }

  /**
   * Reads the body of a write for a database, in the writing process: a large one would hold up everyone here.
   * @param deadline as performance.now(). @throws Fault what is wrong with the body; 503; 504
   */
  async readForDatabase(write: Write, view: WriteView, deadline: number): Promise<Prepared<DatabaseRows>> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(notMade()), Math.max(1, deadline - performance.now()))
    try {
      return await Promise.race([this.#read(write, view, deadline), late.promise])
    } catch (error) {
      return lost(error)
    } finally {
      clearTimeout(timer)
    }
  }

  async #read(write: Write, view: WriteView, deadline: number): Promise<Prepared<DatabaseRows>> {
    const child = await this.#process.child()
    try {
      return await child.request('read', { write, view }, { timeoutMs: patience(deadline) })
    } catch (error) {
      if (isStuck(error)) child.kill()
      throw error
    }
  }

  /**
   * Another number after every change of the file's rows: what was read after a number was asked for is at least as new as it.
   * @throws Fault 503 `data_missing`, `data_unreadable`
   */
  version(file: string): number {
    return this.#table(file).version
  }

  /** How many rows the file has, and how many changes were made to it. @throws Fault 503 `data_missing`, `data_unreadable` */
  state(file: string): Readonly<LiveState> {
    return this.#table(file).state
  }

  /**
   * Waits for the writes under way on a file and keeps the others waiting, so that it can be replaced by another without
   * losing any.
   * @returns to be called in the end: they go on
   * @throws Fault 503 `data_missing`, `data_unreadable`: then nobody writes to it
   */
  async hold(file: string): Promise<() => void> {
    return await this.#table(file).queue.hold()
  }

  /** Makes a live file, in a process of its own. @returns its rows. @throws Fault 503 a disk that is full or fails */
  make(making: Making): Promise<number> {
    return apart(child => child.request<number>('make', making))
  }

  /** Makes an immutable file of a live one that is held. @returns its rows. @throws Fault 503 a disk that is full or fails */
  async settle(file: string, target: string): Promise<number> {
    await this.#close(file)
    return apart(child => child.request<number>('settle', { file, target }))
  }

  /** Nobody writes to the file any more: it has been replaced, or its table deleted. What waits for it is refused. */
  async retire(file: string): Promise<void> {
    this.#gone.add(file)
    const table = this.#tables.get(file)
    if (!table) return
    await table.queue.empty(replaced())
    await this.#close(file)
    this.#tables.delete(file)
  }

  async #close(file: string): Promise<void> {
    const table = this.#tables.get(file)
    if (table) table.child = undefined
    await this.#process.closeFile(file)
  }

  /** Closes the files, when no call is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#process.close()
  }

  #table(file: string): Table {
    const known = this.#tables.get(file)
    if (known) return known
    const table: Table = { file, state: readState(file), queue: new WriteQueue(() => this.#serve(table)), version: 0 }
    this.#tables.set(file, table)
    return table
  }

  /** What waits is taken when the process is there and knows the file: until then each job has its own deadline. */
  async #serve(table: Table): Promise<void> {
    let child: Child
    try {
      child = await this.#knowing(table)
    } catch (error) {
      for (const job of table.queue.take()) job.reject(error)
      return
    }
    const jobs = table.queue.take()
    if (jobs.length > 0) await this.#send(table, jobs, child)
  }

  /** The process, when it has said what the file is. One that ends meanwhile has done nothing: the next one is asked. */
  async #knowing(table: Table): Promise<Child> {
    for (let again = false; ; again = true) {
      const child = await this.#process.child()
      try {
        await this.#learn(table, child, table.queue.latest())
        return child
      } catch (error) {
        if (!isStuck(error) && !(error instanceof ChildLost)) throw error
        log.warn(errorFields(error), 'the writing process was lost')
        child.kill()
        if (again) throw unavailable('The writing process was lost twice.', 1, error)
      }
    }
  }

  async #send(table: Table, jobs: WriteJob[], child: Child): Promise<void> {
    const number = table.state.batch + 1
    try {
      const timeoutMs = patience(...jobs.map(job => job.deadline))
      const { answers, state } = await child.request<Done>('write', batchOf(table.file, number, jobs), { timeoutMs })
      this.#told(table, state)
      for (const [i, job] of jobs.entries()) settleJob(job, answers[i]!)
    } catch (error) {
      if (!(error instanceof ChildLost) && !isStuck(error)) {
        table.child = undefined
        for (const job of jobs) job.reject(error)
      } else await this.#lost(table, jobs, error, child, number)
    }
  }

  /** Which batch was the last to be kept, where another process wrote it. */
  async #learn(table: Table, child: Child, deadline: number): Promise<void> {
    if (table.child === child) return
    this.#told(table, await child.request<LiveState>('state', { file: table.file }, { timeoutMs: patience(deadline) }))
    table.child = child
  }

  #told(table: Table, state: LiveState): void {
    if (state.writes !== table.state.writes) table.version++
    table.state = state
  }

  /**
   * The process has ended under a batch, or was too long at it and is ended. The next one says whether the batch was kept: if it
   * was not, or changed nothing, its jobs are tried once more, and so are those whose answers are kept.
   */
  async #lost(table: Table, jobs: WriteJob[], error: unknown, child: Child, sent: number): Promise<void> {
    log.warn({ ...errorFields(error), jobs: jobs.length }, 'the writing process was lost')
    const { writes } = table.state
    try {
      child.kill()
      await child.exited
      await this.#learn(table, await this.#process.child(), Math.max(...jobs.map(job => job.deadline)))
    } catch (cause) {
      table.version++ // nobody knows
      for (const job of jobs) job.reject(unavailable('The writing process was lost.', 1, cause))
      return
    }
    const isMade = table.state.batch >= sent && table.state.writes !== writes
    const again: WriteJob[] = []
    for (const job of jobs) {
      const refusal = this.#whyNotAgain(table, job, error)
      if (isMade && (refusal || !job.replay)) job.reject(answerLost(error))
      else if (refusal) job.reject(refusal)
      else {
        job.retried = true
        again.push(job)
      }
    }
    table.queue.put(again, true)
  }

  #whyNotAgain({ file }: Table, job: WriteJob, error: unknown): Fault | undefined {
    if (job.deadline <= performance.now()) return notMade()
    if (this.#gone.has(file)) return replaced()
    return job.retried ? unavailable('The writing process was lost twice.', 1, error) : undefined
  }
}

function batchOf(file: string, number: number, jobs: WriteJob[]): Batch {
  const views = [...new Set(jobs.map(job => job.view))]
  return {
    file,
    number,
    views,
    jobs: jobs.map(({ write, view, replay }) => ({ write, view: views.indexOf(view), ...(replay ? { replay } : {}) })),
  }
}

function settleJob(job: WriteJob, answer: Answer): void {
  try {
    job.resolve(writtenOf(answer))
  } catch (refusal) {
    job.reject(refusal)
  }
}

/** Milliseconds from now that the process may take for what has these deadlines. */
const patience = (...deadlines: number[]): number => Math.max(STUCK_MS, ...deadlines.map(at => at - performance.now()))

const replaced = () => unavailable('The table was just replaced; try again.')
const answerLost = (cause: unknown) =>
  new Fault(503, 'answer_lost', 'The change was made, and the process that made it ended before it could answer.', {
    cause,
  })

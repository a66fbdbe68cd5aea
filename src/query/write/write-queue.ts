import { deadlinePassed, type Fault } from '../../lib/fault.ts'
import type { WriteRequest, Written } from './store.ts'

export interface WriteJob extends WriteRequest {
  bytes: number
  resolve: (written: Written) => void
  reject: (error: unknown) => void
  /** a process was lost under it */
  retried: boolean
  timer?: ReturnType<typeof setTimeout>
}

/** So many writes at most, each with a small body, are one transaction: they share the wait for the disk. */
const MAX_BATCH = 128
const SMALL_BODY = 64 * 1024

/** The writes that wait for one live file. Each is refused at its own deadline; those of one batch at a time are made. */
export class WriteQueue {
  #jobs: WriteJob[] = []
  #busy = false
  /** who holds the file as it is */
  #holds = 0
  #quiet: (() => void)[] = []
  #serve: () => Promise<void>

  /** @param serve makes a batch of those that wait, which it takes (`take`). It does not throw */
  constructor(serve: () => Promise<void>) {
    this.#serve = serve
  }

  /** Puts jobs at the end, or those that are tried again at the front. */
  put(jobs: WriteJob[], again = false): void {
    for (const job of jobs)
      job.timer = setTimeout(
        () => {
          this.#jobs.splice(this.#jobs.indexOf(job), 1)
          job.reject(notMade())
        },
        Math.max(1, job.deadline - performance.now()),
      )
    if (again) this.#jobs.unshift(...jobs)
    else this.#jobs.push(...jobs)
    this.#dispatch()
  }

  /** The next of those that wait, as many as are one transaction. */
  take(): WriteJob[] {
    const jobs: WriteJob[] = []
    for (let next = this.#jobs[0]; next; next = this.#jobs[0]) {
      if (jobs.length > 0 && !(jobs.length < MAX_BATCH && mayShare(jobs[0]!) && mayShare(next))) break
      this.#jobs.shift()
      clearTimeout(next.timer)
      if (next.deadline <= performance.now()) next.reject(notMade())
      else jobs.push(next)
    }
    return jobs
  }

  /** The latest deadline of those that wait, as performance.now(). */
  latest(): number {
    return Math.max(...this.#jobs.map(job => job.deadline))
  }

  /**
   * Waits for the writes under way, and keeps the others waiting.
   * @returns to be called in the end: they go on
   */
  async hold(): Promise<() => void> {
    this.#holds++
    await this.#untilQuiet()
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds--
      this.#dispatch()
    }
  }

  /** Refuses what waits, and waits for the writes under way. */
  async empty(fault: Fault): Promise<void> {
    for (const job of this.#jobs.splice(0)) {
      clearTimeout(job.timer)
      job.reject(fault)
    }
    await this.#untilQuiet()
  }

  async #untilQuiet(): Promise<void> {
    if (this.#busy) await new Promise<void>(resolve => this.#quiet.push(resolve))
  }

  #dispatch(): void {
    if (this.#busy || this.#holds > 0 || this.#jobs.length === 0) return
    this.#busy = true
    void this.#serve().finally(() => {
      this.#busy = false
      for (const quiet of this.#quiet.splice(0)) quiet()
      this.#dispatch()
    })
  }
}

/** A large write is a transaction alone, and so is one under which a process was lost already. */
const mayShare = (job: WriteJob) => job.bytes <= SMALL_BODY && !job.retried

/** 504: a write that was not begun. */
export const notMade = () => deadlinePassed('The deadline for this request has passed; nothing was changed.')

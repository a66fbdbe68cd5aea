import { type ReservedSQL, SQL } from 'bun'
import { callerGone, unavailable } from '../../../lib/fault.ts'
import { within } from '../../../lib/pause.ts'
import { NamedTurns, Turns } from '../../../lib/turns.ts'
import type { Limits } from '../../engine.ts'
import { closed, explained, isLost } from './failures.ts'
import { Prepared, type Session, Statements, untilOver } from './statements.ts'

/** What is left to other tables, whatever waits for one that somebody has locked: of connections, and of those for streams. */
export const FOR_OTHERS = 2
/** How many may wait for a table, or for a row that is written to: they keep nobody from others. */
const MAX_WAITING = 1000
const CONNECT_SECONDS = 10
/** How often it is tried to make what the server had no room for, while somebody waits for one. */
const MAKE_AGAIN_MS = 1000
/** What cancelling on the server may take before connections are closed all the same. */
const CLOSE_MS = 2000

/** What work is on, by names: others may have it locked, and what waits for that must leave connections to the rest. */
export interface WorkLimits extends Limits {
  tables?: readonly string[]
  /** a row that is written to: whoever else would write to it waits here, as it would there */
  row?: string
}

/** Runs work in a turn that it gives back when it has begun, or is over. */
export async function untilBegun<T>(
  inTurn: (work: () => Promise<unknown>) => Promise<unknown>,
  work: () => Promise<T>,
  begun: Promise<unknown> | undefined,
): Promise<T> {
  let whole: Promise<T> | undefined
  await inTurn(() => {
    whole = work()
    return begun ? Promise.race([begun, whole]) : whole
  })
  return whole!
}

/** @throws Fault 503, with Retry-After: too many wait for one of them already */
export function checkWaiting(turns: NamedTurns, names: readonly string[]): void {
  if (names.some(name => turns.waitingFor(name) >= MAX_WAITING))
    throw unavailable('Too many calls are waiting for the database.')
}

/** Connections to one database that are alike, and who waits for them. */
export class Pool {
  #name: string
  #url: string
  #sql: SQL
  #turns: Turns
  #ofTables: NamedTurns
  #ofRows = new NamedTurns(1)
  #prepared: Prepared
  #triedAt = Number.NEGATIVE_INFINITY
  /** with what ends it */
  #underWay = new Map<Promise<void>, () => void>()

  constructor(name: string, url: string, max: number, connection: Record<string, string>) {
    this.#name = name
    this.#url = url
    this.#turns = new Turns(max)
    this.#ofTables = new NamedTurns(Math.max(1, max - FOR_OTHERS))
    this.#prepared = new Prepared(max)
    this.#sql = new SQL(url, { max, connectionTimeout: CONNECT_SECONDS, idleTimeout: 300, connection })
  }

  /**
   * Settles at the deadline, or when the caller goes, whatever the server does; the connection is put in order after it.
   * @param ended is called when nothing of the work goes on any more
   * @param begun settles when it keeps others from its tables no longer; absent: with the work
   */
  run<T>(
    work: (session: Session) => Promise<T>,
    { deadline, signal, tables = [], row }: WorkLimits,
    { ended = () => {}, begun }: { ended?: () => void; begun?: Promise<unknown> } = {},
  ): Promise<T> {
    if (signal?.aborted) throw callerGone(signal.reason)
    const rows = row === undefined ? [] : [row]
    checkWaiting(this.#ofTables, tables)
    checkWaiting(this.#ofRows, rows)
    const over = new AbortController()
    let why: 'deadline' | 'gone' | undefined
    const end = (reason: 'deadline' | 'gone') => {
      why ??= reason
      over.abort()
    }
    const gone = () => end('gone')
    const left = Math.max(1, deadline - performance.now())
    const timer = Number.isFinite(left) ? setTimeout(() => end('deadline'), left) : undefined
    signal?.addEventListener('abort', gone)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const onConnection = () =>
      this.#turns.run(async () => {
        const reserved = await this.#reserve(over.signal)
        const statements = new Statements(reserved, this.#url, over.signal, this.#prepared)
        const done = work(statements)
        done.then(resolve, reject)
        const usable = await done.then(
          () => true,
          error => over.signal.aborted || !isLost(error),
        )
        // closing it takes whatever is stuck in it, or kept by it, away; the pool makes another
        const settled = usable && (await statements.settle())
        ended()
        if (settled) reserved.release()
        else void reserved.close({ timeout: 0 }).catch(() => {})
      }, over.signal)
    const onTables = () => untilBegun(t => this.#ofTables.run(tables, t, over.signal), onConnection, begun)
    const turn = this.#ofRows
      .run(rows, onTables, over.signal)
      .catch(reject)
      .finally(() => this.#underWay.delete(turn))
    this.#underWay.set(turn, () => over.abort(closed()))
    return promise
      .catch(error => {
        throw why ? explained(error, this.#name, why) : error
      })
      .finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', gone)
      })
  }

  /** A connection for one alone: statements on a shared one wait behind each other. */
  #reserve(over: AbortSignal): Promise<ReservedSQL> {
    const reserving = this.#sql.reserve()
    const making = setInterval(() => this.#makeMore(), MAKE_AGAIN_MS)
    return untilOver(reserving, over)
      .catch(error => {
        reserving.then(late => late.release()).catch(() => {})
        throw error
      })
      .finally(() => clearInterval(making))
  }

  /** Of connections that the server refused, Bun makes none until it is asked for one more: which nobody does where all wait. */
  #makeMore(): void {
    const now = performance.now()
    if (now - this.#triedAt < MAKE_AGAIN_MS / 2) return
    this.#triedAt = now
    const asked = this.#sql.unsafe('SELECT 1').execute()
    asked.catch(() => {})
    asked.cancel()
  }

  /** Closes it when nothing is under way on it any more. */
  async leave(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.keys())
    await this.close()
  }

  /** Ends what is under way, as if its connection were lost. */
  async close(): Promise<void> {
    for (const end of this.#underWay.values()) end()
    await within(Promise.all(this.#underWay.keys()), CLOSE_MS)
    await this.#sql.close({ timeout: 0 }).catch(() => {})
  }
}

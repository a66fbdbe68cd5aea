import { type ReservedSQL, SQL } from 'bun'
import { callerGone, unavailable } from '../../../lib/fault.ts'
import { within } from '../../../lib/pause.ts'
import { NamedTurns, Turns } from '../../../lib/turns.ts'
import type { Limits } from '../../engine.ts'
import { closed, explained, isLost, isRefused, isStale, lost } from './failures.ts'
import { Prepared, type Session, Statements, untilOver } from './statements.ts'

/** To one database, for reading; and as many for writing, where there is any. */
const MAX_CONNECTIONS = 8
/** Of those for reading, what is left to statements whatever streams there are: their readers may be slow. */
const FOR_STATEMENTS = 2
/** What is left to other tables, whatever waits for one that somebody has locked: of connections, and of those for streams. */
const FOR_OTHERS = 2
/** How many may wait for a table, or for a row that is written to: they keep nobody from others. */
const MAX_WAITING = 1000
const CONNECT_SECONDS = 10
/** How often it is tried to make what the server had no room for, while somebody waits for one. */
const MAKE_AGAIN_MS = 1000
/** What cancelling on the server may take before connections are closed all the same. */
const CLOSE_MS = 2000

/** Counted for all connections together, so that one that is made anew has a number of its own. */
let changes = 0

/** What work is on, by names: others may have it locked, and what waits for that must leave connections to the rest. */
export interface WorkLimits extends Limits {
  tables?: readonly string[]
  /** a row that is written to: whoever else would write to it waits here, as it would there */
  row?: string
}

/**
 * A database of a connection: a pool for reading, in which every transaction is read-only by the server's own rule, and one
 * for writing that is made when it is used. A statement that is under way at its deadline, or whose caller goes, is
 * cancelled on the server. A connection that was lost is made again by the next that asks.
 */
export class PostgresConnection {
  readonly name: string
  #url: () => string
  #statementTimeoutMs: number
  #reading: Pool | undefined
  #writing: Pool | undefined
  /** whose secret was refused, until what is under way on them is over */
  #leaving = new Set<Pool>()
  #version = ++changes
  #max: number
  #streams: Turns
  #beginning: NamedTurns

  /**
   * @param url read from where the secret is kept whenever a pool is made: again, after the server refused it
   * @param statementTimeoutMs the server ends any statement after it, should this process no longer be there to
   * @param max connections, all of which are made when the first is used
   */
  constructor(name: string, url: () => string, statementTimeoutMs: number, max = MAX_CONNECTIONS) {
    this.#max = max
    const streams = Math.max(1, max - FOR_STATEMENTS)
    this.#streams = new Turns(streams)
    this.#beginning = new NamedTurns(Math.max(1, streams - FOR_OTHERS))
    this.name = name
    this.#url = url
    this.#statementTimeoutMs = statementTimeoutMs
  }

  /**
   * Works on a connection that can only read. Where it is lost before anything was given away, the work is done again.
   * @param again whether the work may be repeated, asked when the connection was lost
   * @throws Fault 499 the caller has gone; 503 `connection_lost`, or too many wait, with Retry-After; 504; what `explained` makes of
   * the rest
   */
  read<T>(work: (session: Session) => Promise<T>, limits: WorkLimits, again: () => boolean = () => true): Promise<T> {
    return this.#read(work, limits, again)
  }

  async #read<T>(
    work: (session: Session) => Promise<T>,
    limits: WorkLimits,
    again: () => boolean,
    begun?: Promise<unknown>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      let pool: Pool | undefined
      try {
        pool = this.#reading ??= this.#pool(true)
        return await pool.run(work, limits, { begun })
      } catch (error) {
        this.#leaveIfRefused(pool, error)
        if (!isLost(error) || !this.#mayRepeat(error, tries, limits) || !again()) throw explained(error, this.name)
      }
    }
  }

  /**
   * As `read`, for what may take as long as somebody reads: some connections are never used for it.
   * @param begun settles when it waits for nobody's lock any more
   */
  async stream<T>(
    work: (session: Session) => Promise<T>,
    limits: WorkLimits,
    again: () => boolean,
    begun: Promise<unknown>,
  ): Promise<T> {
    const { tables = [], signal } = limits
    checkWaiting(this.#beginning, tables)
    const whole = () => this.#streams.run(() => this.#read(work, limits, again, begun), signal)
    return await untilBegun(turn => this.#beginning.run(tables, turn, signal), whole, begun)
  }

  /**
   * Works on a connection that may write: what is to be kept together is the work's own transaction
   * (`session.query('BEGIN')`). A session that is left inside one loses it.
   * @param again whether the work may be repeated, asked when the connection was lost
   * @throws Fault as `read`; the database's own error with its SQLSTATE in `errno` where a statement is refused
   */
  async write<T>(
    work: (session: Session) => Promise<T>,
    limits: WorkLimits,
    again: (error: unknown) => boolean = () => false,
  ): Promise<T> {
    const changed = () => {
      this.#version = ++changes
    }
    for (let tries = 1; ; tries++) {
      this.#writing ??= this.#pool(false)
      const pool = this.#writing
      try {
        // at its deadline the work may yet be kept
        return await pool.run(work, limits, { ended: changed })
      } catch (error) {
        this.#leaveIfRefused(pool, error)
        if (!isLost(error)) throw error
        if (!this.#mayRepeat(error, tries, limits) || !again(error)) throw explained(error, this.name)
      } finally {
        changed()
      }
    }
  }

  #mayRepeat(error: unknown, tries: number, { deadline, signal }: Limits): boolean {
    // after a restart of the server, every connection of before fails once
    const most = isStale(error) ? this.#max + 2 : 2
    return tries < most && performance.now() < deadline && !signal?.aborted
  }

  /**
   * Another number after everything that this server wrote to the database: by triggers and references a write may change
   * other tables than its own.
   */
  get version(): number {
    return this.#version
  }

  /** Who asks next has a pool with the secret that is there then; what is under way on this one, and on the other, goes on. */
  #leaveIfRefused(pool: Pool | undefined, error: unknown): void {
    if (!pool || !isRefused(error) || this.#leaving.has(pool)) return
    if (this.#reading === pool) this.#reading = undefined
    if (this.#writing === pool) this.#writing = undefined
    this.#leaving.add(pool)
    void pool.leave().finally(() => this.#leaving.delete(pool))
  }

  /** Ends what is under way, on the server, too; what may be done again is, as whatever is asked from now on, by what `url` says then. */
  async close(): Promise<void> {
    this.#version = ++changes
    const pools = [this.#reading, this.#writing, ...this.#leaving]
    this.#reading = undefined
    this.#writing = undefined
    await Promise.all(pools.map(pool => pool?.close()))
  }

  #pool(readOnly: boolean): Pool {
    const settings: Record<string, string> = {
      application_name: 'callgate',
      TimeZone: 'UTC',
      DateStyle: 'ISO, YMD',
      statement_timeout: String(this.#statementTimeoutMs),
      ...(readOnly ? { default_transaction_read_only: 'on' } : {}),
    }
    return new Pool(this.name, this.#secret(), this.#max, settings)
  }

  /** That the secret is not where it should be is the server's trouble and no caller's: only the log says it. */
  #secret(): string {
    try {
      return this.#url()
    } catch (error) {
      throw lost(this.name, error)
    }
  }
}

/** Runs work in a turn that it gives back when it has begun, or is over. */
async function untilBegun<T>(
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
function checkWaiting(turns: NamedTurns, names: readonly string[]): void {
  if (names.some(name => turns.waitingFor(name) >= MAX_WAITING))
    throw unavailable('Too many calls are waiting for the database.')
}

class Pool {
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

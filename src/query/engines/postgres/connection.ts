import { NamedTurns, Turns } from '../../../lib/turns.ts'
import type { Limits } from '../../engine.ts'
import { explained, isLost, isRefused, isStale, lost } from './failures.ts'
import { checkWaiting, FOR_OTHERS, Pool, untilBegun, type WorkLimits } from './pool.ts'
import type { Session } from './statements.ts'

/** To one database, for reading; and as many for writing, where there is any. */
const MAX_CONNECTIONS = 8
/** Of those for reading, what is left to statements whatever streams there are: their readers may be slow. */
const FOR_STATEMENTS = 2

/** Counted for all connections together, so that one that is made anew has a number of its own. */
let changes = 0

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
   * @param begun settles when it waits for nobody's lock any more; absent: with the work
   * @throws Fault 499 the caller has gone; 503 `connection_lost`, or too many wait, with Retry-After; 504; what `explained` makes of
   * the rest
   */
  async read<T>(
    work: (session: Session) => Promise<T>,
    limits: WorkLimits,
    again: () => boolean = () => true,
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
    const whole = () => this.#streams.run(() => this.read(work, limits, again, begun), signal)
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

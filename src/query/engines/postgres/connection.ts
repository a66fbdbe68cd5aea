import { type ReservedSQL, SQL } from 'bun'
import { callerGone } from '../../../lib/fault.ts'
import { Turns } from '../../../lib/turns.ts'
import type { Limits } from '../../engine.ts'
import type { StoredValue } from '../../values.ts'
import { explained, isLost, isRefused } from './failures.ts'

/** Connections to one database, for reading; and as many for writing, where there is any. */
const MAX_CONNECTIONS = 8
const CONNECT_SECONDS = 10
/** A cancelled statement that is not over by then has lost its server: its connection is closed. */
const CANCEL_MS = 2000

/** One connection of the pool, for one piece of work at a time. */
export interface Session {
  /** The rows of one statement as lists; `$1`, `$2`, ... are the values, bound as text (blobs as bytes). */
  query(sql: string, values?: readonly StoredValue[]): Promise<unknown[][]>
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

  /**
   * @param url read from where the secret is kept whenever a pool is made: again, after the server refused it
   * @param statementTimeoutMs the server ends any statement after it, should this process no longer be there to
   */
  constructor(name: string, url: () => string, statementTimeoutMs: number) {
    this.name = name
    this.#url = url
    this.#statementTimeoutMs = statementTimeoutMs
  }

  /**
   * Works on a connection that can only read. Where it is lost before anything was given away, the work is done again.
   * @param again whether the work may be repeated, asked when the connection was lost
   * @throws Fault 499 the caller has gone; 503 `connection_lost`, with Retry-After; 504; what `explained` makes of the rest
   */
  async read<T>(work: (session: Session) => Promise<T>, limits: Limits, again: () => boolean = () => true): Promise<T> {
    for (let retried = false; ; retried = true)
      try {
        this.#reading ??= this.#pool(true)
        return await this.#reading.run(work, limits)
      } catch (error) {
        this.#forgetIfRefused(error)
        // after a restart of the server, every connection of before fails once
        if (retried || !isLost(error) || !again() || Date.now() >= limits.deadline || limits.signal?.aborted)
          throw explained(error, this.name)
      }
  }

  /**
   * Works on a connection that may write: nothing is repeated, and what is to be kept together is the work's own
   * transaction (`session.query('BEGIN')`). A session that is left inside one loses it.
   * @throws Fault as `read`; the database's own error with its SQLSTATE in `errno` where a statement is refused
   */
  async write<T>(work: (session: Session) => Promise<T>, limits: Limits): Promise<T> {
    this.#writing ??= this.#pool(false)
    try {
      return await this.#writing.run(work, limits)
    } catch (error) {
      this.#forgetIfRefused(error)
      throw isLost(error) ? explained(error, this.name) : error
    }
  }

  #forgetIfRefused(error: unknown): void {
    if (isRefused(error)) void this.close()
  }

  async close(): Promise<void> {
    const pools = [this.#reading, this.#writing]
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
    return new Pool(this.name, this.#url(), settings)
  }
}

class Pool {
  #name: string
  #sql: SQL
  #turns = new Turns(MAX_CONNECTIONS)

  constructor(name: string, url: string, connection: Record<string, string>) {
    this.#name = name
    this.#sql = new SQL(url, { max: MAX_CONNECTIONS, connectionTimeout: CONNECT_SECONDS, idleTimeout: 300, connection })
  }

  run<T>(work: (session: Session) => Promise<T>, { deadline, signal }: Limits): Promise<T> {
    if (signal?.aborted) throw callerGone(signal.reason)
    const over = new AbortController()
    let why: 'deadline' | 'gone' | undefined
    const end = (reason: 'deadline' | 'gone') => {
      why ??= reason
      over.abort()
    }
    const gone = () => end('gone')
    const left = Math.max(1, deadline - Date.now())
    const timer = Number.isFinite(left) ? setTimeout(() => end('deadline'), left) : undefined
    signal?.addEventListener('abort', gone)
    return this.#turns
      .run(() => this.#onOne(work, over.signal), over.signal)
      .catch(error => {
        throw why ? explained(error, this.#name, why) : error
      })
      .finally(() => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', gone)
      })
  }

  /** On a connection of its own: statements on a shared one wait behind each other. */
  async #onOne<T>(work: (session: Session) => Promise<T>, over: AbortSignal): Promise<T> {
    const reserving = this.#sql.reserve()
    const reserved = await untilOver(reserving, over).catch(error => {
      reserving.then(late => late.release()).catch(() => {})
      throw error
    })
    let usable = true
    let inTransaction = false
    const query: Session['query'] = async (sql, values = []) => {
      over.throwIfAborted()
      const asked = statement(reserved, sql, values)
      try {
        const rows = (await untilOver(asked, over)) as unknown as unknown[][]
        const [, word] = /^(BEGIN|COMMIT|ROLLBACK)\b/.exec(sql) ?? []
        if (word) inTransaction = word === 'BEGIN'
        return rows
      } catch (error) {
        if (over.aborted) usable = await isCancelled(asked)
        throw error
      }
    }
    try {
      return await work({ query })
    } catch (error) {
      if (isLost(error)) usable = false
      throw error
    } finally {
      if (usable && inTransaction)
        usable = await statement(reserved, 'ROLLBACK', []).then(
          () => true,
          () => false,
        )
      // closing it takes whatever is stuck in it away; the pool makes another
      if (usable) reserved.release()
      else void reserved.close({ timeout: 0 }).catch(() => {})
    }
  }

  async close(): Promise<void> {
    await this.#sql.close({ timeout: 0 }).catch(() => {})
  }
}

type Query = ReturnType<SQL['unsafe']>

/** One statement, never several: without values Bun would send it in the protocol that takes several at once. */
function statement(reserved: ReservedSQL, text: string, values: readonly StoredValue[]): Query {
  if (values.length > 0) return reserved.unsafe(text, values.map(asText)).values() as Query
  const strings = Object.defineProperty([text], 'raw', { value: [text] }) as unknown as TemplateStringsArray
  return reserved(strings).values() as unknown as Query
}

const asText = (value: StoredValue): string | null | Uint8Array =>
  value === null || value instanceof Uint8Array ? value : String(value)

function untilOver<T>(work: Promise<T>, over: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = () => reject(over.reason)
  if (over.aborted) end()
  else over.addEventListener('abort', end, { once: true })
  return Promise.race([work, promise]).finally(() => over.removeEventListener('abort', end))
}

/** Asks the server to end a statement. @returns whether it did, so that the connection is as good as before */
async function isCancelled(query: Query): Promise<boolean> {
  query.cancel()
  return Promise.race([
    query.then(
      () => true,
      error => !isLost(error),
    ),
    Bun.sleep(CANCEL_MS).then(() => false),
  ])
}

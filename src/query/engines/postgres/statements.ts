import { type ReservedSQL, SQL } from 'bun'
import type { StoredValue } from '../../values.ts'
import { isLost } from './failures.ts'

/** One connection of the pool, for one piece of work at a time. */
export interface Session {
  /** The rows of one statement as lists; `$1`, `$2`, ... are the values, bound as text (blobs as bytes). */
  query(sql: string, values?: readonly StoredValue[]): Promise<unknown[][]>
}

/** What Bun's own cancelling is given; it does nothing for a statement that has only just begun. */
const ASK_MS = 150
/** A cancelled statement that is not over by then has lost its server. */
const CANCEL_MS = 2000

type Query = ReturnType<SQL['unsafe']>

/** The statements of one piece of work on one connection: none goes on when the work is over. */
export class Statements implements Session {
  #reserved: ReservedSQL
  #url: string
  #over: AbortSignal
  /** of the server's process; asked for together with the first statement, so that it costs no time */
  #pid: Promise<number | undefined> | undefined
  #inTransaction = false
  /** cancelled, and perhaps not over yet */
  #left: Query | undefined

  /** @param url where a statement is cancelled from outside its connection */
  constructor(reserved: ReservedSQL, url: string, over: AbortSignal) {
    this.#reserved = reserved
    this.#url = url
    this.#over = over
  }

  /** @throws the signal's reason, as soon as the work is over; what the server says */
  async query(sql: string, values: readonly StoredValue[] = []): Promise<unknown[][]> {
    this.#over.throwIfAborted()
    this.#pid ??= statement(this.#reserved, 'SELECT pg_backend_pid()', []).then(
      rows => Number((rows as unknown as unknown[][])[0]?.[0]),
      () => undefined,
    )
    const asked = statement(this.#reserved, sql, values)
    try {
      const rows = (await untilOver(asked, this.#over)) as unknown as unknown[][]
      const [, word] = /^(BEGIN|COMMIT|ROLLBACK(?! TO))\b/.exec(sql) ?? []
      if (word) this.#inTransaction = word === 'BEGIN'
      return rows
    } catch (error) {
      if (this.#over.aborted) this.#left = asked
      throw error
    }
  }

  /** Ends what is under way, and a transaction that was left open. @returns whether the connection is as good as before */
  async settle(): Promise<boolean> {
    if (this.#left && !(await this.#cancel(this.#left))) return false
    if (!this.#inTransaction) return true
    return statement(this.#reserved, 'ROLLBACK', []).then(
      () => true,
      () => false,
    )
  }

  async #cancel(query: Query): Promise<boolean> {
    const settled = query.then(
      () => true,
      error => !isLost(error),
    )
    query.cancel()
    const asked = await Promise.race([settled, Bun.sleep(ASK_MS).then(() => undefined)])
    if (asked !== undefined) return asked
    void this.#cancelFromOutside()
    await Promise.race([settled, Bun.sleep(CANCEL_MS)])
    // that cancel may still be on its way, and must not meet the next one's statement
    return false
  }

  async #cancelFromOutside(): Promise<void> {
    const outside = new SQL(this.#url, { max: 1, connectionTimeout: CANCEL_MS / 1000 })
    try {
      const pid = await Promise.race([this.#pid, Bun.sleep(CANCEL_MS)])
      if (pid) await outside.unsafe('SELECT pg_cancel_backend(CAST(CAST($1 AS text) AS int))', [String(pid)])
    } catch {
      // it is closed then, and the server's own timeout ends the statement
    } finally {
      void outside.close({ timeout: 0 }).catch(() => {})
    }
  }
}

/** One statement, never several: without values Bun would send it in the protocol that takes several at once. */
function statement(reserved: ReservedSQL, text: string, values: readonly StoredValue[]): Query {
  if (values.length > 0) return reserved.unsafe(text, values.map(asText)).values() as Query
  // prepared, it would be kept with the columns of the first cursor that it was asked of, and other cursors' rows read by them
  if (text.startsWith('FETCH ')) return reserved.unsafe(text).values() as Query
  const strings = Object.defineProperty([text], 'raw', { value: [text] }) as unknown as TemplateStringsArray
  return reserved(strings).values() as unknown as Query
}

const asText = (value: StoredValue): string | null | Uint8Array =>
  value === null || value instanceof Uint8Array ? value : String(value)

/** The work's outcome, or the signal's reason as soon as it is aborted. */
export function untilOver<T>(work: Promise<T>, over: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = () => reject(over.reason)
  if (over.aborted) end()
  else over.addEventListener('abort', end, { once: true })
  return Promise.race([work, promise]).finally(() => over.removeEventListener('abort', end))
}

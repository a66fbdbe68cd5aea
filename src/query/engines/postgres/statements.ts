import { type ReservedSQL, SQL } from 'bun'
import { within } from '../../../lib/pause.ts'
import type { StoredValue } from '../../values.ts'
import { isLost, isNotAsked } from './failures.ts'

/** One connection of the pool, for one piece of work at a time. */
export interface Session {
  /** The rows of one statement as lists; `$1`, `$2`, ... are the values, bound as text (blobs as bytes). */
  query(sql: string, values?: readonly StoredValue[]): Promise<unknown[][]>
}

/** What Bun's own cancelling is given; it does nothing for a statement that has only just begun. */
const ASK_MS = 150
/** A cancelled statement that is not over by then has lost its server, for its caller. */
const CANCEL_MS = 2000
/** How often it is cancelled from outside its connection, and how long it may take to make one for that. */
const CANCELS = 10
const CANCEL_SECONDS = 10
const CANCEL = `SELECT CASE WHEN state = 'active' THEN pg_cancel_backend(pid) ELSE false END
  FROM pg_stat_activity WHERE pid = CAST(CAST($1 AS text) AS int)`

/** Characters of different statements that a connection may have been asked: about 10 MB of the server's memory. */
const MAX_PREPARED = 1 << 19

type Query = ReturnType<SQL['unsafe']>

/**
 * What connections were asked so far. Each statement is prepared once on each, and is kept there with its plan, some twenty times
 * its length, until the connection ends; and requests have as many as there are sets of filters and lengths of lists.
 */
export class Prepared {
  /** by the server's process, that which was asked last at the end */
  #connections = new Map<number, { hashes: Set<number | bigint>; characters: number }>()
  #max: number

  /** @param max connections that there may be at a time: one that ends by itself is not told of */
  constructor(max: number) {
    this.#max = max
  }

  /** @returns whether the connection may be asked for more: else it is to be closed, and is forgotten */
  asked(pid: number, statements: Iterable<string>): boolean {
    const kept = this.#connections.get(pid) ?? { hashes: new Set(), characters: 0 }
    for (const text of statements) {
      const hash = Bun.hash(text)
      if (kept.hashes.has(hash)) continue
      kept.hashes.add(hash)
      kept.characters += text.length
    }
    this.#connections.delete(pid)
    if (kept.characters > MAX_PREPARED) return false
    this.#connections.set(pid, kept)
    if (this.#connections.size > 2 * this.#max) this.#connections.delete(this.#connections.keys().next().value!)
    return true
  }
}

/** The statements of one piece of work on one connection: none goes on when the work is over. */
export class Statements implements Session {
  #reserved: ReservedSQL
  #url: string
  #over: AbortSignal
  #prepared: Prepared
  #asked = new Set<string>()
  /** of the server's process; asked for together with the first statement, so that it costs no time */
  #pid: Promise<number | undefined> | undefined
  #inTransaction = false
  /** cancelled, and perhaps not over yet */
  #left: Query | undefined

  /** @param url where a statement is cancelled from outside its connection */
  constructor(reserved: ReservedSQL, url: string, over: AbortSignal, prepared: Prepared) {
    this.#reserved = reserved
    this.#url = url
    this.#over = over
    this.#prepared = prepared
  }

  /** @throws the signal's reason, as soon as the work is over; what the server says */
  async query(sql: string, values: readonly StoredValue[] = []): Promise<unknown[][]> {
    this.#over.throwIfAborted()
    this.#pid ??= statement(this.#reserved, 'SELECT pg_backend_pid()', []).then(
      rows => Number((rows as unknown as unknown[][])[0]?.[0]),
      () => undefined,
    )
    const asked = statement(this.#reserved, sql, values)
    if (!sql.startsWith(FETCH)) this.#asked.add(sql)
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

  /** Ends what is under way, and a transaction that was left open. @returns whether the connection may be used again */
  async settle(): Promise<boolean> {
    if (this.#left && !(await this.#cancel(this.#left))) return false
    // no caller's deadline ends this any more, though the server may hang
    return (await within(this.#inOrder(), CANCEL_MS)) ?? false
  }

  async #inOrder(): Promise<boolean> {
    const pid = await this.#pid
    if (pid !== undefined && !this.#prepared.asked(pid, this.#asked)) return false
    if (!this.#inTransaction) return true
    return statement(this.#reserved, 'ROLLBACK', []).then(
      () => true,
      () => false,
    )
  }

  async #cancel(query: Query): Promise<boolean> {
    const settled = query.then(
      () => true,
      error => (isNotAsked(error) ? undefined : !isLost(error)),
    )
    // it is answered before the statement begins: until then a cancel would meet that question, and leave the statement alone
    const pid = await within(Promise.race([this.#pid, settled.then(() => undefined)]), CANCEL_MS)
    query.cancel()
    const asked = await within(settled, ASK_MS)
    if (asked !== undefined) return asked
    if (pid) void this.#cancelFromOutside(pid, settled)
    await within(settled, CANCEL_MS)
    // that cancel may still be on its way, and must not meet the next one's statement
    return false
  }

  /**
   * Again until the server says that it is over, or has no such process any more, though it cannot be reached at once, or has not
   * begun it: its connection, which is given up, may have closed before it came there.
   */
  async #cancelFromOutside(pid: number, settled: Promise<boolean | undefined>): Promise<void> {
    let over: boolean | undefined
    void settled.then(answered => {
      over = answered
    })
    for (let tries = 0; tries < CANCELS; tries++) {
      const outside = new SQL(this.#url, { max: 1, connectionTimeout: CANCEL_SECONDS })
      const found = await outside
        .unsafe(CANCEL, [String(pid)])
        .values()
        .catch(() => undefined)
      void outside.close({ timeout: 0 }).catch(() => {})
      if (found && (found.length === 0 || (over && !found[0][0]))) return
      await Bun.sleep(ASK_MS * (tries + 1))
    }
    // the server's own timeout ends it
  }
}

const FETCH = 'FETCH '

/** One statement, never several: without values Bun would send it in the protocol that takes several at once. */
function statement(reserved: ReservedSQL, text: string, values: readonly StoredValue[]): Query {
  if (values.length > 0) return reserved.unsafe(text, values.map(asText)).values() as Query
  // prepared, it would be kept with the columns of the first cursor that it was asked of, and other cursors' rows read by them
  if (text.startsWith(FETCH)) return reserved.unsafe(text).values() as Query
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

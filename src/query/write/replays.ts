import type { Database } from 'bun:sqlite'
import { Fault } from '../../lib/fault.ts'

/** What an `Idempotency-Key` stands for: whose it is and where, what it was first sent with, and under which policy. */
export interface Replay {
  id: string
  /** of the whole request */
  fingerprint: string
  /** of what the caller may see */
  policy: string
}

/** The same key with another request: draft-ietf-httpapi-idempotency-key-header-07, 2.7. */
export const keyReused = () =>
  new Fault(422, 'idempotency_key_reused', 'This Idempotency-Key was sent before, with another request.')

const KEPT_MS = 24 * 3600 * 1000
const MAX_KEPT = 100_000
const MAX_BYTES = 64 * 2 ** 20
const PRUNED_AT_ONCE = 1000
const OLDEST = 'id IN (SELECT id FROM callgate_replays ORDER BY at LIMIT ?)'

export const REPLAYS_SQL = [
  `CREATE TABLE callgate_replays (
     id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, policy TEXT NOT NULL, at INTEGER NOT NULL, answer TEXT NOT NULL
   ) STRICT, WITHOUT ROWID`,
  'CREATE INDEX callgate_replays_at ON callgate_replays (at)',
]

/**
 * The first answers to requests with an `Idempotency-Key`, in the table's own file, so that a change and its answer are one
 * transaction. Kept for a day; the oldest go first beyond 100,000 or 64 MiB.
 */
export class Replays {
  #db: Database
  #count = 0
  #bytes = 0

  constructor(db: Database) {
    this.#db = db
    this.measure()
  }

  /** Counts what is there: at first, and after a transaction that did not keep what it added. */
  measure(): void {
    const sql = 'SELECT count(*) AS n, coalesce(sum(length(answer)), 0) AS bytes FROM callgate_replays'
    const { n, bytes } = this.#db.query<{ n: number; bytes: number }, []>(sql).get()!
    this.#count = n
    this.#bytes = bytes
  }

  find(id: string): { fingerprint: string; policy: string; answer: string } | undefined {
    const sql = 'SELECT fingerprint, policy, answer FROM callgate_replays WHERE id = ? AND at > ?'
    const found = this.#db.query<{ fingerprint: string; policy: string; answer: string }, [string, number]>(sql)
    return found.get(id, Date.now() - KEPT_MS) ?? undefined
  }

  add({ id, fingerprint, policy }: Replay, answer: string): void {
    this.#remove('at <= ?', Date.now() - KEPT_MS)
    this.#db
      .query('INSERT OR REPLACE INTO callgate_replays VALUES (?, ?, ?, ?, ?)')
      .run(id, fingerprint, policy, Date.now(), answer)
    this.#count++
    this.#bytes += answer.length
    while (this.#count > 1 && (this.#count > MAX_KEPT || this.#bytes > MAX_BYTES))
      this.#remove(OLDEST, Math.min(PRUNED_AT_ONCE, Math.ceil(this.#count / 10)))
  }

  #remove(which: string, value: number): void {
    const gone = this.#db
      .query<{ bytes: number }, [number]>(
        `DELETE FROM callgate_replays WHERE ${which} RETURNING length(answer) AS bytes`,
      )
      .all(value)
    this.#count -= gone.length
    this.#bytes -= gone.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

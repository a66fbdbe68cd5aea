import type { Database } from 'bun:sqlite'
import { conflict, Fault } from '../../lib/fault.ts'
import { type Answer, refusalOf } from './job.ts'
import type { Replay } from './store.ts'

/** The same key with another request: draft-ietf-httpapi-idempotency-key-header-07, 2.7. */
const keyReused = () =>
  new Fault(422, 'idempotency_key_reused', 'This Idempotency-Key was sent before, with another request.')

/** What is kept of an answer. */
export interface KeptAnswer {
  fingerprint: string
  policy: string
  /** an Answer's JSON */
  answer: string
}

/** The answer that was given before, less what the caller may no longer see. */
export function answerAgain(kept: KeptAnswer, { fingerprint, policy }: Replay): Answer {
  if (kept.fingerprint !== fingerprint) return refusalOf(keyReused())
  const answer = JSON.parse(kept.answer) as Answer
  if (kept.policy === policy || !('outcome' in answer)) return { ...answer, replayed: true }
  const { status, count } = answer.outcome
  return { outcome: { status, ...(count === undefined ? {} : { count }) }, replayed: true }
}

/** Requests with an Idempotency-Key that are under way here. */
export class UnderWay {
  #fingerprints = new Map<string, string>()

  /** @throws Fault 409 `in_flight` the same request is under way; 422 another one with the key is */
  async run<T>(replay: Replay | undefined, work: () => Promise<T>): Promise<T> {
    if (!replay) return work()
    const other = this.#fingerprints.get(replay.id)
    if (other !== undefined) throw other === replay.fingerprint ? inFlight() : keyReused()
    this.#fingerprints.set(replay.id, replay.fingerprint)
    try {
      return await work()
    } finally {
      this.#fingerprints.delete(replay.id)
    }
  }
}

export const inFlight = () =>
  Object.assign(conflict('A request with this Idempotency-Key is under way; try again.', 'in_flight'), {
    headers: { 'retry-after': '1' },
  })

const KEPT_MS = 24 * 3600 * 1000
const TIDIED_EVERY_MS = 3600 * 1000
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
  /** as performance.now() */
  #tidied = Number.NEGATIVE_INFINITY

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

  find(id: string): KeptAnswer | undefined {
    const sql = 'SELECT fingerprint, policy, answer FROM callgate_replays WHERE id = ? AND at > ?'
    const found = this.#db.query<KeptAnswer, [string, number]>(sql)
    return found.get(id, Date.now() - KEPT_MS) ?? undefined
  }

  /** Removes what is too old: answers hold rows. Once an hour is enough, and at first. */
  tidy(): void {
    if (performance.now() - this.#tidied < TIDIED_EVERY_MS) return
    this.#remove('at <= ?', Date.now() - KEPT_MS)
    this.#tidied = performance.now()
  }

  add({ id, fingerprint, policy }: Replay, answer: string): void {
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

import { Fault } from '../../../lib/fault.ts'
import type { Session } from '../../engines/postgres/statements.ts'
import { inFlight, type KeptAnswer } from '../replays.ts'
import type { Replay } from '../store.ts'
import { stateOf } from './refusals.ts'

const KEPT_HOURS = 24
const MAX_KEPT = 100_000
/** Every so many answers the old ones are removed. */
const PRUNED_EVERY = 100

const CREATE = `CREATE TABLE IF NOT EXISTS callgate_replays (
  id text PRIMARY KEY, fingerprint text NOT NULL, policy text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), answer text NOT NULL)`

/**
 * The first answers to requests with an `Idempotency-Key`, in the database that the change is in, so that both are one
 * transaction: in the table `callgate_replays` of the connection's own schema, which is made when it is first needed.
 */
export class DatabaseReplays {
  #ready = false
  #added = 0

  /** @throws Fault 501 there is no such table, and the connection's user may not make one */
  async prepare(session: Session): Promise<void> {
    if (this.#ready) return
    if (!(await isThere(session)))
      try {
        await session.query(CREATE)
      } catch (error) {
        // another may have made it at the same time, of which the database says now this and now that
        if (!/^(23|42)/.test(stateOf(error)) || !(await isThere(session)))
          throw /^(42|3F|0A)/.test(stateOf(error)) ? cannotKeep(error) : error
      }
    this.#ready = true
  }

  /** @throws Fault 501 the connection's user may not read the table */
  async find(session: Session, id: string): Promise<KeptAnswer | undefined> {
    const text = `SELECT fingerprint, policy, answer FROM callgate_replays
      WHERE id = CAST($1 AS text) AND at > now() - interval '${KEPT_HOURS} hours'`
    const [row] = await session.query(text, [id]).catch(error => {
      if (stateOf(error) === '42P01') this.#ready = false // somebody removed it: the next one makes it again
      throw stateOf(error) === '42501' ? cannotKeep(error) : error
    })
    return row && { fingerprint: String(row[0]), policy: String(row[1]), answer: String(row[2]) }
  }

  /** @throws Fault 409 another Callgate has answered a request with this key meanwhile */
  async add(session: Session, { id, fingerprint, policy }: Replay, answer: string): Promise<void> {
    if (this.#added++ % PRUNED_EVERY === 0) {
      await session.query(`DELETE FROM callgate_replays WHERE at <= now() - interval '${KEPT_HOURS} hours'`)
      await session.query(
        `DELETE FROM callgate_replays WHERE at < (SELECT at FROM callgate_replays ORDER BY at DESC OFFSET ${MAX_KEPT} LIMIT 1)`,
      )
    }
    await session.query(
      `DELETE FROM callgate_replays WHERE id = CAST($1 AS text) AND at <= now() - interval '${KEPT_HOURS} hours'`,
      [id],
    )
    const values = 'CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text)'
    await session
      .query(`INSERT INTO callgate_replays (id, fingerprint, policy, answer) VALUES (${values})`, [
        id,
        fingerprint,
        policy,
        answer,
      ])
      .catch(error => {
        throw stateOf(error) === '23505' ? inFlight() : error
      })
  }
}

const isThere = async (session: Session): Promise<boolean> =>
  (await session.query("SELECT to_regclass('callgate_replays') IS NOT NULL"))[0]?.[0] === true

const cannotKeep = (cause: unknown) =>
  new Fault(
    501,
    'not_implemented',
    'Idempotency-Key is not served here: the database has no table callgate_replays, and the connection may not make one.',
    { cause },
  )

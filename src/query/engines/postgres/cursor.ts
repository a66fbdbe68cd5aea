import type { Before } from '../../engine.ts'
import type { StoredValue } from '../../values.ts'
import type { Session } from './statements.ts'

const MAX_ROWS = 1000
const MAX_BYTES = 256 * 1024
/** How many rows are fetched before it is known how wide they are. */
const FIRST_ROWS = 50

/** The rows of a statement a batch at a time, in a transaction that its session ends if nobody else does. */
export class Cursor {
  #session: Session
  #next = FIRST_ROWS

  private constructor(session: Session) {
    this.#session = session
  }

  /** @param before is asked of the same state of the tables */
  static async open(
    session: Session,
    sql: string,
    values: readonly StoredValue[],
    before?: Before,
  ): Promise<{ cursor: Cursor; found: unknown[][] | undefined }> {
    await session.query(before ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN READ ONLY')
    const found = before && (await session.query(before.statement.sql, before.values))
    await session.query(`DECLARE rows NO SCROLL CURSOR FOR ${sql}`, values)
    return { cursor: new Cursor(session), found }
  }

  /** The next rows, about 1,000 or 256 KB of them; none: it is at its end. */
  async fetch(): Promise<unknown[][]> {
    const rows = await this.#session.query(`FETCH FORWARD ${this.#next} FROM rows`)
    const bytes = rows.reduce((sum, row) => sum + sizeOf(row), 0) / Math.max(1, rows.length)
    this.#next = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_BYTES / Math.max(1, bytes))))
    return rows
  }

  async close(): Promise<void> {
    await this.#session.query('COMMIT')
  }
}

const sizeOf = (row: unknown[]): number =>
  row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0)

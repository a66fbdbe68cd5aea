import type { StoredValue } from '../values.ts'
import type { Outcome, Write } from './apply.ts'
import type { StoredRow } from './render.ts'
import type { WriteView } from './view.ts'

/** What an `Idempotency-Key` stands for: whose it is and where, what it was first sent with, and under which policy. */
export interface Replay {
  id: string
  /** of the whole request */
  fingerprint: string
  /** of what the caller may see, the columns' policy included */
  policy: string
}

/** A write as it is asked for, and by when, as performance.now(). */
export interface WriteRequest {
  view: WriteView
  write: Write
  replay?: Replay
  deadline: number
}

export interface Written {
  outcome: Outcome
  /** it was made before, under this Idempotency-Key */
  replayed: boolean
}

/** Where the rows of one table are, by the row and as they are written. */
export interface TableStore {
  /**
   * What the caller sees of the row of this key, if it is in its scope.
   * @param deadline as performance.now()
   * @throws Fault 503, 504
   */
  find(view: WriteView, key: StoredValue[], deadline: number): StoredRow | undefined | Promise<StoredRow | undefined>
  /**
   * Makes a write. When it resolves, it is kept.
   * @throws Fault what the table or the view refuses (400, 403, 404, 409, 412, 422); 409 `in_flight`, 422
   * `idempotency_key_reused`; 503, and of those `answer_lost` where it was made, `outcome_unknown` where nobody knows; 504 it
   * was not made in time, nor will be
   */
  write(request: WriteRequest): Promise<Written>
}

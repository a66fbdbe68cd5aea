/** What the main process hands to the writing process, and what comes back. */
import type { StoredColumn } from '../../catalog/column.ts'
import type { Outcome, Write } from './apply.ts'
import type { Replay } from './replays.ts'
import type { WriteView } from './view.ts'

/** Writes to one file that are one transaction: each of them is kept or refused by itself, and all are on disk or none. */
export interface Batch {
  file: string
  /** greater by one than that of the file's batch before: so it is known whether one was kept whose answer was lost */
  number: number
  views: WriteView[]
  jobs: { write: Write; view: number; replay?: Replay }[]
}

/** The answer to one write of a batch; a refusal as it is sent. */
export type Answer =
  | { outcome: Outcome; replayed?: boolean }
  | { refusal: { status: number; code: string; message: string; members: Record<string, unknown> }; replayed?: boolean }

/** What a live file knows of itself. */
export interface LiveState {
  /** the last batch that was kept */
  batch: number
  /** changes of rows since the file was made */
  writes: number
  rows: number
}

/** A batch that was kept: an answer for each of its jobs, and what the file is now. */
export interface Done {
  answers: Answer[]
  state: LiveState
}

/** A live file to be made: from an immutable one, or empty. */
export interface Making {
  target: string
  /** the immutable file that is copied */
  source?: string
  columns: StoredColumn[]
  primaryKey: string[] | null
  indexes: string[][]
}

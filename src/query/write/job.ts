/** What the main process hands to the writing process, and what comes back. */
import type { StoredColumn } from '../../catalog/column.ts'
import { Fault } from '../../lib/fault.ts'
import type { Outcome, Write } from './apply.ts'
import type { LiveState } from './live-state.ts'
import type { Replay, Written } from './store.ts'
import type { WriteView } from './view.ts'

/** Writes to one file that are one transaction: each of them is kept or refused by itself, and all are on disk or none. */
export interface Batch {
  file: string
  /** greater by one than that of the file's batch before: so it is known whether one was kept whose answer was lost */
  number: number
  views: WriteView[]
  jobs: { write: Write; view: number; replay?: Replay }[]
}

/** What a write comes to: what became of it, or a refusal. It can be sent and kept. */
export type Answer = ({ outcome: Outcome } | { refusal: Refusal }) & { replayed?: boolean }
type Refusal = Pick<Fault, 'status' | 'code' | 'message' | 'members'>

export const refusalOf = ({ status, code, message, members }: Fault): Answer => ({
  refusal: { status, code, message, members },
})

/** @throws Fault the refusal */
export function writtenOf(answer: Answer): Written {
  const replayed = answer.replayed ?? false
  if ('outcome' in answer) return { outcome: answer.outcome, replayed }
  const { status, code, message, members } = answer.refusal
  throw new Fault(status, code, message, { members, headers: replayed ? { 'idempotent-replayed': 'true' } : {} })
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

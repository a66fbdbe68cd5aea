/** Datasets that are read again by themselves: the rule, and what came of the last time. */
import { type Static, Type } from '@sinclair/typebox'
import { eq } from 'drizzle-orm'
import { datasets } from '../../db/schema.ts'
import { parseDuration } from '../lib/duration.ts'
import { unprocessable } from '../lib/fault.ts'
import { closed } from '../lib/shape.ts'
import { type Actor, note, now, type Store } from './store.ts'

/** When the file is read again: as soon as it has changed, or from time to time; null: never by itself. */
export const RefreshRule = Type.Union(
  [
    Type.Object({ on_change: Type.Literal(true) }, closed),
    Type.Object({ every: Type.String({ maxLength: 20 }) }, closed),
    Type.Null(),
  ],
  { error: 'must be { on_change: true }, { every: 1h }, or null.' },
)
export type RefreshRule = Static<typeof RefreshRule>

/** What the last look at the file gave. */
export interface RefreshState {
  /** ISO 8601 */
  at: string
  outcome: 'refreshed' | 'unchanged' | 'failed'
  /** public: what was wrong; the rows of before are still served */
  error?: string
  /** which form of the file it was, by its times and size; absent: it has to be looked at again */
  seen?: string
}

const SHORTEST = 1000
const LONGEST = 366 * 86_400_000

/** The time between two looks, in milliseconds; undefined: the rule is another. @throws Fault 422 it is no time */
export function intervalOf(rule: RefreshRule): number | undefined {
  if (!rule || !('every' in rule)) return undefined
  const milliseconds = parseDuration(rule.every) ?? Number.NaN
  if (milliseconds >= SHORTEST && milliseconds <= LONGEST) return milliseconds
  throw unprocessable('refresh: every must be a time such as 30s, 15m, 1h or 1d, of at least a second.')
}

/**
 * @returns whether it is another rule than before
 * @throws Fault 422 the dataset has nothing to be read again, or no file that could change; the time is none
 */
export function setRefresh(
  store: Store,
  actor: Actor,
  dataset: { id: number; name: string; projectId: number; origin: unknown; location: unknown; refresh: RefreshRule },
  rule: RefreshRule,
): boolean {
  intervalOf(rule)
  if (rule && !dataset.origin && !dataset.location)
    throw unprocessable(
      `refresh: ${dataset.name} has no file on the server to read again; upload its new rows with replace=true.`,
    )
  if (rule && 'on_change' in rule && !dataset.origin)
    throw unprocessable(`refresh: ${dataset.name} has no file that could change; say how often, as in { every: 1h }.`)
  if (JSON.stringify(rule) === JSON.stringify(dataset.refresh)) return false
  store.update(datasets).set({ refresh: rule, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.update', dataset.name, dataset.projectId, { fields: ['refresh'] })
  return true
}

export function setRefreshState(store: Store, datasetId: number, state: RefreshState): void {
  store.update(datasets).set({ refreshState: state }).where(eq(datasets.id, datasetId)).run()
}

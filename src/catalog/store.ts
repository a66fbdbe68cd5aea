import { and, desc, eq, gte, isNotNull, isNull, sql } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { audit, settings } from '../../db/schema.ts'
import { diskTrouble } from '../lib/fault.ts'

/** The catalog or a transaction on it: every rule of the catalog takes either, so that several make one transaction. */
export type Store = Db | Parameters<Parameters<Db['transaction']>[0]>[0]

/** Who does something: shown in versions and in the audit. */
export interface Actor {
  name: string
  /** It does the same again and again, unasked: that is one entry of the audit a day. */
  recurs?: boolean
}

/** What the server does on its own account: start, manifest, demo. */
export const SYSTEM: Actor = { name: 'system' }
/** What it does by a rule, as often as that says. */
export const BY_RULE: Actor = { ...SYSTEM, recurs: true }

/** One transaction that takes the write lock at once. The function is synchronous: an async one would not roll back. */
export function transaction<T>(db: Db, work: (tx: Store) => T): T {
  return db.transaction(tx => work(tx), { behavior: 'immediate' })
}

export const now = () => new Date().toISOString()

/**
 * Notes by the way when something was last used. A request that only reads goes on where the disk is full or fails, so that
 * somebody can look at what there is; in a transaction nothing may be left out.
 */
export function noteUse(db: Db, write: () => void): void {
  try {
    write()
  } catch (error) {
    if (db.$client.inTransaction || !diskTrouble(error)) throw error
  }
}

/** Notes a change. `detail` names fields and reach, never a secret or a row's value. */
export function note(
  store: Store,
  actor: Actor,
  action: string,
  target: string,
  projectId: number | null = null,
  detail: unknown = null,
): void {
  const entry = { at: now(), actor: actor.name, action, target, projectId, detail }
  if (actor.recurs && noteAgain(store, entry)) return
  if (actor.recurs) entry.detail = { ...(detail as object), times: 1 }
  store.insert(audit).values(entry).run()
}

/** Entries among which one of the same day is looked for: less than a millisecond. */
const LATEST = 1000

/** @returns false: there was none today */
function noteAgain(store: Store, entry: typeof audit.$inferInsert & { at: string }): boolean {
  const { at, actor, action, target, projectId, detail } = entry
  const latest = store.select().from(audit).orderBy(desc(audit.id)).limit(LATEST).as('latest')
  const times = sql<number | null>`json_extract(${latest.detail}, '$.times')`
  const before = store
    .select({ id: latest.id, times })
    .from(latest)
    .where(
      and(
        gte(latest.at, at.slice(0, 10)),
        eq(latest.actor, actor),
        eq(latest.action, action),
        eq(latest.target, target),
        projectId ? eq(latest.projectId, projectId) : isNull(latest.projectId),
        isNotNull(times),
      ),
    )
    .limit(1)
    .get()
  if (!before) return false
  store
    .update(audit)
    .set({ detail: { ...(detail as object), times: before.times! + 1, last: at } })
    .where(eq(audit.id, before.id))
    .run()
  return true
}

/** 32 random bytes of this installation, made at the first start: signs sessions and keys the `hash` mask. */
export function installationSecret(store: Store): Uint8Array {
  const row = store.select().from(settings).where(eq(settings.name, 'installation_secret')).get()
  if (row) return new Uint8Array(Buffer.from(row.value, 'base64'))
  const secret = crypto.getRandomValues(new Uint8Array(32))
  store
    .insert(settings)
    .values({ name: 'installation_secret', value: Buffer.from(secret).toString('base64') })
    .run()
  return secret
}

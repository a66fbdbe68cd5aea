import { and, desc, eq, lte, ne, or } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { sessions, users } from '../../db/schema.ts'
import { notFound } from '../lib/fault.ts'
import { hashSecret } from '../lib/secret.ts'
import { noteUse, now, type Store } from './store.ts'
import type { Token, User } from './users.ts'

export type Session = typeof sessions.$inferSelect

/** A session that is not used for so long has ended. */
const IDLE_MS = 8 * 3_600_000
/** However much it is used, it ends so long after its beginning. */
export const ABSOLUTE_MS = 7 * 86_400_000
/** More than any person has browsers; beyond it the oldest end. */
const MOST_PER_USER = 50

const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

/**
 * @param token what it is begun with, where that is no password: the session ends with it
 * @returns the session and its secret (256 random bits), which goes into the cookie and is stored nowhere
 */
export function beginSession(
  store: Store,
  user: User,
  from: { address: string; userAgent: string },
  token?: Token,
): { session: Session; secret: string } {
  removeEnded(store)
  for (const { id } of listSessions(store, user.id).slice(MOST_PER_USER - 1))
    store.delete(sessions).where(eq(sessions.id, id)).run()
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  const at = now()
  const end = new Date(Date.now() + ABSOLUTE_MS).toISOString()
  const session = store
    .insert(sessions)
    .values({
      userId: user.id,
      tokenId: token?.id,
      hash: hashSecret(secret),
      address: from.address,
      userAgent: from.userAgent.slice(0, 300),
      createdAt: at,
      lastUsedAt: at,
      expiresAt: token?.expiresAt && token.expiresAt < end ? token.expiresAt : end,
    })
    .returning()
    .get()
  return { session, secret }
}

/** The session behind a cookie's secret and its active user, or undefined. Notes the use, at most once a minute. */
export function findSession(db: Db, secret: string): { session: Session; user: User } | undefined {
  if (!/^[\w-]{43}$/.test(secret)) return undefined
  const found = db
    .select()
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.hash, hashSecret(secret)))
    .get()
  if (!found?.users.isActive || hasEnded(found.sessions)) return undefined
  if (found.sessions.lastUsedAt < ago(60_000))
    noteUse(db, () => db.update(sessions).set({ lastUsedAt: now() }).where(eq(sessions.id, found.sessions.id)).run())
  return { session: found.sessions, user: found.users }
}

/** A user's sessions that go on, the last used first. */
export const listSessions = (store: Store, userId: number): Session[] =>
  store
    .select()
    .from(sessions)
    .where(eq(sessions.userId, userId))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
    .all()
    .filter(session => !hasEnded(session))

/** @throws Fault 404 not a session of this user */
export function endSession(store: Store, userId: number, id: number): void {
  const mine = and(eq(sessions.id, id), eq(sessions.userId, userId))
  if (store.delete(sessions).where(mine).returning().all().length === 0) throw notFound('No such session.')
}

/** @returns how many there were */
export const endOtherSessions = (store: Store, userId: number, keep: number): number =>
  store
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), ne(sessions.id, keep)))
    .returning()
    .all().length

const hasEnded = ({ lastUsedAt, expiresAt }: Session) => expiresAt <= now() || lastUsedAt <= ago(IDLE_MS)

const removeEnded = (store: Store) =>
  store
    .delete(sessions)
    .where(or(lte(sessions.expiresAt, now()), lte(sessions.lastUsedAt, ago(IDLE_MS))))
    .run()

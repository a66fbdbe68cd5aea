import { and, asc, eq, gt, isNull, ne, or } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { projects, roles, sessions, tokens, users } from '../../db/schema.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { hashSecret, mintSecret, shownParts, wellFormed } from '../lib/secret.ts'
import { shown } from '../lib/text.ts'
import { findProject, type Role } from './projects.ts'
import { type Actor, note, noteUse, now, type Store } from './store.ts'

export type User = typeof users.$inferSelect
export type Token = typeof tokens.$inferSelect

/** argon2id; slow on purpose, so never on the path of a call. */
export const hashPassword = (password: string): Promise<string> => Bun.password.hash(password)

export const findUser = (store: Store, username: string): User | undefined =>
  store.select().from(users).where(eq(users.username, username)).get()

export const findUserById = (store: Store, id: number): User | undefined =>
  store.select().from(users).where(eq(users.id, id)).get()

/** @throws Fault 404 */
export function getUser(store: Store, id: number): User {
  const user = findUserById(store, id)
  if (!user) throw notFound('No such user.')
  return user
}

export const listUsers = (store: Store): User[] => store.select().from(users).orderBy(asc(users.id)).all()

/** The roles of a user: project slug -> role. */
export function rolesOf(store: Store, userId: number): Record<string, Role> {
  const rows = store
    .select({ slug: projects.slug, role: roles.role })
    .from(roles)
    .innerJoin(projects, eq(projects.id, roles.projectId))
    .where(eq(roles.userId, userId))
    .all()
  return Object.fromEntries(rows.map(row => [row.slug, row.role]))
}

/** @throws Fault 409 the name is taken; 422 its form, or an unknown project among the roles */
export function createUser(
  store: Store,
  actor: Actor,
  input: { username: string; passwordHash: string | null; isAdmin: boolean; roles: Record<string, Role> },
): User {
  // one of dots only could not stand in a URL
  if (!/^(?!\.+$)[\w.@+-]{1,64}$/.test(input.username))
    throw unprocessable('A username is 1 to 64 letters, digits or . _ @ + -, and not of dots only.')
  if (findUser(store, input.username)) throw conflict('This username is taken.')
  const user = store
    .insert(users)
    .values({ username: input.username, passwordHash: input.passwordHash, isAdmin: input.isAdmin })
    .returning()
    .get()
  setRoles(store, user.id, input.roles)
  note(store, actor, 'user.create', input.username, null, { is_admin: input.isAdmin, roles: input.roles })
  return user
}

/**
 * Replaces what is given; a new password or a switch to inactive ends every session.
 * @param keep a browser's session that goes on: that of whoever changes their own password
 * @throws Fault 409, 422
 */
export function updateUser(
  store: Store,
  actor: Actor,
  user: User,
  fields: { passwordHash?: string; isAdmin?: boolean; isActive?: boolean; roles?: Record<string, Role> },
  keep = 0,
): void {
  if (user.isAdmin && user.isActive && (fields.isAdmin === false || fields.isActive === false))
    keepOneAdmin(store, user)
  const { roles: newRoles, ...columns } = fields
  const endsSessions = fields.passwordHash !== undefined || fields.isActive === false
  if (Object.keys(columns).length > 0)
    store
      .update(users)
      .set({ ...columns, ...(endsSessions ? { sessionEpoch: user.sessionEpoch + 1 } : {}) })
      .where(eq(users.id, user.id))
      .run()
  if (endsSessions)
    store
      .delete(sessions)
      .where(and(eq(sessions.userId, user.id), ne(sessions.id, keep)))
      .run()
  if (newRoles) setRoles(store, user.id, newRoles)
  note(store, actor, 'user.update', user.username, null, { fields: Object.keys(fields) })
}

/** @throws Fault 409 the last administrator */
export function deleteUser(store: Store, actor: Actor, user: User): void {
  if (user.isAdmin) keepOneAdmin(store, user)
  store.delete(users).where(eq(users.id, user.id)).run()
  note(store, actor, 'user.delete', user.username)
}

function keepOneAdmin(store: Store, except: User): void {
  const others = store
    .select()
    .from(users)
    .where(and(eq(users.isAdmin, true), eq(users.isActive, true)))
    .all()
  if (others.every(other => other.id === except.id))
    throw conflict('This is the last administrator; make another one first.')
}

function setRoles(store: Store, userId: number, wanted: Record<string, Role>): void {
  store.delete(roles).where(eq(roles.userId, userId)).run()
  for (const [slug, role] of Object.entries(wanted)) {
    const project = findProject(store, slug)
    if (!project) throw unprocessable(`roles names the project ${shown(slug)}, which does not exist.`)
    store.insert(roles).values({ userId, projectId: project.id, role }).run()
  }
}

/** @returns the token's row and its secret, which is shown once and stored nowhere. @throws Fault 422 a given secret's form */
export function createToken(
  store: Store,
  actor: Actor,
  user: User,
  input: { name: string; expiresAt: string | null; secret?: string },
): { token: Token; secret: string } {
  if (input.secret !== undefined && !wellFormed(input.secret, 'hf'))
    throw unprocessable('A given token must have the form that `callgate secret hf` prints.')
  const secret = input.secret ?? mintSecret('hf')
  const token = store
    .insert(tokens)
    .values({
      userId: user.id,
      name: input.name,
      hash: hashSecret(secret),
      ...shownParts(secret),
      expiresAt: input.expiresAt,
    })
    .returning()
    .get()
  note(store, actor, 'token.create', `${user.username}/${input.name}`, null, { expires_at: input.expiresAt })
  return { token, secret }
}

/** A user's tokens that work still. */
export const listTokens = (store: Store, userId: number): Token[] =>
  store
    .select()
    .from(tokens)
    .where(
      and(
        eq(tokens.userId, userId),
        isNull(tokens.revokedAt),
        or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now())),
      ),
    )
    .orderBy(asc(tokens.id))
    .all()

/** Ends the sessions that were begun with it, too. @throws Fault 404 not a token of this user */
export function revokeToken(store: Store, actor: Actor, userId: number, tokenId: number): void {
  const token = store
    .select()
    .from(tokens)
    .where(and(eq(tokens.id, tokenId), eq(tokens.userId, userId)))
    .get()
  if (!token || token.revokedAt) throw notFound('No such token.')
  store.update(tokens).set({ revokedAt: now() }).where(eq(tokens.id, tokenId)).run()
  store.delete(sessions).where(eq(sessions.tokenId, tokenId)).run()
  note(store, actor, 'token.revoke', token.name)
}

/** Ends a token that another takes the place of. It may come again, which one that somebody revoked may not. */
export function replaceToken(store: Store, actor: Actor, token: Token): void {
  store.delete(tokens).where(eq(tokens.id, token.id)).run()
  note(store, actor, 'token.revoke', token.name)
}

/** The token that is presented and its active user, or undefined. Notes the use, at most once a minute. */
export function findToken(db: Db, secret: string): { token: Token; user: User } | undefined {
  if (!wellFormed(secret, 'hf')) return undefined
  const found = db
    .select()
    .from(tokens)
    .innerJoin(users, eq(users.id, tokens.userId))
    .where(eq(tokens.hash, hashSecret(secret)))
    .get()
  if (!found || found.tokens.revokedAt || !found.users.isActive) return undefined
  const at = now()
  if (found.tokens.expiresAt && found.tokens.expiresAt <= at) return undefined
  if (!found.tokens.lastUsedAt || Date.parse(at) - Date.parse(found.tokens.lastUsedAt) > 60_000)
    noteUse(db, () => db.update(tokens).set({ lastUsedAt: at }).where(eq(tokens.id, found.tokens.id)).run())
  return { token: found.tokens, user: found.users }
}

/** The token with this secret, whether it works still or not. */
export const tokenWith = (store: Store, secret: string): Token | undefined =>
  store
    .select()
    .from(tokens)
    .where(eq(tokens.hash, hashSecret(secret)))
    .get()

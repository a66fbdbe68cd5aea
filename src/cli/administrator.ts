import { eq } from 'drizzle-orm'
import { tokens } from '../../db/schema.ts'
import { SYSTEM, transaction } from '../catalog/store.ts'
import {
  createToken,
  createUser,
  findUser,
  findUserById,
  hashPassword,
  listTokens,
  listUsers,
  replaceToken,
  tokenWith,
  type User,
  updateUser,
} from '../catalog/users.ts'
import { wellFormed } from '../lib/secret.ts'
import type { ManagementContext } from '../management/context.ts'
import { log } from '../telemetry/log.ts'
import { CommandError } from './command-error.ts'

const TOKEN_NAME = 'CALLGATE_ADMIN_TOKEN'

/**
 * Sees to the first administrator: made at the first start, with the token and password that the environment gives. What
 * the environment gives holds: another value at a later start replaces the one it gave before.
 * @returns a token that was minted because none was given, to be printed once
 * @throws CommandError what the environment gives does not have the form it must
 */
export async function ensureAdministrator(
  context: ManagementContext,
  env: Record<string, string | undefined>,
): Promise<string | undefined> {
  const { db } = context
  const given = env.CALLGATE_ADMIN_TOKEN || undefined
  const password = env.CALLGATE_ADMIN_PASSWORD || undefined
  const username = env.CALLGATE_ADMIN_USERNAME || 'admin'
  if (given && !wellFormed(given, 'hf'))
    throw new CommandError('CALLGATE_ADMIN_TOKEN is not a token; "callgate secret hf" prints one of the right form.')
  if (password && password.length < 10)
    throw new CommandError('CALLGATE_ADMIN_PASSWORD must have at least 10 characters.')
  const admin = await administrator(context, username, password)
  if (given) {
    const known = tokenWith(db, given)
    if (!known || known.revokedAt)
      transaction(db, tx => {
        for (const old of listTokens(tx, admin.id)) if (old.name === TOKEN_NAME) replaceToken(tx, SYSTEM, old)
        if (!known) createToken(tx, SYSTEM, admin, { name: TOKEN_NAME, expiresAt: null, secret: given })
      })
    if (known?.revokedAt) log.warn('CALLGATE_ADMIN_TOKEN was revoked, and signs nobody in: give another one')
    else if (known && !findUserById(db, known.userId)?.isActive)
      log.warn('CALLGATE_ADMIN_TOKEN is of a user who is not active, and signs nobody in: give another one')
    return undefined
  }
  const hasAny = db.select().from(tokens).where(eq(tokens.userId, admin.id)).limit(1).get()
  if (hasAny || admin.passwordHash) return undefined
  return transaction(db, tx => createToken(tx, SYSTEM, admin, { name: 'first administrator', expiresAt: null }).secret)
}

async function administrator(context: ManagementContext, username: string, password?: string): Promise<User> {
  const { db } = context
  const known = findUser(db, username)
  const other = listUsers(db).find(user => user.isAdmin && user.isActive)
  // who is not active is given no token, and nobody new is made without a password
  if (other && password === undefined && !known?.isActive) return other
  if (known) {
    const right =
      password === undefined || (known.passwordHash && (await Bun.password.verify(password, known.passwordHash)))
    if (right && known.isAdmin) return known
    const passwordHash = right ? undefined : await hashPassword(password!)
    transaction(db, tx => updateUser(tx, SYSTEM, known, { isAdmin: true, ...(passwordHash ? { passwordHash } : {}) }))
    return findUser(db, username)!
  }
  const passwordHash = password === undefined ? null : await hashPassword(password)
  return transaction(db, tx => createUser(tx, SYSTEM, { username, passwordHash, isAdmin: true, roles: {} }))
}

/** Signing in with a browser: the session behind the console's cookie, the user's other sessions, and the first start. */
import { type Static, Type } from '@sinclair/typebox'
import {
  beginSession,
  endOtherSessions,
  endSession,
  findSession,
  listSessions,
  type Session,
} from '../catalog/sessions.ts'
import { note, type Store, transaction } from '../catalog/store.ts'
import {
  createUser,
  findToken,
  findUser,
  getUser,
  hashPassword,
  listUsers,
  rolesOf,
  type Token,
  type User,
  updateUser,
} from '../catalog/users.ts'
import { conflict, Fault, unauthorized } from '../lib/fault.ts'
import { closed } from '../lib/shape.ts'
import { type Caller, change, idOf, jsonBody, type ManagementContext, type SignedIn } from './context.ts'
import { checkSameOrigin, cookieOf, csrfToken, setCookie } from './cookie.ts'
import { json, list } from './respond.ts'
import { signIn } from './session.ts'
import { Password } from './users.ts'

const Secret = Type.String({ maxLength: 1000 })
const SignIn = Type.Union(
  [
    Type.Object({ username: Type.String({ maxLength: 200 }), password: Secret }, closed),
    Type.Object({ token: Secret }, closed),
  ],
  { error: 'must hold username and password, or token, as texts that are not too long, and nothing else.' },
)
const Setup = Type.Object({ token: Secret, username: Type.String({ maxLength: 200 }), password: Password }, closed)
const NewPassword = Type.Object({ current_password: Secret, password: Password }, closed)
export type SignInInput = Static<typeof SignIn>
export type SetupInput = Static<typeof Setup>
export type NewPasswordInput = Static<typeof NewPassword>

/** `POST /api/auth/session`: with a password, or with a token. The session that the browser had before has ended. */
export async function begin(context: ManagementContext, request: Request, caller: Caller): Promise<Response> {
  checkSameOrigin(request)
  const input = await jsonBody(context, request, SignIn, 'sign-in')
  if ('token' in input) {
    const { user, token } = presented(context, input.token, caller)
    return begun(context, request, caller, user, { token })
  }
  return begun(context, request, caller, await signIn(context, input.username, input.password, caller.address))
}

/** `GET /api/auth/setup`: whether nobody can sign in with a password yet. */
export const setupState = (context: ManagementContext): Response => json({ needed: setupNeeded(context.db) })

/** `POST /api/auth/setup`: the first administrator with a password; the printed token says that it is the operator who asks. */
export async function setup(context: ManagementContext, request: Request, caller: Caller): Promise<Response> {
  checkSameOrigin(request)
  const { token, username, password } = await jsonBody(context, request, Setup, 'sign-in')
  const ownerNow = () => {
    const { user } = presented(context, token, caller)
    if (!user.isAdmin) throw new Fault(403, 'forbidden', 'This is not the token of an administrator.')
    return user
  }
  ownerNow()
  const passwordHash = await hashPassword(password)
  const user = change(context, ownerNow, (tx, owner) => {
    if (!setupNeeded(tx)) throw conflict('An administrator with a password exists already: sign in.')
    const actor = { name: owner.username }
    if (findUser(tx, username)?.id !== owner.id)
      return createUser(tx, actor, { username, passwordHash, isAdmin: true, roles: {} })
    updateUser(tx, actor, owner, { passwordHash })
    return getUser(tx, owner.id)
  })
  return begun(context, request, caller, user, { status: 201 })
}

/** `GET /api/auth/session`: who is signed in, and the CSRF token for what they change. */
export function current(context: ManagementContext, who: SignedIn): Response {
  return json(sessionState(context, who.user, sessionOf(who)))
}

/** `DELETE /api/auth/session` */
export function signOut(context: ManagementContext, who: SignedIn): Response {
  endSession(context.db, who.user.id, sessionOf(who).id)
  return json({ ended: true }, 200, { 'set-cookie': setCookie(who.caller) })
}

export const sessions = (context: ManagementContext, request: Request, { user, session }: SignedIn): Response =>
  list(
    request,
    listSessions(context.db, user.id).map(row => sessionRow(row, session)),
    rows => ({ sessions: rows }),
  )

export function endOne(context: ManagementContext, { user, caller, session }: SignedIn, id: string): Response {
  endSession(context.db, user.id, idOf(id))
  return json({ ended: true }, 200, session?.id === idOf(id) ? { 'set-cookie': setCookie(caller) } : {})
}

/** `DELETE /api/auth/sessions`: all but the one that asks. */
export const endOthers = (context: ManagementContext, { user, session }: SignedIn): Response =>
  json({ ended: endOtherSessions(context.db, user.id, session?.id ?? 0) })

/** `POST /api/auth/password`: one's own. Every other session and JWT of the user ends. */
export async function changePassword(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const { current_password, password } = await jsonBody(context, request, NewPassword, 'sign-in')
  const { userNow, actor, caller, session } = who
  const before = userNow()
  if (before.passwordHash) await signIn(context, before.username, current_password, caller.address)
  const passwordHash = await hashPassword(password)
  change(context, userNow, (tx, now) => {
    // whoever knew the old one knows nothing of the one that it was changed to meanwhile
    if (now.passwordHash !== before.passwordHash) throw conflict('The password was changed meanwhile.')
    updateUser(tx, actor, now, { passwordHash }, session?.id)
  })
  return json({ changed: true })
}

const setupNeeded = (store: Store): boolean => listUsers(store).every(user => user.passwordHash === null)

/** @throws Fault 401; 429 after many bad ones from one address */
function presented(context: ManagementContext, secret: string, { address }: Caller): { token: Token; user: User } {
  const found = findToken(context.db, secret)
  if (found) return found
  context.limits.badSecret(address)
  throw unauthorized('This token is not valid, or it has expired.', 'sign_in_failed')
}

function begun(
  context: ManagementContext,
  request: Request,
  caller: Caller,
  user: User,
  { token, status = 200 }: { token?: Token; status?: number } = {},
): Response {
  const before = cookieOf(request, caller)
  const { session, secret } = transaction(context.db, tx => {
    const old = before === undefined ? undefined : findSession(context.db, before)
    if (old) endSession(tx, old.user.id, old.session.id)
    const userAgent = request.headers.get('user-agent') ?? ''
    note(tx, { name: user.username }, 'session.begin', user.username)
    return beginSession(tx, user, { address: caller.address, userAgent }, token)
  })
  return json(sessionState(context, user, session), status, { 'set-cookie': setCookie(caller, secret) })
}

function sessionOf({ session }: SignedIn): Session {
  if (!session) throw unauthorized('This needs the session of a browser.')
  return session
}

const sessionState = (context: ManagementContext, user: User, session: Session) => ({
  user_id: user.id,
  username: user.username,
  is_admin: user.isAdmin,
  has_password: user.passwordHash !== null,
  roles: rolesOf(context.db, user.id),
  csrf_token: csrfToken(context, session),
  expires_at: session.expiresAt,
})
export type SessionState = ReturnType<typeof sessionState>

const sessionRow = (row: Session, current?: Session) => ({
  id: row.id,
  address: row.address,
  user_agent: row.userAgent,
  created_at: row.createdAt,
  last_used_at: row.lastUsedAt,
  expires_at: row.expiresAt,
  current: row.id === current?.id,
})
export type SessionRow = ReturnType<typeof sessionRow>

import { jwtVerify, SignJWT } from 'jose'
import { findSession, type Session } from '../catalog/sessions.ts'
import { findToken, findUser, findUserById, type User } from '../catalog/users.ts'
import { Fault, unauthorized } from '../lib/fault.ts'
import { Turns } from '../lib/turns.ts'
import type { Caller, ManagementContext, SignedIn } from './context.ts'
import { checkCsrf, cookieOf } from './cookie.ts'

/** in seconds */
export const LIFETIME = 8 * 3600
const ISSUER = 'callgate'

/** A JWT of 8 hours, void as soon as the user's session epoch is raised. */
export const sessionToken = (context: ManagementContext, user: User): Promise<string> =>
  new SignJWT({ epoch: user.sessionEpoch })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(ISSUER)
    .setSubject(String(user.id))
    .setIssuedAt()
    .setExpirationTime(`${LIFETIME}s`)
    .sign(context.secret)

/**
 * Who sent the request: the owner of an `hf_` token or of a JWT, or, where neither is sent, of the browser's session.
 * @throws Fault 401; 403 a session without its CSRF token; 429 after many bad secrets from one address
 */
export async function signedIn(context: ManagementContext, request: Request, caller: Caller): Promise<SignedIn> {
  const header = request.headers.get('authorization')
  const cookie = header === null ? cookieOf(request, caller) : undefined
  if (cookie !== undefined) return inSession(context, request, caller, cookie)
  const bearer = header && /^bearer +(\S+)$/i.exec(header)?.[1]
  if (!bearer) throw unauthorized('Sign in: send Authorization: Bearer with a token (hf_...) or a session.')
  const find = bearer.startsWith('hf_')
    ? () => findToken(context.db, bearer)?.user
    : await finderOfSession(context, bearer)
  const user = find()
  if (user) return signedInAs(user, caller, find)
  context.limits.badSecret(caller.address)
  throw unauthorized('This token is not valid, or it has expired.')
}

/** @param find asks the catalog whom the request's secret signs in now */
function signedInAs(user: User, caller: Caller, find: () => User | undefined, session?: Session): SignedIn {
  const userNow = () => {
    const now = find()
    if (!now) throw unauthorized('You were signed out while this was under way: sign in again.', 'session_ended')
    return now
  }
  return { user, userNow, actor: { name: user.username }, caller, ...(session ? { session } : {}) }
}

function inSession(context: ManagementContext, request: Request, caller: Caller, cookie: string): SignedIn {
  const found = findSession(context.db, cookie)
  if (!found) throw unauthorized('This session has ended: sign in again.', 'session_ended')
  checkCsrf(context, request, found.session)
  return signedInAs(found.user, caller, () => findSession(context.db, cookie)?.user, found.session)
}

/** @returns what finds the user of a JWT as long as it signs them in */
async function finderOfSession({ db, secret }: ManagementContext, token: string): Promise<() => User | undefined> {
  try {
    const { payload } = await jwtVerify(token, secret, { issuer: ISSUER, algorithms: ['HS256'] })
    return () => {
      const user = findUserById(db, Number(payload.sub))
      const goesOn = user?.isActive && payload.epoch === user.sessionEpoch && payload.exp! * 1000 > Date.now()
      return goesOn ? user : undefined
    }
  } catch {
    return () => undefined
  }
}

/** argon2 is slow and large on purpose: two at a time, so that guessing costs the guesser and not the server. */
const verifications = new Turns(2)

/** Someone who does not exist takes as long to be refused as a wrong password does. */
let nobody: Promise<string> | undefined

/** @throws Fault 401 wrong name or password; 429 after many wrong ones for one name or from one address, also for a right one */
export async function signIn(
  context: ManagementContext,
  username: string,
  password: string,
  address: string,
): Promise<User> {
  nobody ??= Bun.password.hash('nobody')
  const known = await verifications.run(async () => {
    // in its turn, as those before it are counted by then
    context.limits.checkSignIn(username, address)
    const hash = findUser(context.db, username)?.passwordHash
    const right = await Bun.password.verify(password, hash ?? (await nobody!))
    // the password, or the user, may have changed meanwhile
    const user = findUser(context.db, username)
    if (hash && right && user?.isActive && user.passwordHash === hash) return user
    context.limits.badSignIn(username, address)
    return undefined
  })
  if (known) return known
  throw new Fault(401, 'sign_in_failed', 'Wrong username or password.')
}

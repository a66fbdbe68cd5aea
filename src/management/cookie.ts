/**
 * The session cookie of the console, and the CSRF token that goes with it. The token is bound to its session (an HMAC), is
 * read from an answer that no other origin can read, and is sent back in a header that no form can set.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { ABSOLUTE_MS, type Session } from '../catalog/sessions.ts'
import { forbidden } from '../lib/fault.ts'
import { sessionCookie } from '../lib/session-cookie.ts'
import type { Caller, ManagementContext } from './context.ts'

const nameOf = ({ secure }: Caller) => sessionCookie(secure)

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The session's secret as the request's cookie has it. */
export function cookieOf(request: Request, caller: Caller): string | undefined {
  const wanted = `${nameOf(caller)}=`
  const pairs = (request.headers.get('cookie') ?? '').split(';').map(pair => pair.trim())
  return pairs.find(pair => pair.startsWith(wanted))?.slice(wanted.length)
}

/** `Set-Cookie` for a session that begins, or, without a secret, for one that has ended. */
export function setCookie(caller: Caller, secret?: string): string {
  const life = secret === undefined ? 0 : ABSOLUTE_MS / 1000
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${life}${caller.secure ? '; Secure' : ''}`
  return `${nameOf(caller)}=${secret ?? ''}; ${attributes}`
}

export const csrfToken = (context: ManagementContext, session: Session): string =>
  createHmac('sha256', context.secret).update(`csrf ${session.hash}`).digest('base64url')

/** A request that changes something and is signed in by cookie alone. @throws Fault 403 it may not be the user's own doing */
export function checkCsrf(context: ManagementContext, request: Request, session: Session): void {
  if (SAFE.has(request.method)) return
  checkSameOrigin(request)
  const given = Buffer.from(request.headers.get('x-csrf-token') ?? '')
  const right = Buffer.from(csrfToken(context, session))
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw forbidden('A request that is signed in by cookie needs its X-CSRF-Token.', 'csrf_token_missing')
}

/** Browsers say themselves where a request comes from (Fetch Metadata). @throws Fault 403 from another site's page */
export function checkSameOrigin(request: Request): void {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none')
    throw forbidden('This request comes from a page of another origin.', 'cross_site')
}

/** The console's session cookie: what it is called, and how it is kept from whoever else answers at this origin. */

const NAME = 'callgate_session'
/** Where the connection is encrypted, a browser takes `__Host-` cookies from this very host only (RFC 6265bis, 4.1.3.2). */
export const sessionCookie = (secure: boolean): string => (secure ? `__Host-${NAME}` : NAME)

/** The sign before it: a cookie without a name is sent as its value alone. */
const OURS = new RegExp(`^\\s*=?\\s*(?:__Host-)?${NAME}\\s*=`, 'i')

/** A `Cookie` header without the session; empty where nothing else is in it. */
export const withoutSession = (cookies: string): string =>
  cookies.includes(NAME)
    ? cookies
        .split(';')
        .filter(pair => !OURS.test(pair))
        .join(';')
        .trim()
    : cookies

/** Whether a `Set-Cookie` would put another session in the place of the console's. */
export const setsSession = (cookie: string): boolean => OURS.test(cookie)

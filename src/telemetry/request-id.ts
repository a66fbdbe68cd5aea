const ACCEPTED = /^[A-Za-z0-9._-]{1,64}$/

/** The request's id: the caller's `X-Request-Id` when it is short and plain, else 32 hex digits of our own. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get('x-request-id')
  return given !== null && ACCEPTED.test(given) ? given : newRequestId()
}

let prefix = ''
let counter = 0

/** Random once per process and 65,536 requests, counted in between: unique, and far cheaper than a UUID a request. */
export function newRequestId(): string {
  if (counter % 65_536 === 0) prefix = crypto.randomUUID().replaceAll('-', '').slice(0, 24)
  return prefix + (counter++ & 0xffffffff).toString(16).padStart(8, '0')
}

/** They say who the caller is. */
const SECRETS = ['x-api-key', 'authorization', 'proxy-authorization', 'cookie']

/** A request's headers as a handler may see them. */
export function shownHeaders(headers: Headers): Record<string, string> {
  const shown = headers.toJSON() as Record<string, string>
  for (const name of SECRETS) delete shown[name]
  return shown
}

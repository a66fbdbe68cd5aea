/**
 * The key that a request presents, whether it is one or not: `X-API-Key` (which wins, even when it is empty), or
 * `Authorization` as `ApiKey dk_...`, `Bearer dk_...` or Basic with the key as password; schemes in any case.
 * A Bearer that is not a `dk_` key (a user's token) is no key. undefined: none is presented.
 */
export function presentedKey(headers: Headers): string | undefined {
  const direct = headers.get('x-api-key')
  if (direct !== null) return direct.trim()
  const authorization = headers.get('authorization')
  return authorization === null ? undefined : keyOfAuthorization(authorization)
}

/** The key in an `Authorization` header. */
export function keyOfAuthorization(authorization: string): string | undefined {
  const space = authorization.indexOf(' ')
  if (space < 0) return undefined
  const credentials = authorization.slice(space + 1).trim()
  switch (authorization.slice(0, space).toLowerCase()) {
    case 'apikey':
      return credentials
    case 'bearer':
      return credentials.startsWith('dk_') ? credentials : undefined
    case 'basic': {
      const decoded = Buffer.from(credentials, 'base64').toString()
      const colon = decoded.indexOf(':')
      const password = colon < 0 ? '' : decoded.slice(colon + 1)
      return password || undefined
    }
    default:
      return undefined
  }
}

/**
 * Whether `If-None-Match` names the representation that has this strong validator (RFC 9110, 13.1.2). The comparison is the
 * weak one, as whoever compresses an answer on its way makes its tag weak.
 */
export function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some(candidate => candidate.trim().replace(/^W\//, '') === etag)
}

/**
 * Whether `If-None-Match` names the representation with this strong validator (RFC 9110, 13.1.2): the comparison is the weak
 * one, as a cache on the way may have made the tag weak.
 */
export function matchesNone(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return true
  if (ifNoneMatch === etag) return false
  if (ifNoneMatch.trim() === '*') return false
  return !ifNoneMatch.split(',').some(candidate => candidate.trim().replace(/^W\//, '') === etag)
}

/** The headers that a key comes in: who presents another one may be answered otherwise. */
export const BY_KEY = 'X-API-Key, Authorization'

/** A `Vary` that says also that answers differ by the origin that asks. */
export const withOrigin = (vary: string): string =>
  /(?:^|,)\s*(?:\*|origin)\s*(?:,|$)/i.test(vary) ? vary : `${vary}, Origin`

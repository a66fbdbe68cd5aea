/** A `Vary` that says also that answers differ by the origin that asks. */
export const withOrigin = (vary: string): string =>
  /(?:^|,)\s*(?:\*|origin)\s*(?:,|$)/i.test(vary) ? vary : `${vary}, Origin`

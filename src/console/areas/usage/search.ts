/** What the URL of the usage page says: a range of time, or its two ends, and what is selected. */

/** Seconds until now. */
export const RANGES = { hour: 3600, day: 86_400, week: 7 * 86_400, month: 30 * 86_400 } as const
export type Range = keyof typeof RANGES

export interface UsageSearch {
  /** absent, as are the ends: a day */
  range?: Range
  /** ISO 8601 */
  from?: string
  to?: string
  service?: string
  endpoint?: string
  deployment?: string
  /** an id, or a word of the API for who has none */
  key?: number | string
  /** as the API takes it: `4xx`, 429 */
  status?: number | string
}

/** Keeps what can be meant; whether that is so is for the server to say. */
export function usageSearch(given: Record<string, unknown>): UsageSearch {
  // a range that is none is taken out: what is not named here stays as the URL has it
  const found: UsageSearch = { range: undefined }
  const text = (name: string) => {
    const value = given[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  }
  for (const name of ['service', 'endpoint', 'deployment'] as const) {
    const value = text(name)
    if (value) found[name] = value
  }
  for (const name of ['key', 'status'] as const) {
    const value = text(name)
    if (value) found[name] = /^\d{1,15}$/.test(value) ? Number(value) : value
  }
  const [range, from, to] = [text('range'), text('from'), text('to')]
  if (range !== undefined && Object.hasOwn(RANGES, range)) found.range = range as Range
  else if (from && to) Object.assign(found, { from, to })
  return found
}

import type { UsageReport } from '../api/usage.ts'

const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const day = { month: 'short', day: 'numeric' } as const
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * What a step of time is called: as short as tells it from the others. Days are days in UTC, as they are counted. Where clocks are
 * put back, two hours have the same one, and the offset from UTC is said.
 */
export function timeLabels({ from, to, step }: Pick<UsageReport, 'from' | 'to' | 'step'>): (at: string) => string {
  const isLong = Date.parse(to) - Date.parse(from) > DAY_MS + HOUR_MS
  const parts = step === 'day' ? { ...day, timeZone: 'UTC' } : isLong ? { ...day, ...clock } : clock
  const format = new Intl.DateTimeFormat('en', parts)
  const exact = new Intl.DateTimeFormat('en', { ...parts, timeZoneName: 'shortOffset' })
  return at => {
    const time = Date.parse(at)
    const said = format.format(time)
    const isTwice = step !== 'day' && [time - HOUR_MS, time + HOUR_MS].some(other => format.format(other) === said)
    return isTwice ? exact.format(time) : said
  }
}

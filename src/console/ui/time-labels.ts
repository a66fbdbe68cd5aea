import type { UsageReport } from '../api/usage.ts'

const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const day = { month: 'short', day: 'numeric' } as const
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Between the same time of two days, where clocks may be put forward or back, too. */
const ONE_DAY_MS = [-HOUR_MS, 0, HOUR_MS].map(put => DAY_MS + put)

/**
 * What a step of time is called: as short as tells it from the others. Days are days in UTC, as they are counted. Where clocks are
 * put back, two hours have the same one, and the offset from UTC is said; so is the day of the hour that a day begins and ends in.
 */
export function timeLabels({ from, to, step }: Pick<UsageReport, 'from' | 'to' | 'step'>): (at: string) => string {
  const [start, end] = [Date.parse(from), Date.parse(to)]
  const isLong = end - start > DAY_MS + HOUR_MS
  const parts = step === 'day' ? { ...day, timeZone: 'UTC' } : isLong ? { ...day, ...clock } : clock
  const format = new Intl.DateTimeFormat('en', parts)
  const dated = new Intl.DateTimeFormat('en', { ...day, ...clock })
  const exact = new Intl.DateTimeFormat('en', { ...parts, timeZoneName: 'shortOffset' })
  return at => {
    const time = Date.parse(at)
    const said = format.format(time)
    const isTwice = step !== 'day' && [time - HOUR_MS, time + HOUR_MS].some(other => format.format(other) === said)
    if (isTwice) return exact.format(time)
    const isOnBothDays = ONE_DAY_MS.flatMap(apart => [time - apart, time + apart]).some(
      other => other >= start && other < end && format.format(other) === said,
    )
    return isOnBothDays ? dated.format(time) : said
  }
}

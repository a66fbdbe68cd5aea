import type { UsageReport } from '../api/usage.ts'

const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const day = { month: 'short', day: 'numeric' } as const
const DAY_MS = 86_400_000

/** What a step of time is called: as short as tells it from the others. Days are days in UTC, as they are counted. */
export function timeLabels({ from, to, step }: Pick<UsageReport, 'from' | 'to' | 'step'>): (at: string) => string {
  const isLong = Date.parse(to) - Date.parse(from) > DAY_MS + 3_600_000
  const format =
    step === 'day'
      ? new Intl.DateTimeFormat('en', { ...day, timeZone: 'UTC' })
      : new Intl.DateTimeFormat('en', isLong ? { ...day, ...clock } : clock)
  return at => format.format(new Date(at))
}

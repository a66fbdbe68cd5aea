/** What is said of calls wherever they are counted. */
export const traffic = {
  calls: 'Calls',
  succeeded: 'Succeeded',
  refused: 'Refused',
  throttled: 'Throttled',
  failed: 'Failed',
  p50: 'Median',
  p95: '95th percentile',
  p99: '99th percentile',
  milliseconds: (ms: number) => `${ms < 10 && ms > 0 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en')} ms`,
  count: (count: number) => count.toLocaleString('en'),
  inCalls: (count: number) => `${count.toLocaleString('en')} ${count === 1 ? 'call' : 'calls'}`,
  summary: (calls: number, refused: number, throttled: number, failed: number, p95: number | null) =>
    [
      `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'}`,
      refused > 0 ? `${refused.toLocaleString('en')} refused` : '',
      throttled > 0 ? `${throttled.toLocaleString('en')} throttled` : '',
      failed > 0 ? `${failed.toLocaleString('en')} failed` : '',
      p95 === null ? '' : `95 % within ${traffic.milliseconds(p95)}`,
    ]
      .filter(Boolean)
      .join(' · '),
  /** what a chart shows, for who does not see it */
  chart: (calls: number, refused: number, failed: number) =>
    `${traffic.inCalls(calls)} over time, ${refused.toLocaleString('en')} of them refused, ${failed.toLocaleString('en')} failed`,
  usage: 'Usage',
  usageOf: (name: string) => `Usage of ${name}`,
  lastDays: 'Last 7 days',
  live: 'Live',
  noCalls: 'none',
  public: 'anyone, without a key',
  unknown: 'missing or unknown keys',
  others: 'other keys',
  keyGone: 'a key that is gone',
} as const

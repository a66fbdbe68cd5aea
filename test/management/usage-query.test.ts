import { afterEach, expect, setSystemTime, test } from 'bun:test'
import { STEPS, type Step } from '../../src/catalog/usage.ts'
import { periodOf } from '../../src/management/usage-query.ts'

afterEach(() => {
  setSystemTime()
})

test('usage until now has what is called now, also in the first second of a minute, an hour and a day', () => {
  for (const step of Object.keys(STEPS) as Step[])
    for (const time of ['2026-05-01T00:00:00.250Z', '2026-05-01T00:00:59.999Z', '2026-05-01T12:34:00Z']) {
      setSystemTime(new Date(time))
      const { from, to } = periodOf(new URLSearchParams({ step }))
      const now = Math.floor(Date.now() / 1000)
      expect(to).toBeGreaterThan(now)
      expect(to - now).toBeLessThanOrEqual(STEPS[step].seconds)
      expect(from).toBeLessThanOrEqual(now + 1 - 86_400)
    }
})

test('usage until a time that is named ends with the step before it', () => {
  setSystemTime(new Date('2026-05-02T00:00:00Z'))
  const { from, to } = periodOf(
    new URLSearchParams({ step: 'hour', from: '2026-05-01T00:00Z', to: '2026-05-01T02:00Z' }),
  )
  expect([from, to]).toEqual([Date.parse('2026-05-01T00:00Z') / 1000, Date.parse('2026-05-01T02:00Z') / 1000])
})

test('the last 3 hours are told by the minute and the last 8 days by the hour, also to who asked a moment ago', () => {
  setSystemTime(new Date('2026-05-20T12:34:00.900Z'))
  const stepOf = (hours: number, more: Record<string, string> = {}, ago = 0) => {
    const from = new Date(Date.now() - ago - hours * 3_600_000).toISOString()
    return periodOf(new URLSearchParams({ from, ...more })).step
  }
  for (const ago of [0, 950, 5000]) {
    expect([stepOf(3, {}, ago), stepOf(8 * 24, {}, ago)]).toEqual(['minute', 'hour'])
    expect([stepOf(4, {}, ago), stepOf(9 * 24, {}, ago)]).toEqual(['hour', 'day'])
  }
  const to = new Date().toISOString()
  expect([stepOf(3, { to }), stepOf(3, { to }, 5000)]).toEqual(['minute', 'hour'])
})

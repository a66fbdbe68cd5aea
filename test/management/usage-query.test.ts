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

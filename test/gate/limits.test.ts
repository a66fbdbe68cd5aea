import { afterEach, describe, expect, test } from 'bun:test'
import { Limits } from '../../src/gate/limits.ts'
import { Fault } from '../../src/lib/fault.ts'

const refused = async (work: Promise<unknown>): Promise<Fault> => {
  const error = await work.then(
    () => undefined,
    e => e,
  )
  if (!(error instanceof Fault)) throw new Error('it was not refused', { cause: error })
  return error
}
const remaining = (headers: Record<string, string>) => Number(/r=(\d+)/.exec(headers.ratelimit!)![1])
const realNow = Date.now
afterEach(() => {
  Date.now = realNow
})

describe('a key', () => {
  test('may be used as often as its limit says in a minute, then 429 says when again', async () => {
    const limits = new Limits()
    const left: number[] = []
    for (let i = 0; i < 3; i++) {
      const headers = await limits.ofKey(1, 3)
      expect(headers['ratelimit-policy']).toBe('"default";q=3;w=60')
      left.push(remaining(headers))
    }
    expect(left).toEqual([2, 1, 0])
    const fault = await refused(limits.ofKey(1, 3))
    expect([fault.status, fault.code, fault.message]).toEqual([
      429,
      'rate_limited',
      'The rate limit of this key is exceeded.',
    ])
    expect(fault.headers.ratelimit).toMatch(/^"default";r=0;t=\d+$/)
    const seconds = Number(fault.headers['retry-after'])
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
  })
  test('has a limit of its own: another key, and the same number of another limit, are not held up', async () => {
    const limits = new Limits()
    await limits.ofKey(1, 1)
    expect((await refused(limits.ofKey(1, 1))).status).toBe(429)
    expect(remaining(await limits.ofKey(2, 1))).toBe(0)
    expect(remaining(await limits.ofKey(1, 5))).toBe(4)
    expect(remaining(await limits.ofKey(11, 1))).toBe(0)
  })
  test('is free again when its minute is over', async () => {
    const limits = new Limits()
    await limits.ofKey(1, 1)
    await refused(limits.ofKey(1, 1))
    Date.now = () => realNow() + 61_000
    expect(remaining(await limits.ofKey(1, 1))).toBe(0)
  })
})

test('bad secrets from one address are counted, those from another by themselves', async () => {
  const limits = new Limits()
  for (let i = 0; i < 60; i++) await limits.badSecret('203.0.113.1')
  expect((await refused(limits.badSecret('203.0.113.1'))).status).toBe(429)
  await limits.badSecret('203.0.113.2')
  await limits.ofPublic('203.0.113.1')
})

test('calls without a key are counted by address', async () => {
  const limits = new Limits()
  const headers = await limits.ofPublic('2001:db8::1')
  expect(headers['ratelimit-policy']).toBe('"default";q=300;w=60')
  for (let i = 1; i < 300; i++) await limits.ofPublic('2001:db8::1')
  expect((await refused(limits.ofPublic('2001:db8::1'))).message).toBe(
    'Too many calls without a key from this address.',
  )
})

import { afterEach, describe, expect, test } from 'bun:test'
import { Limits } from '../../src/gate/limits.ts'
import { Windows } from '../../src/gate/windows.ts'
import { Fault } from '../../src/lib/fault.ts'

const refused = (work: () => unknown): Fault => {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('it was not refused')
}
const remaining = (headers: Record<string, string>) => Number(/r=(\d+)/.exec(headers.ratelimit!)![1])
const realNow = Date.now
afterEach(() => {
  Date.now = realNow
})

describe('a key', () => {
  test('may be used as often as its limit says in a minute, then 429 says when again', () => {
    const limits = new Limits()
    const left: number[] = []
    for (let i = 0; i < 3; i++) {
      const headers = limits.ofKey(1, 3)
      expect(headers['ratelimit-policy']).toBe('"default";q=3;w=60')
      left.push(remaining(headers))
    }
    expect(left).toEqual([2, 1, 0])
    const fault = refused(() => limits.ofKey(1, 3))
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
  test('has a limit of its own: another key, and the same number of another limit, are not held up', () => {
    const limits = new Limits()
    limits.ofKey(1, 1)
    expect(refused(() => limits.ofKey(1, 1)).status).toBe(429)
    expect(remaining(limits.ofKey(2, 1))).toBe(0)
    expect(remaining(limits.ofKey(1, 5))).toBe(4)
    expect(remaining(limits.ofKey(11, 1))).toBe(0)
  })
  test('is free again when its minute is over', () => {
    const limits = new Limits()
    limits.ofKey(1, 1)
    refused(() => limits.ofKey(1, 1))
    Date.now = () => realNow() + 61_000
    expect(remaining(limits.ofKey(1, 1))).toBe(0)
  })
  test('is not shut out for an hour where the clock is set back by one', () => {
    const limits = new Limits()
    limits.ofKey(1, 1)
    refused(() => limits.ofKey(1, 1))
    Date.now = () => realNow() - 3_600_000
    expect(remaining(limits.ofKey(1, 1))).toBe(0)
    expect(Number(refused(() => limits.ofKey(1, 1)).headers['retry-after'])).toBeLessThanOrEqual(60)
  })
})

test('bad secrets from one address are counted, those from another by themselves', () => {
  const limits = new Limits()
  for (let i = 0; i < 60; i++) limits.badSecret('203.0.113.1')
  expect(refused(() => limits.badSecret('203.0.113.1')).status).toBe(429)
  limits.badSecret('203.0.113.2')
  limits.ofPublic('203.0.113.1')
})

test('calls without a key are counted by address', () => {
  const limits = new Limits()
  const headers = limits.ofPublic('2001:db8::1')
  expect(headers['ratelimit-policy']).toBe('"default";q=300;w=60')
  for (let i = 1; i < 300; i++) limits.ofPublic('2001:db8::1')
  expect(refused(() => limits.ofPublic('2001:db8::1')).message).toBe('Too many calls without a key from this address.')
})

test('a window that has ended is forgotten, so that memory is held by who calls now', () => {
  const windows = new Windows<number>(60)
  for (let who = 0; who < 1000; who++) windows.count(who)
  expect(windows.size).toBe(1000)
  Date.now = () => realNow() + 61_000
  windows.count(7)
  expect(windows.size).toBe(1)
})

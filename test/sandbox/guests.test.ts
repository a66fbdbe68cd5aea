import { expect, test } from 'bun:test'
import type { Outcome } from '../../src/sandbox/frames.ts'
import { Guests } from '../../src/sandbox/guests.ts'

const LIMITS = { cpuMs: 200, memoryBytes: 32 << 20, hostCalls: 0, outputBytes: 1 << 20 }
const request = JSON.stringify({ method: 'POST', path: '/x', params: {}, query: {}, headers: {} })

function call(guests: Guests, handler: string): Outcome {
  guests.frame()
  return guests.take(['start', 1, handler, request, LIMITS])!
}

test('what a handler takes to load counts for how quick its calls are, and not for what they may take', async () => {
  const guests = await Guests.open()
  guests.learn('endless', 'for (;;);\nexport default () => 1')
  // it loaded when it was published: it is tried again by every call
  for (let i = 0; i < 2; i++) {
    const { kind, cpu } = call(guests, 'endless')
    expect(kind).toBe('stopped')
    expect(cpu).toBeGreaterThanOrEqual(1000)
  }
  guests.learn('heavy', 'let n = 0\nwhile (n < 8_000_000) n++\nexport default () => n')
  const [first, second] = [call(guests, 'heavy'), call(guests, 'heavy')]
  for (const outcome of [first, second]) expect(outcome).toMatchObject({ kind: 'answered', answer: 'v8000000' })
  expect(first.cpu).toBeGreaterThan(second.cpu)
})

import { expect, spyOn, test } from 'bun:test'
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
  guests.learn('heavy', 'let n = 0\nwhile (n < 4_000_000) n++\nexport default () => n')
  const [first, second] = [call(guests, 'heavy'), call(guests, 'heavy')]
  for (const outcome of [first, second]) expect(outcome).toMatchObject({ kind: 'answered', answer: 'v4000000' })
  expect(first.cpu).toBeGreaterThan(second.cpu)
})

test('what a call took is not counted for the next one of its frame, which a busy machine holds up', async () => {
  const guests = await Guests.open()
  guests.learn('burns', 'export default () => { let n = 0; while (n < 5_000_000) n++; return n }')
  guests.learn('counts', 'export default () => { let n = 0; while (n < 20_000) n++; return n }')
  for (const handler of ['burns', 'counts']) call(guests, handler)
  guests.frame()
  let burnt = 0
  while (burnt < LIMITS.cpuMs) burnt += guests.take(['start', 1, 'burns', request, { ...LIMITS, cpuMs: 10_000 }])!.cpu
  const now = performance.now.bind(performance)
  let asked = 0
  // after its first question, which is when it begins
  const clock = spyOn(performance, 'now').mockImplementation(() => now() + (asked++ > 0 ? 60_000 : 0))
  const outcome = guests.take(['start', 1, 'counts', request, LIMITS])
  clock.mockRestore()
  expect(outcome).toMatchObject({ kind: 'answered', answer: 'v20000' })
  expect(asked).toBeGreaterThan(2)
  expect(outcome!.cpu).toBeLessThan(LIMITS.cpuMs)
})

test('telling of rejections that nothing waited for counts for how quick its calls are, and has an end', async () => {
  const guests = await Guests.open()
  guests.learn('slow', 'export default () => { Promise.reject({ get message() { for (;;); } }); return 1 }')
  const slow = call(guests, 'slow')
  expect(slow).toMatchObject({ kind: 'answered', answer: 'v1', log: [expect.stringContaining('takes too much')] })
  expect(slow.cpu).toBeGreaterThanOrEqual(LIMITS.cpuMs)
  // each is waited for, and has another in its place, while it is told
  guests.learn(
    'breeds',
    `const breed = () => {
  const promise = Promise.reject({ get message() { promise.catch(() => {}); breed(); return 'once' } })
}
export default () => { breed(); return 2 }`,
  )
  const breeds = call(guests, 'breeds')
  expect(breeds).toMatchObject({ kind: 'answered', answer: 'v2', log: [expect.stringContaining('once')] })
  expect(breeds.cpu).toBeLessThan(LIMITS.cpuMs)
})

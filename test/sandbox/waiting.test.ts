import { expect, test } from 'bun:test'
import { type FunctionCall, Job } from '../../src/sandbox/job.ts'
import { Waiting } from '../../src/sandbox/waiting.ts'

const call = (handler: string): FunctionCall => ({
  handler: { id: handler, code: '' },
  request: '{}',
  limits: { cpuMs: 200, memoryBytes: 32 << 20, outputBytes: 4 << 20, hostCalls: 100, wallMs: 5000 },
  deadline: Date.now() + 60_000,
  nested: false,
  host: async () => '',
})

function laneOf(waiting: Waiting, handler: string): string {
  const job = new Job(call(handler), performance.now())
  waiting.add(job)
  waiting.leave(job)
  return job.lane
}

test('a handler that is quick does not wait for those that are not, though its first call was the first in a cold process', () => {
  const waiting = new Waiting()
  waiting.took('quick', 6)
  waiting.took('slow', 50)
  expect([laneOf(waiting, 'quick'), laneOf(waiting, 'slow'), laneOf(waiting, 'new')]).toEqual(['quick', 'slow', 'slow'])
  for (let calls = 0; calls < 20; calls++) {
    waiting.took('quick', 0.1)
    waiting.took('slower than it seemed', 6)
  }
  expect([laneOf(waiting, 'quick'), laneOf(waiting, 'slower than it seemed')]).toEqual(['quick', 'slow'])
})

test('where large requests wait, calls of their own function are refused, and not those of others, which are small', () => {
  const waiting = new Waiting()
  const add = (handler: string, request: string) => {
    if (waiting.isFullFor(handler)) return false
    waiting.add(new Job({ ...call(handler), request }, performance.now()))
    return true
  }
  const large = 'x'.repeat(30 << 20)
  expect([1, 2, 3, 4].map(() => add('large', large))).toEqual([true, true, true, false])
  for (let i = 0; i < 500; i++) expect(add('small', '{}')).toBe(true)
})

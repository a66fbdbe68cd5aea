import { expect, test } from 'bun:test'
import { type FunctionCall, Job } from '../../src/sandbox/job.ts'

const limits = { cpuMs: 200, memoryBytes: 32 << 20, outputBytes: 4 << 20, hostCalls: 100, wallMs: 5000 }

test('what a call was answered is there for a run that is repeated, but for so much that it would fill the memory', async () => {
  let asked = 0
  const call: FunctionCall = {
    handler: { id: 'x', code: '' },
    request: '{}',
    limits,
    deadline: Date.now() + 60_000,
    nested: false,
    async host(kind, argument) {
      asked++
      if (kind === 'call refuses') throw new Error('no')
      return `${argument} answered`
    },
  }
  const job = new Job(call, performance.now())
  const large = 'x'.repeat(1 << 20)
  const answers = new Map<number, unknown>()
  for (let n = 1; n <= 40; n++) answers.set(n, await job.ask([n, n % 2 ? 'call y' : 'call refuses', large]))
  expect(asked).toBe(40)
  job.again()
  const again = (n: number) => {
    try {
      return job.ask([n, n % 2 ? 'call y' : 'call refuses', large])
    } catch (error) {
      return (error as { status: number }).status
    }
  }
  for (const n of [1, 2, 8]) expect(await again(n)).toEqual(answers.get(n) as never)
  for (const n of [20, 39, 40]) expect(await again(n)).toBe(503)
  expect(asked).toBe(40)
})

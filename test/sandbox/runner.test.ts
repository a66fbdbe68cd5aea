import { afterAll, expect, setSystemTime, test } from 'bun:test'
import type { Fault } from '../../src/lib/fault.ts'
import { handlerOf } from '../../src/sandbox/handlers.ts'
import { FunctionRunner } from '../../src/sandbox/runner.ts'

const runner = new FunctionRunner(1)
afterAll(() => runner.close())

test('a call has its time and no more, whatever becomes of the clock meanwhile', async () => {
  const codes: string[] = []
  for (const hours of [-1, 1]) {
    const asked = Promise.withResolvers<void>()
    const { promise: never } = Promise.withResolvers<string>()
    const begun = performance.now()
    const ran = runner.run({
      handler: handlerOf("export default (_request, host) => host.call('never', {})"),
      request: '{}',
      limits: { cpuMs: 200, memoryBytes: 32 << 20, outputBytes: 4 << 20, hostCalls: 100, wallMs: 300 },
      deadline: Date.now() + 60_000,
      nested: false,
      host: () => {
        asked.resolve()
        return never
      },
    })
    await asked.promise
    setSystemTime(Date.now() + hours * 3_600_000)
    try {
      const { fault } = await ran
      codes.push((fault as Fault).code)
      expect(performance.now() - begun).toBeGreaterThanOrEqual(300)
    } finally {
      setSystemTime()
    }
  }
  expect(codes).toEqual(['wall_exceeded', 'wall_exceeded'])
})

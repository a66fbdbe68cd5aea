import { afterAll, expect, setDefaultTimeout, setSystemTime, spyOn, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../../src/lib/fault.ts'
import { handlerOf } from '../../src/sandbox/handlers.ts'
import { FunctionRunner } from '../../src/sandbox/runner.ts'
import { Worker } from '../../src/sandbox/worker.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'

setDefaultTimeout(120_000)

const runner = new FunctionRunner(1)
afterAll(() => {
  runner.close()
  return cleanUp()
})

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
    // on a busy machine all of its time may be over before it asks
    await Promise.race([asked.promise, ran])
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

test.each([50, 2500])('a function whose %i calls wait for what never comes leaves places for others', async calls => {
  const limits = { cpuMs: 200, memoryBytes: 32 << 20, outputBytes: 4 << 20, hostCalls: 100, wallMs: 120_000 }
  const runner = new FunctionRunner(1)
  const call = (code: string) =>
    runner.run({
      handler: handlerOf(code),
      request: '{}',
      limits,
      deadline: Date.now() + 120_000,
      nested: false,
      host: () => new Promise<string>(() => {}),
    })
  try {
    const waits = (n: number) => `export default (_, host) => host.call('never', ${n})`
    const codes: (string | undefined)[] = []
    // of one that was called before, and of one that was not; and each leaves some to the next
    for (const n of [1, 2])
      for (let i = 0; i < calls; i++) void call(waits(n)).then(({ fault }) => codes.push(fault?.code))
    for (const n of [1, 1, 2]) expect(await call(`export default () => ${n}`)).toMatchObject({ answer: `v${n}` })
    expect(codes.filter(code => code !== 'unavailable')).toEqual([])
  } finally {
    runner.close()
  }
})

test('where no process starts, calls are refused, and few are tried meanwhile; one that starts again serves', async () => {
  const folder = temporaryFolder()
  const [program, starts] = [join(folder, 'callgate'), join(folder, 'starts')]
  writeFileSync(program, `#!/bin/sh\necho >> ${starts}\nexit 1\n`)
  chmodSync(program, 0o755)
  const { execPath } = process
  const runner = new FunctionRunner(1)
  const call = () =>
    runner.run({
      handler: handlerOf('export default () => 1'),
      request: '{}',
      limits: { cpuMs: 200, memoryBytes: 32 << 20, outputBytes: 4 << 20, hostCalls: 100, wallMs: 5000 },
      deadline: Date.now() + 60_000,
      nested: false,
      host: async () => '',
    })
  try {
    process.execPath = program
    const codes = new Set<string | undefined>()
    for (let i = 0; i < 30; i++) codes.add((await call()).fault?.code)
    expect([...codes]).toEqual(['unavailable'])
    // nor by what is published meanwhile
    const started = spyOn(Worker, 'start')
    runner.warm()
    expect(started).not.toHaveBeenCalled()
    started.mockRestore()
    expect(existsSync(starts) && readFileSync(starts, 'utf8').length).toBeLessThan(10)
    process.execPath = execPath
    expect(await waitFor(async () => (await call()).answer)).toBe('v1')
  } finally {
    process.execPath = execPath
    runner.close()
  }
})

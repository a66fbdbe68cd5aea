import { afterEach, expect, test } from 'bun:test'
import { whenStuck } from '../../src/workers/stuck.ts'
import { waitFor } from '../harness.ts'
import { cpuOfMain, processOf } from '../life/processes.ts'

const processes: Bun.Subprocess[] = []
afterEach(() => {
  for (const process of processes.splice(0)) process.kill('SIGKILL')
})

function busy(): number {
  const { pid } = processes[processes.push(Bun.spawn(['sh', '-c', 'while :; do :; done'])) - 1]!
  return pid
}

const stuckAfter = (pid: number, cpuMs: number) =>
  new Promise<boolean>(resolve => {
    whenStuck(pid, cpuMs, resolve)
  })

test('a process is stuck when it has had all of its CPU, and when it is given none', async () => {
  expect(await stuckAfter(busy(), 500)).toBe(true)
  const stopped = busy()
  process.kill(stopped, 'SIGSTOP')
  expect(await stuckAfter(stopped, 60_000)).toBe(false)
  const idle = Bun.spawn(['sleep', '600'])
  processes.push(idle)
  expect(await stuckAfter(idle.pid, 60_000)).toBe(false)
}, 180_000)

test('a process that ended has not had its CPU for that', async () => {
  const found = stuckAfter(busy(), 1500)
  const [ended] = processes
  ended!.kill('SIGKILL')
  await ended!.exited
  expect(await found).toBe(false)
}, 180_000)

test('a process that has some CPU now and then is not stuck, however long it takes', async () => {
  const pid = busy()
  let stuck = false
  const unwatch = whenStuck(pid, 60_000, () => {
    stuck = true
  })
  for (let stops = 0; stops < 3; stops++) {
    process.kill(pid, 'SIGSTOP')
    await waitFor(() => processOf(pid)?.state === 'T' || undefined)
    const had = cpuOfMain(pid)
    await Bun.sleep(1900)
    process.kill(pid, 'SIGCONT')
    await waitFor(() => cpuOfMain(pid) > had + 25 || undefined)
  }
  unwatch()
  expect(stuck).toBe(false)
}, 180_000)

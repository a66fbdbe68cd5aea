import { expect, test } from 'bun:test'
import { Child, ChildLost } from '../../src/workers/child.ts'
import { Stillness } from '../../src/workers/still.ts'
import { waitFor } from '../harness.ts'
import { processOf } from '../life/processes.ts'

const isLinux = process.platform === 'linux'

test.skipIf(!isLinux)('a child that was stopped is ended, and what was asked of it is told so', async () => {
  const child = await Child.start('query', {})
  process.kill(child.pid, 'SIGSTOP')
  const asked = child.request('stop', {}).catch(error => error)
  const stillness = new Stillness(child, 200)
  expect(await asked).toBeInstanceOf(ChildLost)
  expect(stillness.ended).toBe(true)
})

test.skipIf(!isLinux)('one that has ended is not ended again', async () => {
  const gone = Bun.spawn(['true'])
  await gone.exited
  let [looks, kills] = [0, 0]
  const child = {
    get pid() {
      looks++
      return gone.pid
    },
    kill: () => kills++,
  }
  const stillness = new Stillness(child, 100)
  await waitFor(() => looks > 8 || undefined)
  stillness.stop()
  expect([stillness.ended, kills]).toEqual([false, 0])
})

test.skipIf(!isLinux)('one that computes is not, however little it gets to', async () => {
  const busy = Bun.spawn([process.execPath, '-e', 'for (;;);'], { stdio: ['ignore', 'ignore', 'ignore'] })
  try {
    await waitFor(() => processOf(busy.pid)?.state === 'R' || undefined)
    let looks = 0
    const child = {
      get pid() {
        looks++
        return busy.pid
      },
      kill: () => busy.kill('SIGKILL'),
    }
    const stillness = new Stillness(child, 100)
    await waitFor(() => looks > 8 || undefined)
    stillness.stop()
    expect(stillness.ended).toBe(false)
  } finally {
    busy.kill('SIGKILL')
    await busy.exited
  }
})

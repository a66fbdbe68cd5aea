import { expect, test } from 'bun:test'
import { Child, ChildLost } from '../../src/workers/child.ts'

test('a child that was killed is given nothing more from the first request on that it failed', async () => {
  for (let round = 0; round < 5; round++) {
    const child = await Child.start('query', {})
    const outcomes: { lost: boolean; alive: boolean }[] = []
    const requests: Promise<unknown>[] = []
    let ended = false
    void child.exited.then(() => {
      ended = true
    })
    process.kill(child.pid, 'SIGKILL')
    while (!ended) {
      requests.push(
        child
          .request('release', { file: 'none' })
          .catch(error => outcomes.push({ lost: error instanceof ChildLost, alive: child.alive })),
      )
      await new Promise(resolve => setImmediate(resolve))
    }
    await Promise.all(requests)
    expect(outcomes.length).toBeGreaterThan(0)
    expect(outcomes.filter(outcome => !outcome.lost || outcome.alive)).toEqual([])
  }
})

import { expect, test } from 'bun:test'
import { Child } from '../../src/workers/child.ts'
import { OnDemand } from '../../src/workers/on-demand.ts'

test('a child that nobody needs is left, also where a use of one that ended before it is the last to end', async () => {
  const children: Child[] = []
  const onDemand = new OnDemand(async () => {
    const child = await Child.start('query', {})
    children.push(child)
    return child
  }, 20)
  const started = Promise.withResolvers<void>()
  const ending = Promise.withResolvers<void>()
  const long = onDemand.use(async () => {
    started.resolve()
    await ending.promise
  })
  await started.promise
  process.kill(children[0]!.pid, 'SIGKILL')
  await children[0]!.exited
  await onDemand.use(async () => {})
  ending.resolve()
  await long
  await children[1]!.exited
  expect(children).toHaveLength(2)
  await onDemand.close()
})

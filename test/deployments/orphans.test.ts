/** No process of a deployment outlives Callgate, however that ends, nor its own deployment. */
import { afterAll, afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { marked, noneMarked } from './marked.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)

let marks = 0
const dataDir = join(temporaryFolder(), 'data')
const env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf') }

/** A Callgate with a deployment of two replicas that have children, some of them gone off into sessions of their own. */
async function withChildren(target: 'source' | 'executable' = 'source', variables: Record<string, string> = {}) {
  const mark = `orphan-mark-${process.pid}-${++marks}`
  const world = new World()
  const family = { name: 'family', command: SERVER, replicas: 2, env: { MARK: mark, ...variables }, min_instances: 1 }
  await world.start([family], { target, dataDir, env })
  // of two that are free the first is asked, which is the same one each time only where both are ready
  await waitFor(async () => {
    const { replicas } = await world.shown('family')
    return (replicas as { state: string }[]).filter(({ state }) => state === 'ready').length === 2 || undefined
  })
  for (let i = 0; i < 4; i++) await world.call('family', '/children')
  // a child has its mark in a moment, when it is a program of its own
  await waitFor(() => marked(mark).length >= 10 || undefined)
  const guard = workersOf(world.callgate.process.pid, 'guard')[0]!
  return { world, mark, guard: guard.pid, main: world.callgate.process.pid }
}

afterEach(cleanUp)
afterAll(cleanUp)

test.each(['source', 'executable'] as const)('kill -9 of Callgate (%s) takes all of them along', async target => {
  const { world, mark, guard } = await withChildren(target)
  await world.callgate.kill()
  await noneMarked(mark)
  await waitFor(() => {
    try {
      process.kill(guard, 0)
      return undefined
    } catch {
      return true
    }
  })
})

test('the end of Callgate in order takes all of them along', async () => {
  const { world, mark } = await withChildren()
  expect(await world.callgate.stop()).toBe(0)
  expect(marked(mark)).toEqual([])
})

test.each([
  ['', {}],
  [', those with a TMPDIR of their own too', { TMPDIR: tmpdir() }],
])('when the guard is killed they go%s, and are started again', async (_, variables) => {
  const { world, mark, guard } = await withChildren('source', variables)
  const before = marked(mark)
  process.kill(guard, 'SIGKILL')
  await waitFor(() => before.every(pid => !marked(mark).includes(pid)) || undefined)
  await waitFor(async () => (await world.call('family', '/pid')).status === 200 || undefined)
  await world.callgate.stop()
  expect(marked(mark)).toEqual([])
})

test('when both are killed, the next start ends what is left before it starts anything', async () => {
  const { mark, guard, main } = await withChildren()
  process.kill(guard, 'SIGKILL')
  process.kill(main, 'SIGKILL')
  await waitFor(() => marked(mark).length > 0 || undefined)
  const next = new World()
  await next.start([], { dataDir, env })
  // the deployment is there still, and runs anew: none of the old processes does
  await waitFor(async () => {
    const { replicas } = await next.shown('family')
    const pids = new Set(replicas.map((replica: { pid: number }) => replica.pid))
    return (pids.size === 2 && pids.symmetricDifference(new Set(marked(mark))).size === 0) || undefined
  })
})

test('one replica that ends takes its own along, and not what another has started', async () => {
  const { world, mark } = await withChildren()
  const { replicas } = await world.shown('family')
  const pids: number[] = replicas.map((replica: { pid: number }) => replica.pid)
  const busy = await world.pid('family') // calls that come one after the other find the same one free
  const idle = pids.find(pid => pid !== busy)!
  const before = marked(mark).filter(pid => pid !== idle)
  process.kill(idle, 'SIGKILL')
  await waitFor(async () => {
    const shown = (await world.shown('family')).replicas as { pid: number; state: string }[]
    return shown.every(({ pid, state }) => pid !== idle && state === 'ready') || undefined
  })
  expect(before.filter(pid => !marked(mark).includes(pid))).toEqual([])
  process.kill(busy, 'SIGKILL')
  await waitFor(() => before.every(pid => !marked(mark).includes(pid)) || undefined)
})

test('one deployment that ends takes its own along, and no others', async () => {
  const { world, mark } = await withChildren()
  const other = `${mark}-other`
  await world.api('POST', '', { name: 'other', command: SERVER, env: { MARK: other } })
  await world.call('other', '/children')
  const others = await waitFor(() => (marked(other).length >= 3 ? marked(other) : undefined))
  await world.api('POST', '/family/stop')
  await waitFor(() => marked(mark).length === others.length || undefined)
  expect(marked(other)).toEqual(others)
})

/**
 * `kill -9` of deployments and of Callgate under load: nobody waits for ever, nobody gets half an answer for a whole one, nothing
 * is left running, and the next start is clean. CALLGATE_KILLS=40 raises the number of kills (6 by default, half of each kind).
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'
import { sigkill } from '../life/processes.ts'
import { marked, noneMarked } from './marked.ts'
import { SERVER, World } from './world.ts'

const KILLS = Math.min(40, Number(process.env.CALLGATE_KILLS ?? 6))
setDefaultTimeout(60_000 + KILLS * 10_000)

const CALLERS = 16
/** a call has half of it */
const LONGEST_MS = 60_000
const mark = `kills-mark-${process.pid}`
const dataDir = join(temporaryFolder(), 'data')
const env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf') }
const world = new World()
const deployment = {
  name: 'victim',
  command: SERVER,
  replicas: 2,
  health: '/health',
  env: { MARK: mark },
  min_instances: 1,
}

afterAll(cleanUp)

/** What callers saw, by status; 0: the connection was refused or lost. */
class Callers {
  readonly statuses = new Map<number, number>()
  longestMs = 0
  #going = true
  #all: Promise<void>[]

  constructor() {
    this.#all = Array.from({ length: CALLERS }, () => this.#call())
  }

  async stop(): Promise<void> {
    this.#going = false
    await Promise.all(this.#all)
  }

  async #call(): Promise<void> {
    while (this.#going) {
      const asked = performance.now()
      const status = await world.call('victim', '/slow?ms=5').then(
        answer => (answer.status === 200 && answer.json?.most === undefined ? -1 : answer.status),
        () => 0,
      )
      this.longestMs = Math.max(this.longestMs, performance.now() - asked)
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
      if (status !== 200) await Bun.sleep(20)
    }
  }
}

test('of deployments', async () => {
  await world.start([deployment], { dataDir, env })
  await world.status('victim', 'running')
  const callers = new Callers()
  for (let i = 0; i < KILLS / 2; i++) {
    await Bun.sleep(100 + Math.random() * 200)
    const [victim] = (await world.shown('victim')).replicas.filter((r: { state: string }) => r.state === 'ready')
    if (victim) sigkill(victim.pid)
  }
  await Bun.sleep(300) // what the last one does is seen, too
  await waitFor(() => callers.statuses.get(200)! > 50 || undefined)
  await callers.stop()
  const seen = [...callers.statuses.keys()].toSorted()
  expect(seen.every(status => [200, 502, 503].includes(status))).toBe(true)
  expect(callers.longestMs).toBeLessThan(LONGEST_MS)
  await world.status('victim', 'running')
  expect(await world.callgate.stop()).toBe(0)
  expect(marked(mark)).toEqual([])
})

test('of Callgate', async () => {
  for (let i = 0; i < KILLS / 2; i++) {
    await world.start([deployment], { dataDir, env })
    await world.status('victim', 'running')
    const callers = new Callers()
    await Bun.sleep(100 + Math.random() * 300)
    await world.callgate.kill()
    await callers.stop()
    expect([...callers.statuses.keys()].every(status => [0, 200].includes(status))).toBe(true)
    expect(callers.longestMs).toBeLessThan(LONGEST_MS)
    await noneMarked(mark)
  }
  await world.start([deployment], { dataDir, env })
  await world.status('victim', 'running')
  expect((await world.call('victim', '/pid')).status).toBe(200)
  expect(await world.callgate.stop()).toBe(0)
  expect(marked(mark)).toEqual([])
})

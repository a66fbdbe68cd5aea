/** Usage under load, ends and kills: sums are what was called, and a kill loses only what was not written yet. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mintSecret } from '../../src/lib/secret.ts'
import { cleanUp, waitFor } from '../harness.ts'
import { FLOWER, UsageWorld } from '../management/usage-world.ts'

setDefaultTimeout(180_000)
const world = new UsageWorld()
beforeAll(() => world.start())
afterAll(cleanUp)

/** Kinds of calls, and under what they are counted. */
const KINDS: [counted: string, path: string, key: string | undefined, body?: unknown][] = [
  ['shop.row =app() 2xx', '/api/service/shop/row?id=1', world.key],
  ['shop.row =app() 422', '/api/service/shop/row?id=x', world.key],
  ['shop.row whole 2xx', '/api/service/shop/row?id=2', world.projectKey],
  ['shop. =app() 404', '/api/service/shop/nothing', world.key],
  ['shop.row unknown 401', '/api/service/shop/row?id=1', undefined],
  ['open.row public 2xx', '/api/service/open/row?id=1', undefined],
  ['shop.iris whole 2xx', '/v1/models/iris:predict', world.projectKey, { instances: [FLOWER] }],
  ['flowers whole 2xx', '/v1/shop/flowers/v1/models/flowers:predict', world.projectKey, { instances: [FLOWER] }],
]

type Counts = Record<string, number>
const add = (counts: Counts, what: string) => {
  counts[what] = (counts[what] ?? 0) + 1
}

/** Calls in a random order, many at a time, until there were `calls`, or the server is gone. @returns what was answered, and begun */
async function calls(count: number, atOnce = 32): Promise<{ answered: Counts; begun: Counts }> {
  const [answered, begun]: Counts[] = [{}, {}] as [Counts, Counts]
  let left = count
  const caller = async () => {
    while (left-- > 0) {
      const [what, path, key, body] = KINDS[Math.floor(Math.random() * KINDS.length)]!
      add(begun!, what)
      const answer = await world.callgate.call(path, { key, body }).catch(() => undefined)
      if (!answer) return
      add(answered!, what)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, caller))
  return { answered: answered!, begun: begun! }
}

const sums = (...all: Counts[]): Counts => {
  const sum: Counts = {}
  for (const counts of all) for (const what in counts) sum[what] = (sum[what] ?? 0) + counts[what]!
  return sum
}

test('what is counted is what was called: under load, over ends in order, and but for what a kill takes', async () => {
  const first = await calls(600)
  expect(first.answered).toEqual(first.begun)
  expect(await world.counted()).toEqual(first.answered)

  // read while calls are counted, which writes them meanwhile
  const reads = async () => {
    for (let i = 0; i < 10; i++) await world.counted()
  }
  const [second] = await Promise.all([calls(600), reads()])
  const written = sums(first.answered, second.answered)
  expect(await world.counted()).toEqual(written)

  await calls(1).then(({ answered }) => Object.assign(written, sums(written, answered)))
  await world.restart('stop')
  expect(await world.counted()).toEqual(written)

  let known = written
  for (let kill = 0; kill < 3; kill++) {
    const lost = calls(5000)
    const seen = await waitFor(async () => {
      const counted = await world.counted()
      return JSON.stringify(counted) === JSON.stringify(known) ? undefined : counted
    })
    await world.restart('kill')
    const { begun } = await lost
    const after = await world.counted()
    for (const what in sums(seen, after)) {
      expect(after[what]).toBeGreaterThanOrEqual(seen[what] ?? 0)
      expect(after[what]).toBeLessThanOrEqual((known[what] ?? 0) + (begun[what] ?? 0))
    }
    known = after
    const told = await Promise.all(['minute', 'hour', 'day'].map(step => world.usage(`?step=${step}`)))
    for (const { totals } of told) expect(totals).toEqual(told[0].totals)
  }
  const last = await calls(200)
  expect(await world.counted()).toEqual(sums(known, last.answered))
})

test('strangers make no rows of their own: a thousand unknown keys, names and paths are a handful', async () => {
  const { group_count: before } = await world.usage('?group_by=endpoint,deployment,key,status', null)
  for (let i = 0; i < 25; i++)
    await Promise.all(
      Array.from({ length: 10 }, (_, j) => [
        world.callgate.call(`/api/service/shop/x${i}-${j}?y=${j}`, { key: mintSecret('dk') }),
        world.callgate.call(`/api/service/s${i}-${j}/row`, { key: `dk_${i}${j}` }),
        world.callgate.call(`/v2/models/m${i}-${j}/infer`, { method: 'POST' }),
        world.callgate.call(`/v1/p${i}/d${j}/x`, { key: mintSecret('dk') }),
      ]).flat(),
    )
  const { group_count: after } = await world.usage('?group_by=endpoint,deployment,key,status', null)
  expect(after - before).toBeLessThanOrEqual(6)
})

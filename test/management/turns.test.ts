/** That work in the main process which may be long lets others have their turn in between. */
import { expect, test } from 'bun:test'
import type { Dataset } from '../../src/catalog/datasets.ts'
import { adminGrant } from '../../src/catalog/grant.ts'
import { type Group, type GroupNames, type Report, Sums } from '../../src/catalog/usage-report.ts'
import { sent } from '../../src/lib/sending.ts'
import { csvOf } from '../../src/management/usage-view.ts'
import { profileOf } from '../../src/query/profile.ts'
import type { QueryRunner } from '../../src/query/runner.ts'

/** How often others had their turn while this was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let over = false
  const count = () => {
    turns++
    if (!over) setImmediate(count)
  }
  setImmediate(count)
  const done = work()
  const before = turns
  await done
  over = true
  return turns - before
}

const busy = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test('usage as CSV', async () => {
  const sums = new Sums()
  sums.add({ status: 200, calls: 1, latency: new Uint8Array() })
  const group = (i: number): Group => ({
    names: { keyId: i },
    sums,
    calls: new Map(),
    steps: new Map([[0, sums]]),
    last: 0,
  })
  const report: Report = { totals: sums, steps: new Map(), groups: Array.from({ length: 20 }, (_, i) => group(i)) }
  const named = ({ keyId }: GroupNames) => {
    busy(2)
    return { key: `k${keyId}` }
  }
  const period = { step: 'hour', from: 0, to: 3600 } as const
  expect(await turnsDuring(() => csvOf(report, period, ['key'], named, 'GET'))).toBeGreaterThan(1)
})

test('usage as CSV that is asked for by HEAD takes no room from those that are sent', async () => {
  const sums = new Sums()
  const steps = new Map(Array.from({ length: 40_000 }, (_, at) => [at, sums]))
  const report: Report = { totals: sums, steps, groups: [] }
  const csv = (method: string) => csvOf(report, { step: 'minute', from: 0, to: 1 }, [], () => ({}), method)
  const all = sent(Buffer.allocUnsafe(512 * 1024 * 1024 + 1)) as ReadableStream
  expect((await csv('HEAD')).headers.get('content-type')).toStartWith('text/csv')
  expect(await csv('GET').catch(error => error.status)).toBe(503)
  await all.cancel()
})

test('the profile of a small table of many columns', async () => {
  const columns = Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, type: 'integer', nullable: true }))
  const dataset = { name: 'm.wide', engine: 'sqlite', file: '/nowhere', columns, rowCount: 10 } as unknown as Dataset
  const row = new Proxy({}, { get: () => 1 })
  const all = () => {
    busy(2)
    return [row]
  }
  const runner = { engineOf: () => ({ local: { all } }) } as unknown as QueryRunner
  const times = { deadline: Date.now() + 60_000, countUntil: Date.now() + 60_000 }
  const turns = await turnsDuring(() => profileOf(dataset, adminGrant(1), runner, times))
  expect(turns).toBeGreaterThan(1)
})

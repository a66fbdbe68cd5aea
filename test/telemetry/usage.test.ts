import { describe, expect, test } from 'bun:test'
import { addEncoded, BUCKETS, bucketOf, encodeHistogram, quantile } from '../../src/telemetry/latency.ts'
import { MOST_CELLS, OTHERS, Place, statusClass, UNKNOWN, UsageCounter } from '../../src/telemetry/usage.ts'

const place = (endpoint = 'e') => new Place({ projectId: 1, service: 's', endpoint, deployment: '' })
const MINUTE = 60_000
const T0 = Date.parse('2026-05-01T00:00:00Z')

describe('latencies', () => {
  test('any share of any times is told to 10 %, from 0.05 ms to 5 minutes', () => {
    let seed = 7
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    for (let round = 0; round < 200; round++) {
      const low = 0.05 * 10 ** (random() * 5)
      const times = Array.from({ length: 1 + Math.floor(random() * 400) }, () =>
        Math.min(300_000, low * 10 ** (random() * 3)),
      ).sort((a, b) => a - b)
      const histogram = new Uint32Array(BUCKETS)
      for (const ms of times) histogram[bucketOf(ms)]!++
      for (const share of [0.5, 0.95, 0.99]) {
        const exact = times[Math.ceil(times.length * share) - 1]!
        expect(Math.abs(quantile(histogram, share)! / exact - 1)).toBeLessThan(0.1)
      }
    }
  })
  test('of nothing there is none, and odd times have a bucket', () => {
    expect(quantile(new Uint32Array(BUCKETS), 0.5)).toBeNull()
    expect([Number.NaN, -5, 0].map(bucketOf)).toEqual([0, 0, 0])
    expect([Number.POSITIVE_INFINITY, 1e12].map(bucketOf)).toEqual([BUCKETS - 1, BUCKETS - 1])
  })
  test('are the same when they were stored and added up', () => {
    const [a, b] = [new Float64Array(BUCKETS), new Float64Array(BUCKETS)]
    for (let i = 0; i < BUCKETS; i += 3) a[i] = i % 2 ? 2 ** 40 + i : i
    for (let i = 0; i < BUCKETS; i += 7) b[i] = 1
    const sum = new Float64Array(BUCKETS)
    addEncoded(encodeHistogram(a), sum)
    addEncoded(encodeHistogram(b), sum)
    expect([...sum]).toEqual([...a].map((count, i) => count + b[i]!))
    expect(encodeHistogram(new Uint32Array(BUCKETS))).toHaveLength(0)
    addEncoded(Uint8Array.of(255, 255, 255, 1), sum)
    expect(sum).toHaveLength(BUCKETS)
  })
})

describe('a counter', () => {
  test('tells minutes, places, keys and statuses apart, and gives each count away once', () => {
    const counter = new UsageCounter()
    const [a, b] = [place('a'), place('b')]
    counter.count(a, 1, 200, 5, T0)
    counter.count(a, 1, 201, 5, T0 + 59_999)
    counter.count(a, 2, 200, 5, T0)
    counter.count(a, 1, 404, 5, T0)
    counter.count(b, 1, 200, 5, T0)
    counter.count(a, 1, 200, 5, T0 + MINUTE)
    const taken = counter.take()
    const told = taken.map(cell => [cell.place.endpoint, cell.keyId, cell.status, cell.minute - T0 / 1000, cell.calls])
    expect(told).toEqual([
      ['a', 1, 200, 0, 2],
      ['a', 2, 200, 0, 1],
      ['a', 1, 404, 0, 1],
      ['b', 1, 200, 0, 1],
      ['a', 1, 200, 60, 1],
    ])
    expect(counter.take()).toEqual([])
    counter.count(a, 1, 200, 5, T0 + MINUTE)
    expect(counter.take().map(cell => cell.calls)).toEqual([1])
    expect(taken[4]!.calls).toBe(1)
  })
  test('goes on through a clock that is set back', () => {
    const counter = new UsageCounter()
    const a = place()
    for (const at of [T0, T0 - MINUTE, T0]) counter.count(a, 1, 200, 5, at)
    expect(counter.take().map(cell => [cell.minute - T0 / 1000, cell.calls])).toEqual([
      [0, 1],
      [-60, 1],
      [0, 1],
    ])
  })
  test('tells so many keys apart in a minute and no more; none of the calls is lost', () => {
    const counter = new UsageCounter()
    const a = place()
    for (let round = 0; round < 2; round++)
      for (let key = 1; key <= MOST_CELLS + 500; key++) counter.count(a, key, 200, 1, T0)
    counter.count(a, UNKNOWN, 401, 1, T0)
    const taken = counter.take()
    expect(taken).toHaveLength(MOST_CELLS + 2)
    expect(taken.find(cell => cell.keyId === OTHERS)!.calls).toBe(1000)
    expect(taken.reduce((sum, cell) => sum + cell.calls, 0)).toBe(2 * (MOST_CELLS + 500) + 1)
  })
  test('keeps no latency of refusals', () => {
    const counter = new UsageCounter()
    const a = place()
    for (const status of [200, 304, 404, 429, 500]) counter.count(a, 1, status, 1, T0)
    expect(counter.take().map(cell => cell.latency !== undefined)).toEqual([true, true, false, false, true])
  })
})

test('statuses are told apart where it matters', () => {
  const statuses = [101, 200, 201, 204, 299, 301, 304, 307, 400, 404, 429, 499, 500, 503, 504, 999, 0, Number.NaN]
  expect(statuses.map(statusClass)).toEqual([
    100, 200, 200, 200, 200, 300, 304, 300, 400, 404, 429, 499, 500, 503, 504, 500, 500, 500,
  ])
})

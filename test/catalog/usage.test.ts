import { afterEach, beforeEach, describe, expect, setSystemTime, test } from 'bun:test'
import { usage, usageSeries } from '../../db/schema.ts'
import { STEPS, UsageLog } from '../../src/catalog/usage.ts'
import { type Dimension, type Period, readUsage } from '../../src/catalog/usage-report.ts'
import { Place, UsageCounter } from '../../src/telemetry/usage.ts'
import { openCatalog } from './catalog-fixture.ts'

let catalog: ReturnType<typeof openCatalog>
let counter: UsageCounter
let log: UsageLog
let uptime: number
const place = (endpoint: string, projectId = 1) => new Place({ projectId, service: 's', endpoint, deployment: '' })
let a: Place
const T0 = Date.parse('2026-05-01T00:00:00Z')
const HOUR = 3_600_000
const DAY = 24 * HOUR

beforeEach(() => {
  setSystemTime(new Date(T0))
  catalog = openCatalog()
  counter = new UsageCounter()
  a = place('a')
  uptime = 0
  log = new UsageLog(catalog.db, counter, () => uptime)
})
afterEach(() => {
  setSystemTime()
  catalog.close()
})

/** Lets time pass on both clocks. */
function pass(ms: number): void {
  setSystemTime(new Date(Date.now() + ms))
  uptime += ms
}
const call = (at = a, keyId = 1, status = 200) => counter.count(at, keyId, status, 5, Date.now())
const rows = (step: keyof typeof STEPS) =>
  catalog.db
    .select()
    .from(usage)
    .all()
    .filter(row => row.step === STEPS[step].seconds)
const sum = (step: keyof typeof STEPS) => rows(step).reduce((total, row) => total + row.calls, 0)
const read = (period: Partial<Period> = {}, groupBy: Dimension[] = []) =>
  readUsage(catalog.db, {}, { step: 'day', from: T0 / 1000 - 86_400, to: T0 / 1000 + 86_400, ...period }, groupBy)

describe('what is written', () => {
  test('is in the minute, hour and day of the call, and adds up over many flushes', async () => {
    for (let i = 0; i < 130; i++) {
      call()
      call(place('b'), 2, i % 2 ? 429 : 500)
      log.flush()
      pass(30_000)
    }
    expect([rows('minute').length, rows('hour').length, rows('day').length]).toEqual([65 * 3, 2 * 3, 3])
    expect([sum('minute'), sum('hour'), sum('day')]).toEqual([260, 260, 260])
    const { totals } = await read()
    expect([totals.calls, totals.between(200, 299), totals.between(429, 429), totals.between(500, 599)]).toEqual([
      260, 130, 65, 65,
    ])
    expect(totals.latency(0.5)).toBeCloseTo(5, 0)
  })
  test('waits when it cannot be written, and is counted once when it can', () => {
    call()
    catalog.db.$client.run('PRAGMA query_only = 1')
    expect(() => log.flush()).toThrow()
    call()
    expect(() => log.flush()).toThrow()
    catalog.db.$client.run('PRAGMA query_only = 0')
    expect(log.flush()).toBe(false)
    expect([sum('minute'), sum('hour'), sum('day')]).toEqual([2, 2, 2])
    log.flush()
    expect(sum('day')).toBe(2)
  })
  test('is whole when a part of it fails: series made in vain are made anew', () => {
    catalog.db.$client.run(
      "CREATE TRIGGER no BEFORE INSERT ON usage WHEN new.step = 3600 BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    call()
    expect(() => log.flush()).toThrow()
    expect([rows('minute'), catalog.db.select().from(usageSeries).all()]).toEqual([[], []])
    catalog.db.$client.run('DROP TRIGGER no')
    log.flush()
    expect(sum('hour')).toBe(1)
    expect(catalog.db.select().from(usageSeries).all()).toHaveLength(1)
  })
  test('in parts is the same', async () => {
    for (let key = 1; key <= 1100; key++) call(a, key)
    expect(log.flush(400)).toBe(true)
    expect(sum('day')).toBe(400)
    await log.flushInParts()
    expect([sum('minute'), sum('day'), rows('day').length]).toEqual([1100, 1100, 1100])
  })
  test('in parts has an end, also while others call: what they do is for the next time', async () => {
    for (let key = 1; key <= 250; key++) call(a, key)
    const writing = log.flushInParts()
    expect(sum('day')).toBeLessThan(250)
    call(a, 1000)
    await writing
    expect(sum('day')).toBe(250)
    await log.flushInParts()
    expect(sum('day')).toBe(251)
  })
})

describe('what is kept', () => {
  test('minutes go after 2 days, hours after 90, days after 5 years; each for itself', () => {
    call()
    log.flush()
    const left = () =>
      (['minute', 'hour', 'day'] as const).map(step => rows(step).filter(r => r.at <= T0 / 1000).length)
    const after = (ms: number) => {
      pass(ms)
      call()
      log.flush()
      return left()
    }
    expect(after(2 * DAY)).toEqual([1, 1, 1])
    expect(after(HOUR)).toEqual([0, 1, 1])
    expect(after(88 * DAY - HOUR)).toEqual([0, 1, 1])
    expect(after(2 * HOUR)).toEqual([0, 0, 1])
    expect(after(5 * 365 * DAY - 90 * DAY)).toEqual([0, 0, 1])
    expect(after(2 * DAY)).toEqual([0, 0, 0])
    expect(catalog.db.select().from(usageSeries).all()).toHaveLength(1)
    expect(after(6 * 365 * DAY)).toEqual([0, 0, 0])
    expect(sum('day')).toBe(1)
  })
  test('much that is kept no longer goes a part at a time; what is called again meanwhile keeps its name', async () => {
    const client = catalog.db.$client
    const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)'
    client.run(`${numbers} INSERT INTO usage_series SELECT i, 1, 's', 'old' || i, '', 1, 200 FROM n`)
    client.run(`${numbers} INSERT INTO usage SELECT 86400, ${T0 / 1000}, i, 1, x'' FROM n`)
    pass(6 * 365 * DAY)
    call()
    const left = new Set<number>()
    while (log.flush(100)) {
      if (rows('day').length === 1) call(place('old77'))
      left.add(rows('day').length)
    }
    expect([...left]).toEqual([5001, 3001, 1001, 1, 2])
    const series = catalog.db.select().from(usageSeries).all()
    expect(series.map(({ id, endpoint }) => [id, endpoint])).toEqual([
      [77, 'old77'],
      [5001, 'a'],
    ])
  })
  test('what nobody calls any longer goes also where its removal fails at first', () => {
    for (let key = 1; key <= 3000; key++) call(a, key)
    log.flush()
    pass(6 * 365 * DAY)
    call()
    const client = catalog.db.$client
    client.run(`CREATE TRIGGER fails BEFORE DELETE ON usage_series BEGIN SELECT RAISE(ABORT, 'no'); END`)
    expect(() => log.flush()).toThrow('no')
    client.run('DROP TRIGGER fails')
    pass(HOUR)
    call()
    log.flush()
    expect([rows('day').length, catalog.db.select().from(usageSeries).all().length]).toEqual([1, 1])
  })
  test('a clock that jumps ahead for a while takes nothing away, and what it left in days to come goes', () => {
    call()
    log.flush()
    setSystemTime(new Date(T0 + 3650 * DAY)) // and no time has passed
    call()
    log.flush()
    expect([rows('minute').length, rows('hour').length, rows('day').length]).toEqual([2, 2, 2])
    setSystemTime(new Date(T0))
    pass(1000)
    call()
    log.flush()
    for (let i = 0; i < 5; i++) {
      pass(HOUR / 4)
      call()
      log.flush()
    }
    expect(rows('day').map(row => row.at)).toEqual([T0 / 1000])
    expect(sum('day')).toBe(7)
    expect(sum('minute')).toBe(7)
  })
  test('there is a bound to the rows of a step: the oldest go first', () => {
    call()
    log.flush()
    const [{ seriesId } = { seriesId: 0 }] = rows('minute')
    const client = catalog.db.$client
    const early = T0 / 1000 - 86_400
    client.run(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 500010)
       INSERT INTO usage SELECT 60, ${early} + 60 * (i / 1000), 1000 + i % 1000, 1, x'' FROM n`,
    )
    const fresh = new UsageLog(catalog.db, counter, () => uptime)
    call()
    fresh.flush()
    const count = () => (client.query('SELECT count(*) n FROM usage WHERE step = 60').get() as { n: number }).n
    expect(count()).toBeLessThanOrEqual(500_000)
    expect(count()).toBeGreaterThan(498_000)
    const oldest = client.query('SELECT min(at) at FROM usage WHERE step = 60').get() as { at: number }
    expect(oldest.at).toBe(early + 60)
    expect(rows('day').find(row => row.seriesId === seriesId)!.calls).toBe(2)
  })
})

describe('what is read', () => {
  test('is of the projects in scope only, and of the steps asked for', async () => {
    call()
    call(place('a', 2))
    call(place('', 0), -1, 401)
    log.flush()
    const inProjects = async (projectIds?: number[]) =>
      (await readUsage(catalog.db, { projectIds }, { step: 'minute', from: T0 / 1000, to: T0 / 1000 + 60 })).totals
        .calls
    expect([await inProjects(), await inProjects([1]), await inProjects([2, 1]), await inProjects([])]).toEqual([
      3, 1, 2, 0,
    ])
    expect((await read({ from: T0 / 1000 + 86_400, to: T0 / 1000 + 2 * 86_400 })).totals.calls).toBe(0)
  })
  test('is found among thousands of others, wherever in them it is', async () => {
    for (let key = 1; key <= 1200; key++) call(a, key)
    log.flush()
    const callsOf = async (keyId: number) =>
      (await readUsage(catalog.db, { keyId }, { step: 'minute', from: T0 / 1000, to: T0 / 1000 + 60 })).totals.calls
    const keys = [1, 500, 501, 1000, 1001, 1200, 1201]
    expect(await Promise.all(keys.map(callsOf))).toEqual([1, 1, 1, 1, 1, 1, 0])
    expect((await read()).totals.calls).toBe(1200)
  })
  test('too many groups are refused before they take all memory', async () => {
    for (let key = 1; key <= 9000; key++) for (const status of [200, 404, 500]) call(a, key, status)
    for (let minute = 0; minute < 3; minute++) {
      pass(60_000)
      for (let key = 1; key <= 9000; key++) call(a, key + minute * 9000)
    }
    log.flush()
    await expect(read({}, ['key', 'status'])).rejects.toThrow('There are too many groups')
    expect((await read({}, ['status'])).groups).toHaveLength(3)
  })
  test('a group knows its last step; unknown keys are left out where nobody asks for them', async () => {
    call(a, 7)
    call(a, -1, 401)
    pass(3 * DAY)
    call(a, 7, 404)
    log.flush()
    const period: Period = { step: 'hour', from: T0 / 1000 - 3600, to: T0 / 1000 + 4 * 86_400 }
    const { groups } = await readUsage(catalog.db, { known: true }, period, ['key'])
    expect(groups.map(({ names, sums, last }) => [names.keyId, sums.calls, last])).toEqual([[7, 2, 73]])
  })
})

/** What was called, kept: written from what was counted in memory, in steps of a minute, an hour and a day. */
import { and, count, eq, gt, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { usage, usageSeries } from '../../db/schema.ts'
import { addEncoded, BUCKETS, encodeHistogram } from '../telemetry/latency.ts'
import { errorFields, log } from '../telemetry/log.ts'
import type { Cell, UsageCounter } from '../telemetry/usage.ts'
import { transaction } from './store.ts'

/** Seconds of each step, and how long its rows are kept. */
export const STEPS = {
  minute: { seconds: 60, kept: 2 * 86_400 },
  hour: { seconds: 3600, kept: 90 * 86_400 },
  day: { seconds: 86_400, kept: 5 * 365 * 86_400 },
} as const
export type Step = keyof typeof STEPS

/** Rows of one step; beyond it the oldest go before their time. A row takes 30 to 100 bytes. */
const MOST_ROWS = 500_000
/** Cells of one part: some milliseconds. */
const CELLS_AT_ONCE = 100
/** Rows and series of one part of what is removed, the same. */
const ROWS_AT_ONCE = 2000
const SERIES_AT_ONCE = 500
/** What could not be written waits, up to so many cells. */
const MOST_WAITING = 50_000
const MOST_KNOWN_SERIES = 50_000
/** How long a clock must have run on evenly before anything is removed by it, in milliseconds; and what is even. */
const STEADY_MS = 3_600_000
const UNEVEN_MS = 60_000

/**
 * Writes what was counted. Every call goes into the minute, the hour and the day that it is in, all in one transaction, so
 * that no step is ever made from another: their sums are equal whatever happens to the process or its clock.
 */
export class UsageLog {
  #db: Db
  #counter: UsageCounter
  #uptime: () => number
  #waiting: Cell[] = []
  #series = new Map<string, number>()
  /** of each step, once they are counted */
  #rows: Partial<Record<Step, number>> = {}
  #pruning: Generator<void, void> | undefined
  /** series that are called while those that nobody calls any longer are looked for */
  #called: Set<number> | undefined
  /** days were removed, and what nobody calls any longer was not looked for since */
  #unswept = false
  /** when the clock last jumped */
  #even: { clock: number; uptime: number }
  #statements: ReturnType<typeof prepare>

  /** @param uptime milliseconds of a clock that nobody sets */
  constructor(db: Db, counter: UsageCounter, uptime = () => performance.now()) {
    this.#db = db
    this.#counter = counter
    this.#uptime = uptime
    this.#even = { clock: Date.now(), uptime: uptime() }
    this.#statements = prepare(db)
  }

  /**
   * Writes what was counted since the last time, and removes what is too old.
   * @param most cells of this time, and a part of what is removed. @returns whether there are more
   * @throws what the database does: then what is left of it waits for the next time
   */
  flush(most = Number.POSITIVE_INFINITY): boolean {
    this.#take()
    return this.#writePart(most)
  }

  /**
   * The same in several transactions, with pauses in which calls are served; those are counted, and wait for the next time. What
   * cannot be written is logged and waits: whoever reads gets what is there.
   */
  async flushInParts(): Promise<void> {
    try {
      this.#take()
      while (this.#writePart(CELLS_AT_ONCE)) await Bun.sleep(0)
    } catch (error) {
      log.warn(errorFields(error), 'usage could not be written: it waits for the next time')
    }
  }

  #take(): void {
    this.#waiting = this.#waiting.concat(this.#counter.take()).slice(-MOST_WAITING)
  }

  #writePart(most: number): boolean {
    const cells = this.#waiting.slice(0, most)
    if (cells.length > 0) {
      this.#transaction(() => {
        for (const cell of cells) this.#write(cell)
      })
      this.#waiting = this.#waiting.slice(cells.length)
      this.#pruning ??= this.#prune()
    }
    while (this.#waiting.length === 0 && this.#pruning) {
      const pruning = this.#pruning
      this.#pruning = undefined // one that fails begins anew with the next time
      this.#transaction(() => {
        if (!pruning.next().done) this.#pruning = pruning
      })
      if (most !== Number.POSITIVE_INFINITY) break
    }
    return this.#waiting.length > 0 || this.#pruning !== undefined
  }

  #transaction(work: () => void): void {
    try {
      transaction(this.#db, work)
    } catch (error) {
      // what was made and removed in it is not
      this.#series.clear()
      this.#rows = {}
      this.#pruning = undefined
      throw error
    }
  }

  #write({ place, minute, keyId, status, calls, latency }: Cell): void {
    const { insert, find, update } = this.#statements
    const seriesId = this.#seriesOf({ ...place, keyId, status })
    const encoded = Buffer.from(latency ? encodeHistogram(latency) : [])
    for (const [name, { seconds: step }] of Object.entries(STEPS) as [Step, { seconds: number }][]) {
      const row = { step, at: minute - (minute % step), seriesId }
      if (insert.get({ ...row, calls, latency: encoded })) {
        if (this.#rows[name] !== undefined) this.#rows[name]++
        continue
      }
      const before = find.get(row)!
      const sum = new Float64Array(BUCKETS)
      addEncoded(before.latency, sum)
      addEncoded(encoded, sum)
      update.run({ ...row, calls: before.calls + calls, latency: Buffer.from(encodeHistogram(sum)) })
    }
  }

  #seriesOf(names: typeof usageSeries.$inferInsert): number {
    const { projectId, service, endpoint, deployment, keyId, status } = names
    const known = JSON.stringify([projectId, service, endpoint, deployment, keyId, status])
    let id = this.#series.get(known)
    if (id === undefined) {
      const { findSeries, insertSeries } = this.#statements
      id = (findSeries.get(names) ?? insertSeries.get(names))!.id
      if (this.#series.size >= MOST_KNOWN_SERIES) this.#series.clear()
      this.#series.set(known, id)
    }
    this.#called?.add(id)
    return id
  }

  /**
   * Removes what is kept no longer, and what a clock that was ahead left in days to come. A clock that jumps removes nothing:
   * only one that has run on evenly for an hour does. What there is too much of goes in any case. All of it some thousand rows at
   * a time, each in a transaction.
   */
  *#prune(): Generator<void, void> {
    const clock = Date.now()
    const uptime = this.#uptime()
    if (Math.abs(clock - this.#even.clock - (uptime - this.#even.uptime)) > UNEVEN_MS) this.#even = { clock, uptime }
    const steady = uptime - this.#even.uptime >= STEADY_MS
    const now = Math.floor(clock / 1000)
    this.#called = undefined
    for (const [name, { seconds: step, kept }] of Object.entries(STEPS) as [
      Step,
      { seconds: number; kept: number },
    ][]) {
      const ofStep = eq(usage.step, step)
      if (this.#rows[name] === undefined) {
        this.#rows[name] = this.#db.select({ n: count() }).from(usage).where(ofStep).get()!.n
        yield
      }
      if (steady) {
        yield* this.#remove(name, and(ofStep, lt(usage.at, now - kept - step)))
        yield* this.#remove(name, and(ofStep, gt(usage.at, now + 86_400)))
      }
      const excess = this.#rows[name]! - MOST_ROWS
      if (excess > 0) {
        const [last] = this.#db
          .select({ at: usage.at })
          .from(usage)
          .where(ofStep)
          .orderBy(usage.at)
          .limit(1)
          .offset(excess - 1)
          .all()
        yield* this.#remove(name, and(ofStep, lt(usage.at, last!.at + 1)))
      }
    }
    if (this.#unswept) yield* this.#forgetSeries()
  }

  *#remove(name: Step, where: SQL | undefined): Generator<void, void> {
    const key = sql`(${usage.step}, ${usage.at}, ${usage.seriesId})`
    const some = this.#db
      .select({ step: usage.step, at: usage.at, seriesId: usage.seriesId })
      .from(usage)
      .where(where)
      .orderBy(usage.at, usage.seriesId)
      .limit(ROWS_AT_ONCE)
    for (;;) {
      const { changes } = this.#db.delete(usage).where(sql`${key} IN ${some}`).run() as unknown as { changes: number }
      this.#rows[name]! -= changes
      if (name === 'day' && changes > 0) this.#unswept = true
      if (changes < ROWS_AT_ONCE) return
      yield
    }
  }

  /** Removes the series of which no day is left. */
  *#forgetSeries(): Generator<void, void> {
    const called = new Set<number>()
    this.#called = called
    const next = this.#db
      .select({ at: usage.at, seriesId: usage.seriesId })
      .from(usage)
      .where(
        and(
          eq(usage.step, STEPS.day.seconds),
          sql`(${usage.at}, ${usage.seriesId}) > (${sql.placeholder('at')}, ${sql.placeholder('seriesId')})`,
        ),
      )
      .orderBy(usage.at, usage.seriesId)
      .limit(ROWS_AT_ONCE)
      .prepare()
    for (let last = { at: 0, seriesId: 0 }, rows = next.all(last); rows.length > 0; rows = next.all(last)) {
      for (const { seriesId } of rows) called.add(seriesId)
      last = rows.at(-1)!
      yield
    }
    for (let after = 0, ids: number[]; ; after = ids.at(-1)!) {
      ids = this.#db
        .select({ id: usageSeries.id })
        .from(usageSeries)
        .where(gt(usageSeries.id, after))
        .orderBy(usageSeries.id)
        .limit(SERIES_AT_ONCE)
        .all()
        .map(({ id }) => id)
      const gone = ids.filter(id => !called.has(id))
      if (gone.length > 0) this.#db.delete(usageSeries).where(inArray(usageSeries.id, gone)).run()
      this.#series.clear()
      if (ids.length < SERIES_AT_ONCE) break
      yield
    }
    this.#called = undefined
    this.#unswept = false
  }
}

function prepare(db: Db) {
  const given = sql.placeholder
  const row = and(eq(usage.step, given('step')), eq(usage.at, given('at')), eq(usage.seriesId, given('seriesId')))
  const series = {
    projectId: given('projectId'),
    service: given('service'),
    endpoint: given('endpoint'),
    deployment: given('deployment'),
    keyId: given('keyId'),
    status: given('status'),
  }
  const sameSeries = Object.entries(series).map(([name, value]) => eq(usageSeries[name as keyof typeof series], value))
  return {
    insert: db
      .insert(usage)
      .values({
        step: given('step'),
        at: given('at'),
        seriesId: given('seriesId'),
        calls: given('calls'),
        latency: given('latency'),
      })
      .onConflictDoNothing()
      .returning({ calls: usage.calls })
      .prepare(),
    find: db.select({ calls: usage.calls, latency: usage.latency }).from(usage).where(row).prepare(),
    update: db
      .update(usage)
      .set({ calls: sql`${given('calls')}`, latency: sql`${given('latency')}` })
      .where(row)
      .prepare(),
    findSeries: db
      .select({ id: usageSeries.id })
      .from(usageSeries)
      .where(and(...sameSeries))
      .prepare(),
    insertSeries: db.insert(usageSeries).values(series).returning({ id: usageSeries.id }).prepare(),
  }
}

/** Reads usage: sums over time and groups, with latencies from the histograms that were merged. */
import { and, eq, gt, gte, inArray, lte, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { usage, usageSeries } from '../../db/schema.ts'
import { unprocessable } from '../lib/fault.ts'
import { slices } from '../lib/slices.ts'
import { addEncoded, BUCKETS, quantile } from '../telemetry/latency.ts'
import { UNKNOWN } from '../telemetry/usage.ts'
import { STEPS, type Step } from './usage.ts'

/** By what calls are told apart; what it is below comes with it (an endpoint's service, a service's project). */
export const DIMENSIONS = ['project', 'service', 'endpoint', 'deployment', 'key', 'status'] as const
export type Dimension = (typeof DIMENSIONS)[number]

export interface UsageFilter {
  /** undefined: all, and what is nobody's */
  projectIds?: number[]
  service?: string
  endpoint?: string
  deployment?: string
  /** a key's id, or one of those below 1 (telemetry/usage.ts) */
  keyId?: number
  /** ranges of statuses, each with both ends */
  statuses?: readonly (readonly [number, number])[]
  /** leave out calls without a key that somebody has, but the public's */
  known?: boolean
}

/** Steps from the first to the last that has a part in the time asked for. */
export interface Period {
  step: Step
  /** seconds since the epoch, both whole steps; `to` is the end, not the last step */
  from: number
  to: number
}

/** What a group has in common; null: none, or (a service of endpoints) no service. */
export interface GroupNames {
  projectId?: number
  service?: string | null
  endpoint?: string | null
  deployment?: string | null
  keyId?: number
  status?: number
}

/** Calls by how they ended, and how long those took that were not refused. */
export class Sums {
  calls = 0
  /** by status, as it is kept */
  readonly statuses = new Map<number, number>()
  #latency: Float64Array | undefined

  add({ status, calls, latency }: Pick<Row, 'status' | 'calls' | 'latency'>): void {
    this.calls += calls
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + calls)
    if (latency.length === 0) return
    this.#latency ??= new Float64Array(BUCKETS)
    addEncoded(latency, this.#latency)
  }

  /** Calls with a status of a range, both ends in it. */
  between(first: number, last: number): number {
    let sum = 0
    for (const [status, calls] of this.statuses) if (status >= first && status <= last) sum += calls
    return sum
  }

  /** Milliseconds that a share of the calls took at most, to 9 %; null: none was served. */
  latency(share: number): number | null {
    return this.#latency ? quantile(this.#latency, share) : null
  }
}

export interface Group {
  names: GroupNames
  sums: Sums
  /** by step, counted from the period's first; where there were calls */
  calls: Map<number, number>
  steps: Map<number, Sums>
  /** the last step in which there was a call */
  last: number
}

/** What a report has of each group: its sums; its calls by step too; or the sums of each step too. */
type Detail = 'sums' | 'calls' | 'steps'

export interface Report {
  totals: Sums
  steps: Map<number, Sums>
  groups: Group[]
}

/** Rows that are read at a time. */
const ROWS_AT_ONCE = 500
/** Groups that one report may have, and steps of groups: what they take in memory is bounded so. */
const MOST_GROUPS = 20_000
const MOST_STEPS: Record<Detail, number> = { sums: Number.POSITIVE_INFINITY, calls: 500_000, steps: 50_000 }

/**
 * Sums of a period. It is read step by step, with pauses in which calls are served.
 * @param groupBy empty: no groups
 * @throws Fault 422 there is too much to tell apart
 */
export async function readUsage(
  db: Db,
  filter: UsageFilter,
  { step, from, to }: Period,
  groupBy: readonly Dimension[] = [],
  detail: Detail = 'sums',
): Promise<Report> {
  const { seconds } = STEPS[step]
  const rowsAfter = rowsOf(db, filter, seconds)
  const report: Report = { totals: new Sums(), steps: new Map(), groups: [] }
  const groups = new Groups(groupBy, detail)
  const others = slices()
  for (let at = from; at < to; at += seconds) {
    const index = (at - from) / seconds
    for (let after = 0; after !== Number.POSITIVE_INFINITY; ) {
      const { rows, last } = rowsAfter(at, after)
      for (const row of rows) {
        report.totals.add(row)
        inMap(report.steps, index).add(row)
        if (groupBy.length > 0) groups.add(row, index)
      }
      const wait = others()
      if (wait) await wait
      after = last
    }
  }
  report.groups = groups.all()
  return report
}

class Groups {
  #groupBy: readonly Dimension[]
  #detail: Detail
  #byNames = new Map<string, Group>()
  #steps = 0

  constructor(groupBy: readonly Dimension[], detail: Detail) {
    this.#groupBy = groupBy
    this.#detail = detail
  }

  /** @throws Fault 422 */
  add(row: Row, index: number): void {
    const names = namesOf(row, this.#groupBy)
    const id = JSON.stringify(names)
    let group = this.#byNames.get(id)
    if (!group) {
      group = { names, sums: new Sums(), calls: new Map(), steps: new Map(), last: index }
      this.#byNames.set(id, group)
    }
    group.sums.add(row)
    group.last = index
    const before = group.calls.get(index)
    if (before === undefined && this.#detail !== 'sums') this.#steps++
    if (this.#byNames.size > MOST_GROUPS || this.#steps > MOST_STEPS[this.#detail])
      throw unprocessable('There are too many groups: ask for a shorter time, a larger step, or less in group_by.')
    if (this.#detail !== 'sums') group.calls.set(index, (before ?? 0) + row.calls)
    if (this.#detail === 'steps') inMap(group.steps, index).add(row)
  }

  all = (): Group[] => [...this.#byNames.values()]
}

interface Row {
  projectId: number
  service: string
  endpoint: string
  deployment: string
  keyId: number
  status: number
  calls: number
  latency: Uint8Array
}

/**
 * @returns of the next rows of one step of time, after a series, those that are wanted; and the last series that was looked at,
 * Infinity: there are no more. So many are looked at, whatever is wanted: rows that are not take their time, too
 */
function rowsOf(
  db: Db,
  filter: UsageFilter,
  step: number,
): (at: number, after: number) => { rows: Row[]; last: number } {
  const { projectId, service, endpoint, deployment, keyId, status } = usageSeries
  const { seriesId, calls, latency } = usage
  const given = sql.placeholder
  const next = and(eq(usage.step, step), eq(usage.at, given('at')), gt(seriesId, given('after')))
  const end = db
    .select({ seriesId })
    .from(usage)
    .where(next)
    .orderBy(seriesId)
    .limit(1)
    .offset(ROWS_AT_ONCE - 1)
    .prepare()
  const statement = db
    .select({ projectId, service, endpoint, deployment, keyId, status, calls, latency })
    .from(usage)
    .innerJoin(usageSeries, eq(usageSeries.id, seriesId))
    .where(and(next, lte(seriesId, given('last')), ...wanted(filter)))
    .prepare()
  return (at, after) => {
    const last = end.get({ at, after })?.seriesId
    return {
      rows: statement.all({ at, after, last: last ?? Number.MAX_SAFE_INTEGER }),
      last: last ?? Number.POSITIVE_INFINITY,
    }
  }
}

function wanted({
  projectIds,
  service,
  endpoint,
  deployment,
  keyId,
  statuses,
  known,
}: UsageFilter): (SQL | undefined)[] {
  const given: (SQL | undefined)[] = []
  if (projectIds) given.push(inArray(usageSeries.projectId, projectIds))
  if (service !== undefined) given.push(eq(usageSeries.service, service))
  if (endpoint !== undefined) given.push(eq(usageSeries.endpoint, endpoint))
  if (deployment !== undefined) given.push(eq(usageSeries.deployment, deployment))
  if (keyId !== undefined) given.push(eq(usageSeries.keyId, keyId))
  if (known) given.push(ne(usageSeries.keyId, UNKNOWN))
  if (statuses)
    given.push(
      or(...statuses.map(([first, last]) => and(gte(usageSeries.status, first), lte(usageSeries.status, last)))),
    )
  return given
}

function namesOf(row: Row, groupBy: readonly Dimension[]): GroupNames {
  const names: GroupNames = {}
  if (groupBy.some(dimension => dimension !== 'status')) names.projectId = row.projectId
  if (groupBy.includes('service') || groupBy.includes('endpoint')) names.service = row.service || null
  if (groupBy.includes('endpoint')) names.endpoint = row.endpoint || null
  if (groupBy.includes('deployment')) names.deployment = row.deployment || null
  if (groupBy.includes('key')) names.keyId = row.keyId
  if (groupBy.includes('status')) names.status = row.status
  return names
}

function inMap(steps: Map<number, Sums>, index: number): Sums {
  let sums = steps.get(index)
  if (!sums) {
    sums = new Sums()
    steps.set(index, sums)
  }
  return sums
}

/** Usage over the API: how often what was called, by whom, how it ended and how long it took. */
import { type Group, readUsage, type UsageFilter } from '../catalog/usage-report.ts'
import { unprocessable } from '../lib/fault.ts'
import { slices } from '../lib/slices.ts'
import type { ManagementContext, SignedIn } from './context.ts'
import { json, wholeNumber } from './respond.ts'
import { filterOf, groupingOf, isoOf, parametersOf, periodOf, projectIdsInScope } from './usage-query.ts'
import { callsOf, csvOf, endsOf, namer, seriesOf, statusesOf } from './usage-view.ts'

const FILTERS = ['from', 'to', 'step', 'service', 'endpoint', 'deployment', 'key', 'status']

/** `GET /api/usage`: totals, a series in time, and both for each group of `group_by`; as CSV a line for each step and group. */
export async function usageOf(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const params = parametersOf(request, [...FILTERS, 'group_by', 'limit', 'format'])
  const format = formatOf(params, request.headers.get('accept'))
  const filter = { ...filterOf(params), projectIds: projectIdsInScope(context, request, who) }
  const period = periodOf(params)
  const groupBy = groupingOf(params)
  const limit = wholeNumber(new URL(request.url), 'limit', 100, 1000)
  await context.usage.flushInParts()
  const report = await readUsage(context.db, filter, period, groupBy, format === 'csv' ? 'steps' : 'calls')
  const named = namer(context, report.groups)
  if (format === 'csv') return csvOf(report, period, groupBy, named, request.method)
  const groups = []
  const others = slices()
  if (groupBy.length > 0)
    for (const group of sortedBy(report.groups, ({ sums }) => sums.calls).slice(0, limit)) {
      groups.push({ ...named(group.names), ...endsOf(group.sums), series: callsOf(group, period) })
      const wait = others()
      if (wait) await wait
    }
  return json({
    from: isoOf(period.from),
    to: isoOf(period.to),
    step: period.step,
    totals: { ...endsOf(report.totals), statuses: statusesOf(report.totals) },
    series: seriesOf(report, period),
    ...(groupBy.length > 0 ? { groups, group_count: report.groups.length } : {}),
  })
}

/** `GET /api/usage/top`: what is slow, which keys were throttled, and what is published and nobody calls. */
export async function topOf(context: ManagementContext, request: Request, who: SignedIn): Promise<Response> {
  const params = parametersOf(request, [...FILTERS, 'limit'])
  const filter = { ...filterOf(params), projectIds: projectIdsInScope(context, request, who) }
  const period = periodOf(params)
  const limit = wholeNumber(new URL(request.url), 'limit', 10, 1000)
  await context.usage.flushInParts()
  const places = await readUsage(context.db, filter, period, ['endpoint', 'deployment'])
  const throttledBy = ['key', 'endpoint', 'deployment'] as const
  const refused = await readUsage(context.db, { ...filter, statuses: [[429, 429]] }, period, throttledBy)
  const known = { projectIds: filter.projectIds, known: true }
  const called = await readUsage(context.db, known, period, ['endpoint', 'deployment'])
  const uncalled = uncalledOf(context, filter, called.groups)
  const named = namer(context, refused.groups)
  const served = places.groups.filter(({ sums }) => sums.latency(0.5) !== null)
  return json({
    from: isoOf(period.from),
    to: isoOf(period.to),
    step: period.step,
    slowest: sortedBy(served, ({ sums }) => sums.latency(0.95)!)
      .slice(0, limit)
      .map(group => ({ ...named(group.names), ...endsOf(group.sums) })),
    throttled: sortedBy(refused.groups, ({ sums }) => sums.calls)
      .slice(0, limit)
      .map(({ names, sums }) => ({ ...named(names), throttled: sums.calls })),
    uncalled: uncalled.slice(0, limit),
    uncalled_count: uncalled.length,
  })
}

/** What is published, in scope, and called by no key and nobody else. Calls with unknown keys are nobody's. */
function uncalledOf(
  { publisher: { registry } }: ManagementContext,
  { projectIds, service, endpoint, deployment }: UsageFilter,
  groups: readonly Group[],
): object[] {
  const idOf = (...names: unknown[]) => JSON.stringify(names)
  const called = new Set(
    groups.map(({ names }) => idOf(names.projectId, names.service, names.endpoint, names.deployment)),
  )
  const isOpen = (projectId: number) => projectIds?.includes(projectId) ?? true
  const found: object[] = []
  const look = (projectId: number, inService: string | null, id: string | null, name: string | null, kind: string) => {
    const asked = [service ?? inService, endpoint ?? id, deployment ?? name]
    if (!isOpen(projectId) || idOf(...asked) !== idOf(inService, id, name)) return
    if (!called.has(idOf(projectId, inService, id, name)))
      found.push({ project_id: projectId, service: inService, endpoint: id, deployment: name, kind })
  }
  for (const { projectId, key, endpoints } of registry.all())
    for (const { id, kind } of endpoints.values()) look(projectId, key, id, null, kind)
  for (const { projectId, name, enabled } of registry.allDeployments())
    if (enabled) look(projectId, null, null, name, 'deployment')
  return found
}

const sortedBy = <T>(rows: readonly T[], measure: (row: T) => number): T[] =>
  rows
    .map(row => ({ row, by: measure(row) }))
    .sort((a, b) => b.by - a.by)
    .map(({ row }) => row)

/** `format`, or else what `Accept` names first of the two. @throws Fault 422 */
function formatOf(params: URLSearchParams, accept: string | null): 'json' | 'csv' {
  const format = params.get('format')
  if (format !== null) {
    if (format === 'json' || format === 'csv') return format
    throw unprocessable('format must be json or csv.')
  }
  for (const range of accept?.split(',') ?? []) {
    const type = range.split(';')[0]!.trim().toLowerCase()
    if (type === 'text/csv') return 'csv'
    if (['application/json', 'application/*', '*/*'].includes(type)) return 'json'
  }
  return 'json'
}

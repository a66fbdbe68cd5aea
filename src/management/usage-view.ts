/** Usage as it is told: names, sums, series, and CSV. */
import { keyNames } from '../catalog/keys.ts'
import { STEPS } from '../catalog/usage.ts'
import { type Dimension, type Group, type GroupNames, type Period, type Report, Sums } from '../catalog/usage-report.ts'
import { csvField, csvLine } from '../lib/csv.ts'
import { sent } from '../lib/sending.ts'
import { slices } from '../lib/slices.ts'
import type { ManagementContext } from './context.ts'
import { isoOf, KEY_WORDS } from './usage-query.ts'

/** How calls ended. `latency_ms` is of those that were served: refusals (4xx) are left out of it. */
export function endsOf(sums: Sums) {
  const [p50, p95, p99] = [sums.latency(0.5), sums.latency(0.95), sums.latency(0.99)]
  const throttled = sums.between(429, 429)
  return {
    calls: sums.calls,
    succeeded: sums.between(100, 399),
    refused: sums.between(400, 499) - throttled,
    throttled,
    failed: sums.between(500, 599),
    latency_ms: p50 === null ? null : { p50, p95, p99 },
  }
}

export type UsageEnds = ReturnType<typeof endsOf>

/** Calls by status. */
export function statusesOf({ statuses }: Sums): Record<string, number> {
  const sorted = [...statuses].sort(([a], [b]) => a - b)
  return Object.fromEntries(sorted.map(([status, calls]) => [statusName(status), calls]))
}

/** `2xx`; `304` and errors by their code. */
const statusName = (status: number): string =>
  status < 400 && status % 100 === 0 ? `${status / 100}xx` : String(status)

/** A row for each step, also where nothing was called. */
export function seriesOf({ steps }: Report, { from, to, step }: Period) {
  const { seconds } = STEPS[step]
  const none = new Sums()
  return Array.from({ length: (to - from) / seconds }, (_, i) => ({
    at: isoOf(from + i * seconds),
    ...endsOf(steps.get(i) ?? none),
  }))
}

export type UsageRow = ReturnType<typeof seriesOf>[number]

/** A number for each step of the series. */
export const callsOf = ({ calls }: Group, { from, to, step }: Period): number[] =>
  Array.from({ length: (to - from) / STEPS[step].seconds }, (_, i) => calls.get(i) ?? 0)

/** What is told of a group: names, keys with their names; `key` is null where the key is there no longer. */
type NamedGroup = Record<string, string | number | null>

/** @param groups all that are to be named: their keys are looked up at once */
export function namer(
  { db }: ManagementContext,
  groups: readonly { names: GroupNames }[],
): (names: GroupNames) => NamedGroup {
  const ids = new Set(groups.map(({ names }) => names.keyId ?? 0).filter(id => id > 0))
  const keys = keyNames(db, [...ids])
  const words = new Map(Object.entries(KEY_WORDS).map(([word, id]) => [id, word]))
  return ({ projectId, service, endpoint, deployment, keyId, status }) => ({
    ...(projectId === undefined ? {} : { project_id: projectId === 0 ? null : projectId }),
    ...(service === undefined ? {} : { service }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(deployment === undefined ? {} : { deployment }),
    ...(keyId === undefined
      ? {}
      : keyId > 0
        ? { key_id: keyId, key: keys.get(keyId) ?? null }
        : { key_id: null, key: words.get(keyId)! }),
    ...(status === undefined ? {} : { status: statusName(status) }),
  })
}

const MEASURES = ['calls', 'succeeded', 'refused', 'throttled', 'failed', 'p50_ms', 'p95_ms', 'p99_ms'] as const

/**
 * RFC 4180, a line for each step and group with calls. It is made for spreadsheets: a name that one of those would take for a
 * formula has a quote before it.
 */
export async function csvOf(
  { groups, steps }: Report,
  { from, step }: Period,
  groupBy: readonly Dimension[],
  named: (names: GroupNames) => NamedGroup,
  method: string,
): Promise<Response> {
  const grouped = groupBy.length > 0 ? groups : [{ names: {}, steps }]
  const columns = COLUMNS.filter(([, dimensions]) => dimensions.some(name => groupBy.includes(name)))
  const lines: { index: number; text: string }[] = []
  const others = slices()
  for (const group of grouped) {
    const names = named(group.names)
    const fields = columns.map(([name]) => plainField(names[name] ?? null))
    for (const [index, sums] of group.steps) {
      const wait = others()
      if (wait) await wait
      const { latency_ms: latency, ...ends } = endsOf(sums)
      const measured = { ...ends, p50_ms: latency?.p50, p95_ms: latency?.p95, p99_ms: latency?.p99 }
      const at = isoOf(from + index * STEPS[step].seconds)
      lines.push({ index, text: csvLine([at, ...fields, ...MEASURES.map(name => csvField(measured[name]))]) })
    }
  }
  const head = csvLine(['at', ...columns.map(([name]) => name), ...MEASURES])
  const body = lines.sort((a, b) => a.index - b.index).map(({ text }) => text)
  return new Response(sent(head + body.join(''), method), {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="usage.csv"',
    },
  })
}

/** Columns of names, and by which dimensions there are values in them. */
const COLUMNS: [name: string, of: Dimension[]][] = [
  ['project_id', ['project', 'service', 'endpoint', 'deployment', 'key']],
  ['service', ['service', 'endpoint']],
  ['endpoint', ['endpoint']],
  ['deployment', ['deployment']],
  ['key_id', ['key']],
  ['key', ['key']],
  ['status', ['status']],
]

const plainField = (value: string | number | null): string =>
  csvField(typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value)

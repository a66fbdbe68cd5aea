/** Columns that several tables of usage have. */
import type { UsageEnds, UsageReport, UsageRow } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { traffic } from '../../texts/traffic.ts'
import { usage as t } from '../../texts/usage.ts'
import type { Column } from '../../ui/data-table.tsx'
import { timeLabels } from '../../ui/time-labels.ts'

type Count = 'calls' | 'succeeded' | 'refused' | 'throttled' | 'failed'
type Percentile = 'p50' | 'p95' | 'p99'
export const PERCENTILES = ['p50', 'p95', 'p99'] as const satisfies Percentile[]

export const countColumn = <Name extends Count, Row extends Record<Name, number>>(name: Name): Column<Row> => ({
  key: name,
  header: traffic[name],
  align: 'end',
  sort: row => row[name],
  cell: row => <span className="tabular">{traffic.count(row[name])}</span>,
})

/** Of the calls that were served; where there was none, nothing. */
export const latencyColumn = <Row extends Pick<UsageEnds, 'latency_ms'>>(name: Percentile): Column<Row> => ({
  key: name,
  header: traffic[name],
  align: 'end',
  sort: row => row.latency_ms?.[name],
  cell: ({ latency_ms: latency }) => (
    <span className="tabular">{latency?.[name] == null ? common.none : traffic.milliseconds(latency[name])}</span>
  ),
})

/** When a report's steps begin. */
export function timeColumn(report: UsageReport): Column<UsageRow> {
  const label = timeLabels(report)
  return {
    key: 'at',
    header: t.time,
    sort: row => row.at,
    cell: row => <time dateTime={row.at}>{label(row.at)}</time>,
  }
}

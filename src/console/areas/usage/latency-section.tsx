import { Paper, Skeleton, Text } from '@mantine/core'
import { lazy, useMemo } from 'react'
import type { UsageReport, UsageRow } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { traffic } from '../../texts/traffic.ts'
import { usage as t } from '../../texts/usage.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { timeLabels } from '../../ui/time-labels.ts'
import { WithTable } from './with-table.tsx'

const LatencyChart = lazy(() => import('./latency-chart.tsx'))
const HEIGHT = 240

export function LatencySection({ report }: { report: UsageReport | undefined }) {
  const columns = useMemo(() => report && columnsFor(report), [report])
  return (
    <Section title={t.latency} about={t.latencyAbout}>
      {!report || !columns ? (
        <Skeleton height={HEIGHT} role="status" aria-busy="true" aria-label={common.loading} />
      ) : report.totals.latency_ms === null ? (
        <Paper>
          <Text size="sm" c="dimmed">
            {t.noLatency}
          </Text>
        </Paper>
      ) : (
        <WithTable height={HEIGHT} label={t.latency} rows={report.series} columns={columns}>
          <LatencyChart report={report} height={HEIGHT} />
        </WithTable>
      )}
    </Section>
  )
}

const columnsFor = (report: UsageReport): Column<UsageRow>[] => {
  const label = timeLabels(report)
  return [
    { key: 'at', header: t.time, sort: row => row.at, cell: row => <time dateTime={row.at}>{label(row.at)}</time> },
    ...(['p50', 'p95', 'p99'] as const).map(
      (name): Column<UsageRow> => ({
        key: name,
        header: traffic[name],
        align: 'end',
        sort: row => row.latency_ms?.[name],
        cell: ({ latency_ms: latency }) => (
          <span className="tabular">{latency?.[name] == null ? common.none : traffic.milliseconds(latency[name])}</span>
        ),
      }),
    ),
  ]
}

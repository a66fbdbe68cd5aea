import { Paper, Text } from '@mantine/core'
import { lazy, useMemo } from 'react'
import type { UsageReport, UsageRow } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Section } from '../../ui/page.tsx'
import { latencyColumn, PERCENTILES, timeColumn } from './columns.tsx'
import { WithTable } from './with-table.tsx'

const LatencyChart = lazy(() => import('./latency-chart.tsx'))
const HEIGHT = 240

export function LatencySection({ report }: { report: UsageReport | undefined }) {
  const columns = useMemo(() => report && columnsFor(report), [report])
  return (
    <Section title={t.latency} about={t.latencyAbout}>
      {!report || !columns ? (
        <Loading height={HEIGHT} />
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

const columnsFor = (report: UsageReport): Column<UsageRow>[] => [
  timeColumn(report),
  ...PERCENTILES.map(name => latencyColumn<UsageRow>(name)),
]

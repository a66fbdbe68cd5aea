import { Skeleton } from '@mantine/core'
import { lazy, useMemo } from 'react'
import type { UsageReport, UsageRow } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { traffic } from '../../texts/traffic.ts'
import { usage as t } from '../../texts/usage.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { timeLabels } from '../../ui/time-labels.ts'
import { WithTable } from './with-table.tsx'

const CallsChart = lazy(() => import('../../ui/calls-chart.tsx'))
const HEIGHT = 240

export function CallsSection({ report }: { report: UsageReport | undefined }) {
  const columns = useMemo(() => report && columnsFor(report), [report])
  return (
    <Section title={t.calls} about={report?.step === 'day' ? t.utcDays : undefined}>
      {report && columns ? (
        <WithTable height={HEIGHT} label={t.calls} rows={report.series} columns={columns}>
          <CallsChart report={report} height={HEIGHT} />
        </WithTable>
      ) : (
        <Skeleton height={HEIGHT} role="status" aria-busy="true" aria-label={common.loading} />
      )}
    </Section>
  )
}

const ENDS = ['calls', 'succeeded', 'refused', 'throttled', 'failed'] as const

const columnsFor = (report: UsageReport): Column<UsageRow>[] => {
  const label = timeLabels(report)
  return [
    { key: 'at', header: t.time, sort: row => row.at, cell: row => <time dateTime={row.at}>{label(row.at)}</time> },
    ...ENDS.map(
      (name): Column<UsageRow> => ({
        key: name,
        header: traffic[name],
        align: 'end',
        sort: row => row[name],
        cell: row => <span className="tabular">{traffic.count(row[name])}</span>,
      }),
    ),
  ]
}

import { lazy, useMemo } from 'react'
import type { UsageReport, UsageRow } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Section } from '../../ui/page.tsx'
import { countColumn, timeColumn } from './columns.tsx'
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
        <Loading height={HEIGHT} />
      )}
    </Section>
  )
}

const ENDS = ['calls', 'succeeded', 'refused', 'throttled', 'failed'] as const

const columnsFor = (report: UsageReport): Column<UsageRow>[] => [
  timeColumn(report),
  ...ENDS.map(name => countColumn<typeof name, UsageRow>(name)),
]

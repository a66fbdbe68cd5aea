import { LineChart } from '@mantine/charts'
import type { UsageReport } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { traffic as t } from '../../texts/traffic.ts'
import { usage } from '../../texts/usage.ts'
import { CHART, OVER_TIME } from '../../ui/chart-frame.tsx'
import { timeLabels } from '../../ui/time-labels.ts'

/** Lines of the percentiles; where nothing was served there is none. */
export default function LatencyChart({ report, height }: { report: UsageReport; height: number }) {
  const label = timeLabels(report)
  const data = report.series.map(({ at, latency_ms: latency }) => ({
    at: label(at),
    [t.p50]: latency?.p50 ?? null,
    [t.p95]: latency?.p95 ?? null,
    [t.p99]: latency?.p99 ?? null,
  }))
  const said = (ms: number | null | undefined) => (ms == null ? common.none : t.milliseconds(ms))
  const { latency_ms: all } = report.totals
  return (
    <LineChart
      {...OVER_TIME}
      h={height}
      data={data}
      curveType="linear"
      connectNulls={false}
      strokeWidth={1.5}
      dotProps={{ r: 2 }}
      yAxisProps={{ width: 64, interval: 0 }}
      valueFormatter={t.milliseconds}
      lineProps={{ isAnimationActive: false }}
      lineChartProps={CHART}
      series={[
        { name: t.p50, color: 'teal.6' },
        { name: t.p95, color: 'blue.6' },
        { name: t.p99, color: 'grape.6' },
      ]}
      aria-label={usage.latencyChart(said(all?.p50), said(all?.p95))}
    />
  )
}

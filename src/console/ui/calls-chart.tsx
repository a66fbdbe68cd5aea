import { BarChart } from '@mantine/charts'
import type { UsageReport } from '../api/usage.ts'
import { traffic as t } from '../texts/traffic.ts'
import { CHART, OVER_TIME } from './chart-frame.tsx'
import { timeLabels } from './time-labels.ts'

/** A bar for each step of time, in the parts that calls ended in. Loaded when there is something to draw. */
export default function CallsChart({ report, height }: { report: UsageReport; height: number }) {
  const { series, totals } = report
  const label = timeLabels(report)
  const data = series.map(({ at, succeeded, refused, throttled, failed }) => ({
    at: label(at),
    [t.succeeded]: succeeded,
    [t.refused]: refused,
    [t.throttled]: throttled,
    [t.failed]: failed,
  }))
  return (
    <BarChart
      {...OVER_TIME}
      h={height}
      data={data}
      type="stacked"
      yAxisProps={{ allowDecimals: false, width: 52, interval: 0 }}
      valueFormatter={t.count}
      barProps={{ isAnimationActive: false }}
      barChartProps={CHART}
      series={[
        { name: t.succeeded, color: 'teal.5' },
        { name: t.refused, color: 'yellow.5' },
        { name: t.throttled, color: 'orange.7' },
        { name: t.failed, color: 'red.7' },
      ]}
      aria-label={t.chart(totals.calls, totals.refused + totals.throttled, totals.failed)}
    />
  )
}

import { BarChart } from '@mantine/charts'
import { home as t } from '../../texts/home.ts'
import type { UsageRow } from './api.ts'

const hour = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** A bar for each step of time, in the parts that calls ended in. */
export default function TrafficChart({ series }: { series: UsageRow[] }) {
  const data = series.map(({ at, succeeded, refused, throttled, failed }) => ({
    at: hour.format(new Date(at)),
    [t.succeeded]: succeeded,
    [t.refused]: refused + throttled,
    [t.failed]: failed,
  }))
  return (
    <BarChart
      h={150}
      data={data}
      dataKey="at"
      type="stacked"
      withLegend={false}
      gridAxis="x"
      tickLine="none"
      yAxisProps={{ allowDecimals: false }}
      series={[
        { name: t.succeeded, color: 'teal.5' },
        { name: t.refused, color: 'yellow.6' },
        { name: t.failed, color: 'red.6' },
      ]}
      aria-label={t.trafficAbout}
      role="img"
    />
  )
}

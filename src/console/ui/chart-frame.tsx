import { type ReactNode, Suspense } from 'react'
import { Loading } from './loading.tsx'

/** What charts over time look like. */
export const OVER_TIME = {
  dataKey: 'at',
  withLegend: true,
  legendProps: { verticalAlign: 'bottom', itemSorter: null },
  gridAxis: 'x',
  tickLine: 'none',
  xAxisProps: { minTickGap: 24 },
  role: 'img',
} as const

/** Of the chart itself. Room above, in px: the highest figure of an axis is beside its line, and hides no other. */
export const CHART = { accessibilityLayer: false, margin: { top: 12, right: 5, bottom: 5, left: 5 } }

/** What stands in for a chart, `height` px high, until the part of the console that draws it is there. */
export const ChartFrame = ({ height, children }: { height: number; children: ReactNode }) => (
  <Suspense fallback={<Loading height={height} />}>{children}</Suspense>
)

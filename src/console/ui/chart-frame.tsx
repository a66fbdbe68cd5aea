import { Skeleton } from '@mantine/core'
import { type ReactNode, Suspense } from 'react'
import { common } from '../texts/common.ts'

/** In px; above, so that the highest figure of an axis is beside its line, and hides no other. */
export const CHART_MARGIN = { top: 12, right: 5, bottom: 5, left: 5 }

/** What stands in for a chart, `height` px high, until the part of the console that draws it is there. */
export const ChartFrame = ({ height, children }: { height: number; children: ReactNode }) => (
  <Suspense fallback={<Skeleton height={height} role="status" aria-busy="true" aria-label={common.loading} />}>
    {children}
  </Suspense>
)

import { Skeleton } from '@mantine/core'
import { type ReactNode, Suspense } from 'react'
import { common } from '../texts/common.ts'

/** What stands in for a chart, `height` px high, until the part of the console that draws it is there. */
export const ChartFrame = ({ height, children }: { height: number; children: ReactNode }) => (
  <Suspense fallback={<Skeleton height={height} role="status" aria-busy="true" aria-label={common.loading} />}>
    {children}
  </Suspense>
)

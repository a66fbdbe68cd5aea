import { Paper, Skeleton } from '@mantine/core'
import type { UsageEnds } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { usage as t } from '../../texts/usage.ts'
import { TrafficFigures } from '../../ui/traffic-figures.tsx'

export function Figures({ totals }: { totals: UsageEnds | undefined }) {
  if (!totals) return <Skeleton height={82} role="status" aria-busy="true" aria-label={common.loading} />
  return (
    <Paper component="section" aria-label={t.figures}>
      <TrafficFigures totals={totals} />
    </Paper>
  )
}

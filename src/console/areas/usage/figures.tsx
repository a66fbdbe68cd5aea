import { Paper } from '@mantine/core'
import type { UsageEnds } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { Loading } from '../../ui/loading.tsx'
import { TrafficFigures } from '../../ui/traffic-figures.tsx'

export function Figures({ totals }: { totals: UsageEnds | undefined }) {
  if (!totals) return <Loading height={82} />
  return (
    <Paper component="section" aria-label={t.figures}>
      <TrafficFigures totals={totals} />
    </Paper>
  )
}

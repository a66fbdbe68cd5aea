import { SimpleGrid, Text } from '@mantine/core'
import type { UsageEnds } from '../api/usage.ts'
import { common } from '../texts/common.ts'
import { traffic as t } from '../texts/traffic.ts'

/** How many calls there were, how they ended, and how long most of them took. */
export function TrafficFigures({ totals }: { totals: UsageEnds }) {
  const { latency_ms: latency } = totals
  const took = (ms: number | undefined) => (ms === undefined ? common.none : t.milliseconds(ms))
  const figures = [
    [t.calls, t.count(totals.calls)],
    [t.refused, t.count(totals.refused)],
    [t.throttled, t.count(totals.throttled)],
    [t.failed, t.count(totals.failed)],
    [t.p50, took(latency?.p50 ?? undefined)],
    [t.p95, took(latency?.p95 ?? undefined)],
  ]
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} spacing="sm">
      {figures.map(([label, figure]) => (
        <div key={label}>
          <Text size="xs" c="dimmed">
            {label}
          </Text>
          <Text size="xl" fw={600} className="tabular">
            {figure}
          </Text>
        </div>
      ))}
    </SimpleGrid>
  )
}

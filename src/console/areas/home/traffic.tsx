import { Paper, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { common } from '../../texts/common.ts'
import { home as t } from '../../texts/home.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { trafficQuery, type UsageEnds, type UsageRow } from './api.ts'

const TrafficChart = lazy(() => import('./traffic-chart.tsx'))

/** What was called in the last 24 hours, and how it ended. */
export function Traffic() {
  const { data, error } = useQuery(trafficQuery)
  return <TrafficPanel title={t.traffic} about={t.trafficAbout} data={data} error={error} />
}

interface TrafficPanelProps {
  title: string
  about: string
  /** undefined while it is read */
  data: { totals: UsageEnds; series: UsageRow[] } | undefined
  error: unknown
}

/** Calls as figures and a chart. */
export function TrafficPanel({ title, about, data, error }: TrafficPanelProps) {
  if (error && !data)
    return (
      <Section title={title}>
        <ProblemAlert error={error} />
      </Section>
    )
  if (!data) return <Skeleton height={250} aria-busy="true" aria-label={common.loading} role="status" />
  const { totals, series } = data
  const p95 = totals.latency_ms?.p95 ?? null
  const figures = [
    [t.calls, totals.calls.toLocaleString('en')],
    [t.refused, (totals.refused + totals.throttled).toLocaleString('en')],
    [t.failed, totals.failed.toLocaleString('en')],
    [t.p95, p95 === null ? common.none : t.milliseconds(p95)],
  ]
  return (
    <Section title={title} about={about}>
      <Paper>
        <Stack gap="md">
          <SimpleGrid cols={{ base: 2, sm: 4 }}>
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
          {totals.calls === 0 ? (
            <Text size="sm" c="dimmed">
              {t.noTraffic}
            </Text>
          ) : (
            <Suspense fallback={<Skeleton height={150} />}>
              <TrafficChart series={series} />
            </Suspense>
          )}
        </Stack>
      </Paper>
    </Section>
  )
}

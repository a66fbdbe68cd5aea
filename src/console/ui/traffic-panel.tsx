import { Paper, Stack, Text } from '@mantine/core'
import { lazy, type ReactNode } from 'react'
import type { UsageReport } from '../api/usage.ts'
import { ChartFrame } from './chart-frame.tsx'
import { Loading } from './loading.tsx'
import { Section } from './page.tsx'
import { ProblemAlert } from './problem-alert.tsx'
import { TrafficFigures } from './traffic-figures.tsx'

const CallsChart = lazy(() => import('./calls-chart.tsx'))
const HEIGHT = 170

interface TrafficPanelProps {
  title: string
  about: string
  actions?: ReactNode
  /** what is said where there were none */
  none: string
  /** undefined while it is read */
  report: UsageReport | undefined
  error: unknown
}

/** Calls of a while, as figures and a chart. */
export function TrafficPanel({ title, about, actions, none, report, error }: TrafficPanelProps) {
  return (
    <Section title={title} about={about} actions={actions}>
      <ProblemAlert error={error} />
      {report ? (
        <Paper>
          <Stack gap="md">
            <TrafficFigures totals={report.totals} />
            {report.totals.calls === 0 ? (
              <Text size="sm" c="dimmed">
                {none}
              </Text>
            ) : (
              <ChartFrame height={HEIGHT}>
                <CallsChart report={report} height={HEIGHT} />
              </ChartFrame>
            )}
          </Stack>
        </Paper>
      ) : (
        !error && <Loading height={250} />
      )}
    </Section>
  )
}

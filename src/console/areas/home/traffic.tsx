import { Badge, Group, Paper, Skeleton, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy } from 'react'
import type { ProjectRow } from '../../api/projects.ts'
import { useChosenProject } from '../../shell/project-switcher.tsx'
import { common } from '../../texts/common.ts'
import { home as t } from '../../texts/home.ts'
import { traffic } from '../../texts/traffic.ts'
import { ChartFrame } from '../../ui/chart-frame.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { TrafficFigures } from '../../ui/traffic-figures.tsx'
import { trafficQuery } from './api.ts'

const CallsChart = lazy(() => import('../../ui/calls-chart.tsx'))
const HEIGHT = 170

/** What is called now: the last hour, of a project or of all that one sees. */
export function Traffic({ project }: { project?: ProjectRow }) {
  const { data, error } = useQuery(trafficQuery(project?.project_id))
  const chosen = useChosenProject()
  const usageOf = project ?? chosen
  return (
    <Section
      title={t.traffic}
      about={project ? t.trafficHere : t.trafficAbout}
      actions={
        <Group gap="sm">
          <Badge color="teal">{traffic.live}</Badge>
          {usageOf && (
            <TextLink to="/projects/$project/usage" params={{ project: usageOf.slug }} search={{}}>
              {project ? traffic.usage : traffic.usageOf(usageOf.name)}
            </TextLink>
          )}
        </Group>
      }
    >
      <ProblemAlert error={error} />
      {data ? (
        <Paper>
          <Stack gap="md">
            <TrafficFigures totals={data.totals} />
            {data.totals.calls === 0 ? (
              <Text size="sm" c="dimmed">
                {t.noTraffic}
              </Text>
            ) : (
              <ChartFrame height={HEIGHT}>
                <CallsChart report={data} height={HEIGHT} />
              </ChartFrame>
            )}
          </Stack>
        </Paper>
      ) : (
        !error && <Skeleton height={250} aria-busy="true" aria-label={common.loading} role="status" />
      )}
    </Section>
  )
}

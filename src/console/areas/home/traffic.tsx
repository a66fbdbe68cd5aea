import { Badge, Group } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ProjectRow } from '../../api/projects.ts'
import { useChosenProject } from '../../shell/project-switcher.tsx'
import { home as t } from '../../texts/home.ts'
import { traffic } from '../../texts/traffic.ts'
import { TextLink } from '../../ui/link.tsx'
import { TrafficPanel } from '../../ui/traffic-panel.tsx'
import { trafficQuery } from './api.ts'

/** What is called now: the last hour, of a project or of all that one sees. */
export function Traffic({ project }: { project?: ProjectRow }) {
  const { data, error } = useQuery(trafficQuery(project?.project_id))
  const chosen = useChosenProject()
  const usageOf = project ?? chosen
  return (
    <TrafficPanel
      title={t.traffic}
      about={project ? t.trafficHere : t.trafficAbout}
      actions={
        <Group gap="sm">
          <Badge color="teal">{traffic.live}</Badge>
          {usageOf && (
            <TextLink
              to="/projects/$project/usage"
              params={{ project: usageOf.slug }}
              search={{}}
              style={{ overflowWrap: 'anywhere' }}
            >
              {project ? traffic.usage : traffic.usageOf(usageOf.name)}
            </TextLink>
          )}
        </Group>
      }
      none={t.noTraffic}
      report={data}
      error={error}
    />
  )
}

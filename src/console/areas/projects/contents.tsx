import { Group, SimpleGrid, Text } from '@mantine/core'
import { type Icon, IconApi, IconBox, IconServer, IconTable, IconUsersGroup } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, type LinkProps } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { projects as t } from '../../texts/projects.ts'
import { datasetsQuery } from '../datasets/api.ts'
import { membersQuery } from '../members/api.ts'
import { modelsQuery } from '../models/api.ts'

/** How much there is in the project, each with the way there. */
export function Contents({ services, deployments }: Record<'services' | 'deployments', number | undefined>) {
  const { project_id, slug } = useProject()
  const { data: datasets } = useQuery(datasetsQuery(project_id))
  const { data: models } = useQuery(modelsQuery(project_id))
  const { data: members } = useQuery(membersQuery(project_id))
  const parts: { label: string; icon: Icon; to: LinkProps['to']; count: number | undefined }[] = [
    { label: t.datasets, icon: IconTable, to: '/projects/$project/datasets', count: datasets?.length },
    { label: t.models, icon: IconBox, to: '/projects/$project/models', count: models?.length },
    { label: t.services, icon: IconApi, to: '/projects/$project/services', count: services },
    { label: t.deployments, icon: IconServer, to: '/projects/$project/deployments', count: deployments },
    { label: t.members, icon: IconUsersGroup, to: '/projects/$project/members', count: members?.length },
  ]
  return (
    <SimpleGrid cols={{ base: 2, sm: 5 }} spacing="sm">
      {parts.map(({ label, icon: Picture, to, count }) => (
        <Link key={label} to={to} params={{ project: slug } as never} className="figure-link">
          <Group gap={8} wrap="nowrap">
            <Picture size={16} stroke={1.6} aria-hidden />
            <Text size="sm" c="dimmed">
              {label}
            </Text>
          </Group>
          <Text size="xl" fw={600} className="tabular">
            {count?.toLocaleString('en') ?? '–'}
          </Text>
        </Link>
      ))}
    </SimpleGrid>
  )
}

import { Badge, Button, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconFolders, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { type ProjectRow, projectsQuery } from '../../api/projects.ts'
import { roleIn, type SessionState, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { NewProjectModal } from './new-project.tsx'

export function ProjectsPage() {
  const session = useSession()
  const { data, error } = useQuery(projectsQuery)
  const [adding, { open, close }] = useDisclosure()
  const columns = useMemo(() => columnsFor(session), [session])
  const add = session.is_admin && (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.newProject}
    </Button>
  )
  return (
    <Page title={t.title} about={t.about} actions={data && data.length > 0 ? add : undefined}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState
          icon={IconFolders}
          title={t.emptyTitle}
          text={session.is_admin ? t.emptyAdmin : t.emptyOther}
          action={add}
        />
      ) : (
        <DataTable label={t.title} columns={columns} rows={data} error={error} rowKey={rowKey} search={searched} />
      )}
      <NewProjectModal opened={adding} onClose={close} />
    </Page>
  )
}

const rowKey = (project: ProjectRow) => project.project_id
const searched = (project: ProjectRow) => `${project.name} ${project.slug} ${project.description}`

const columnsFor = (session: SessionState): Column<ProjectRow>[] => [
  {
    key: 'name',
    header: t.name,
    sort: project => project.name,
    cell: project => (
      <TextLink to="/projects/$project" params={{ project: project.slug }} fw={500}>
        {project.name}
      </TextLink>
    ),
  },
  { key: 'slug', header: t.slug, sort: project => project.slug, cell: project => project.slug },
  {
    key: 'description',
    header: t.description,
    cell: project => (
      <Text size="sm" c="dimmed" truncate title={project.description}>
        {project.description}
      </Text>
    ),
  },
  {
    key: 'role',
    header: t.role,
    sort: project => roleIn(session, project.slug),
    cell: project => <Badge color="gray">{common.roles[roleIn(session, project.slug)]}</Badge>,
  },
  {
    key: 'created',
    header: t.created,
    sort: project => project.created_at,
    cell: project => <RelativeTime at={project.created_at} />,
  },
]

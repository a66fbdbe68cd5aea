import { Badge, Code, Group } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { type ProjectRow, projectsQuery } from '../../api/projects.ts'
import { home as t } from '../../texts/home.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import type { AssetRow } from './api.ts'

/** What answers now. `services` are all, drafts among them; undefined while they are read. */
export function Published({ services }: { services: AssetRow[] | undefined }) {
  const { data: projects = [] } = useQuery(projectsQuery)
  const isHere = useParams({ strict: false }).project !== undefined
  const columns = useMemo(
    () => columnsFor(new Map(projects.map(p => [p.project_id, p]))).filter(({ key }) => !isHere || key !== 'project'),
    [projects, isHere],
  )
  const published = useMemo(() => services?.filter(({ status }) => status === 'published'), [services])
  const about = isHere ? t.publishedHere : t.publishedAbout
  const drafts = (services?.length ?? 0) - (published?.length ?? 0)
  return (
    <Section title={t.published} about={`${about}${drafts > 0 ? ` ${t.drafts(drafts)}` : ''}`}>
      <DataTable
        label={t.published}
        columns={columns}
        rows={published}
        rowKey={rowKey}
        search={searched}
        maxHeight={420}
      />
    </Section>
  )
}

const rowKey = (service: AssetRow) => service.id
const searched = (service: AssetRow) => `${service.title} ${service.asset_key}`
const addressOf = (service: AssetRow) => `${location.origin}/api/service/${service.asset_key}`

const columnsFor = (projects: Map<number, ProjectRow>): Column<AssetRow>[] => [
  {
    key: 'service',
    header: t.service,
    sort: service => service.title,
    cell: service => (
      <TextLink
        to="/projects/$project/services/$service"
        params={{ project: projects.get(service.project_id)?.slug ?? '', service: service.asset_key }}
        fw={500}
      >
        {service.title || service.asset_key}
      </TextLink>
    ),
  },
  {
    key: 'project',
    header: t.project,
    sort: service => projects.get(service.project_id)?.name,
    cell: service => {
      const project = projects.get(service.project_id)
      return project ? (
        <TextLink to="/projects/$project" params={{ project: project.slug }}>
          {project.name}
        </TextLink>
      ) : null
    },
  },
  {
    key: 'access',
    header: t.access,
    sort: service => service.is_public,
    cell: service => (
      <Badge color={service.is_public ? 'orange' : 'gray'}>{service.is_public ? t.open : t.gated}</Badge>
    ),
  },
  {
    key: 'address',
    header: t.address,
    cell: service => (
      <Group gap={4} wrap="nowrap">
        <Code>/api/service/{service.asset_key}</Code>
        <CopyIcon value={addressOf(service)} what={t.addressOf(service.title || service.asset_key)} />
      </Group>
    ),
  },
  {
    key: 'changed',
    header: t.changed,
    sort: service => service.updated_at,
    cell: service => <RelativeTime at={service.updated_at} />,
  },
]

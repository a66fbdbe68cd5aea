import { Badge, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { projectsQuery } from '../../api/projects.ts'
import { home as t } from '../../texts/home.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { titleOf } from '../services/status.tsx'
import type { AssetRow, DeploymentRow } from './api.ts'

/** A service or a deployment that answers. */
interface Entry {
  kind: 'service' | 'deployment'
  /** in URLs */
  key: string
  name: string
  /** its project's slug, and what that is called */
  project: string
  projectName: string
  isPublic: boolean
  /** a deployment whose processes do not run as they should */
  isFailing: boolean
  path: string
  changedAt: string
}

interface PublishedProps {
  /** all of them, drafts and what is stopped among them; undefined while they are read */
  services: AssetRow[] | undefined
  deployments: DeploymentRow[] | undefined
}

/** What answers now, and what is deployed and fails to. */
export function Published({ services, deployments }: PublishedProps) {
  const { data: projects, error } = useQuery(projectsQuery)
  const entries = useMemo(() => {
    if (!services || !deployments || !projects) return undefined
    const places = new Map(
      projects.map(({ project_id, slug, name }) => [project_id, { project: slug, projectName: name }]),
    )
    const placeOf = ({ project_id }: { project_id: number }) =>
      places.get(project_id) ?? { project: '', projectName: '' }
    return [
      ...services.filter(isPublished).map(
        (service): Entry => ({
          ...placeOf(service),
          kind: 'service',
          key: service.asset_key,
          name: titleOf(service),
          isPublic: service.is_public,
          isFailing: false,
          path: `/api/service/${service.asset_key}`,
          changedAt: service.updated_at,
        }),
      ),
      ...deployments.filter(isEnabled).map(
        (deployment): Entry => ({
          ...placeOf(deployment),
          kind: 'deployment',
          key: deployment.name,
          name: deployment.name,
          isPublic: false,
          isFailing: deployment.status === 'failing',
          path: new URL(deployment.endpoint_url).pathname,
          changedAt: deployment.updated_at,
        }),
      ),
    ]
  }, [services, deployments, projects])
  const isHere = useParams({ strict: false }).project !== undefined
  const about = isHere ? t.publishedHere : t.publishedAbout
  const drafts = services?.filter(service => !isPublished(service)).length ?? 0
  return (
    <Section title={t.published} about={`${about}${drafts > 0 ? ` ${t.drafts(drafts)}` : ''}`}>
      {error && !projects ? (
        <ProblemAlert error={error} />
      ) : (
        <DataTable
          label={t.published}
          columns={isHere ? COLUMNS_HERE : COLUMNS}
          rows={entries}
          rowKey={rowKey}
          search={searched}
          maxHeight={420}
        />
      )}
    </Section>
  )
}

export const isPublished = ({ status }: AssetRow) => status === 'published'
export const isEnabled = ({ enabled }: DeploymentRow) => enabled

const rowKey = ({ kind, project, key }: Entry) => `${kind} ${project} ${key}`
const searched = ({ name, key }: Entry) => `${name} ${key}`

const COLUMNS: Column<Entry>[] = [
  {
    key: 'name',
    header: t.name,
    sort: ({ name }) => name,
    cell: ({ kind, key, name, project, isFailing }) =>
      kind === 'service' ? (
        <TextLink to="/projects/$project/services/$service" params={{ project, service: key }} fw={500}>
          {name}
        </TextLink>
      ) : (
        <Group gap="xs" wrap="nowrap">
          <TextLink to="/projects/$project/deployments/$deployment" params={{ project, deployment: key }} fw={500}>
            {name}
          </TextLink>
          {isFailing && <Badge color="red">{t.failing}</Badge>}
        </Group>
      ),
  },
  { key: 'kind', header: t.kind, sort: ({ kind }) => kind, cell: ({ kind }) => t.kinds[kind] },
  {
    key: 'project',
    header: t.project,
    sort: ({ projectName }) => projectName,
    cell: ({ project, projectName }) => (
      <TextLink to="/projects/$project" params={{ project }}>
        {projectName}
      </TextLink>
    ),
  },
  {
    key: 'access',
    header: t.access,
    sort: ({ isPublic }) => isPublic,
    cell: ({ isPublic }) => <Badge color={isPublic ? 'orange' : 'gray'}>{isPublic ? t.open : t.gated}</Badge>,
  },
  {
    key: 'address',
    header: t.address,
    cell: ({ path, name }) => (
      <Group gap={4} wrap="nowrap">
        <Text size="xs" ff="monospace" truncate>
          {path}
        </Text>
        <CopyIcon value={location.origin + path} what={t.addressOf(name)} />
      </Group>
    ),
  },
  {
    key: 'changed',
    header: t.changed,
    sort: ({ changedAt }) => changedAt,
    cell: ({ changedAt }) => <RelativeTime at={changedAt} />,
  },
]

const COLUMNS_HERE = COLUMNS.filter(({ key }) => key !== 'project')

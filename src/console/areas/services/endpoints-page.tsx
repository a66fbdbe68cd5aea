import { Badge, Button, Group, Menu, Text, Tooltip } from '@mantine/core'
import { IconApi, IconChevronDown, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { type EndpointConfig, endpointsOf, type Service, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { type UsageGroup, weekQuery } from '../../api/usage.ts'
import { services as t } from '../../texts/services.ts'
import { traffic } from '../../texts/traffic.ts'
import { CopyIcon } from '../../ui/copy.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { TextLink } from '../../ui/link.tsx'
import { UsageCell } from '../../ui/usage-cell.tsx'
import { versionQuery } from './api.ts'
import { KIND_ICONS, KINDS, methodsOf, subjectOf } from './kinds.ts'
import { useRefusal } from './service-page.tsx'
import { UsageCard } from './usage-card.tsx'

export function EndpointsPage() {
  const session = useSession()
  const { slug, project_id } = useProject()
  const { service } = useService()
  const refusal = useRefusal()
  const { data: published } = useQuery({
    ...versionQuery(project_id, service.id, service.published_version ?? 0),
    enabled: service.published_version !== null,
  })
  const { data: week } = useQuery(weekQuery(project_id, 'endpoint', service.asset_key))
  const edits = may(session, 'editor', slug)
  const columns = useMemo(
    () => columnsFor(slug, service, published?.config.endpoints, refusal, week?.groups),
    [slug, service, published, refusal, week],
  )
  const endpoints = endpointsOf(service)
  if (endpoints.length === 0)
    return (
      <EmptyState
        icon={IconApi}
        title={t.noEndpoints}
        text={edits ? t.noEndpointsText : t.noEndpointsViewer}
        action={edits && <AddEndpoint />}
      />
    )
  return (
    <>
      {edits && (
        <Group justify="flex-end" mt={-4} mb={-4}>
          <AddEndpoint />
        </Group>
      )}
      {service.published_version !== null && <UsageCard service={service.asset_key} report={week} />}
      <DataTable
        label={t.endpoints}
        columns={columns}
        rows={endpoints}
        rowKey={endpoint => endpoint.id}
        search={endpoint => `${endpoint.id} ${endpoint.title ?? ''} ${subjectOf(endpoint)}`}
      />
    </>
  )
}

function AddEndpoint() {
  const navigate = useNavigate()
  const { slug } = useProject()
  const { service } = useService()
  return (
    <Menu position="bottom-end" shadow="md" width={320}>
      <Menu.Target>
        <Button leftSection={<IconPlus size={16} />} rightSection={<IconChevronDown size={14} />}>
          {t.addEndpoint}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t.chooseKind}</Menu.Label>
        {KINDS.map(kind => {
          const Picture = KIND_ICONS[kind]
          return (
            <Menu.Item
              key={kind}
              leftSection={<Picture size={18} stroke={1.6} />}
              onClick={() =>
                void navigate({
                  to: '/projects/$project/services/$service/new-endpoint',
                  params: { project: slug, service: service.asset_key },
                  search: { kind },
                })
              }
            >
              {t.kinds[kind].name}
              <Text size="xs" c="dimmed">
                {t.kinds[kind].about}
              </Text>
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}

const pathOf = (service: Service, endpoint: EndpointConfig) =>
  `/api/service/${service.asset_key}/${encodeURIComponent(endpoint.id)}`

const columnsFor = (
  project: string,
  service: Service,
  published: EndpointConfig[] | undefined,
  refusal: { endpoint: string; message: string } | undefined,
  week: UsageGroup[] | undefined,
): Column<EndpointConfig>[] => [
  {
    key: 'id',
    header: t.endpointId,
    sort: endpoint => endpoint.id,
    cell: endpoint => (
      <TextLink
        to="/projects/$project/services/$service/endpoints/$endpoint"
        params={{ project, service: service.asset_key, endpoint: endpoint.id }}
        fw={500}
      >
        {endpoint.id}
      </TextLink>
    ),
  },
  {
    key: 'kind',
    header: t.kind,
    sort: endpoint => endpoint.kind,
    cell: endpoint => {
      const Picture = KIND_ICONS[endpoint.kind]
      return (
        <Group gap={6} wrap="nowrap">
          <Picture size={16} stroke={1.6} aria-hidden />
          {t.kinds[endpoint.kind].name}
        </Group>
      )
    },
  },
  {
    key: 'subject',
    header: t.worksOn,
    sort: subjectOf,
    cell: endpoint => (
      <Text size="sm" c="dimmed" truncate title={subjectOf(endpoint)}>
        {subjectOf(endpoint)}
      </Text>
    ),
  },
  {
    key: 'path',
    header: t.path,
    cell: endpoint => (
      <Group gap={4} wrap="nowrap">
        <Text size="xs" ff="monospace" truncate>
          {methodsOf(endpoint).join(' ')} {pathOf(service, endpoint)}
        </Text>
        <CopyIcon value={location.origin + pathOf(service, endpoint)} what={t.urlOf(endpoint.id)} />
      </Group>
    ),
  },
  {
    key: 'state',
    header: t.state,
    cell: endpoint => <State endpoint={endpoint} service={service} published={published} refusal={refusal} />,
  },
  {
    key: 'calls',
    header: traffic.lastDays,
    sort: ({ id }) => week?.find(group => group.endpoint === id)?.calls ?? 0,
    cell: ({ id }) =>
      week && (
        <UsageCell
          group={week.find(group => group.endpoint === id)}
          name={id}
          project={project}
          search={{ range: 'week', service: service.asset_key, endpoint: id }}
        />
      ),
  },
]

function State({
  endpoint,
  service,
  published,
  refusal,
}: {
  endpoint: EndpointConfig
  service: Service
  published: EndpointConfig[] | undefined
  refusal: { endpoint: string; message: string } | undefined
}) {
  if (refusal?.endpoint === endpoint.id)
    return (
      <Tooltip label={refusal.message} multiline maw={360}>
        <Badge color="red" tabIndex={0}>
          {t.refused}
        </Badge>
      </Tooltip>
    )
  if (service.status !== 'published') return <Badge color="gray">{t.draft}</Badge>
  const served = published?.find(({ id }) => id === endpoint.id)
  if (!published) return null
  if (!served) return <Badge color="gray">{t.notLive}</Badge>
  if (JSON.stringify(served) !== JSON.stringify(endpoint)) return <Badge color="yellow">{t.changed}</Badge>
  return <Badge color="teal">{t.live}</Badge>
}

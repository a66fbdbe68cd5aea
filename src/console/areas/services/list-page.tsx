import { Badge, Button, SegmentedControl, Switch } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconApi, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { useProject } from '../../api/projects.ts'
import { endpointsOf, type ServiceRow, servicesQuery } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { services as t } from '../../texts/services.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { NewServiceModal } from './new-service.tsx'
import { type Status, StatusBadge, statusOf, titleOf } from './status.tsx'
import { usePublishing } from './use-publishing.tsx'

const FILTERS = [
  { value: 'all', label: t.all },
  { value: 'published', label: t.published },
  { value: 'changed', label: t.changed },
  { value: 'draft', label: t.draft },
] satisfies { value: Status | 'all'; label: string }[]

export function ServicesPage() {
  const session = useSession()
  const project = useProject()
  const { data, error } = useQuery(servicesQuery(project.project_id))
  const [adding, { open, close }] = useDisclosure()
  const [wanted, setWanted] = useState<string>('all')
  const edits = may(session, 'editor', project.slug)
  const { publish, unpublish, underWay } = usePublishing()
  const columns = useMemo(() => {
    const toggle = (service: ServiceRow) => (service.status === 'published' ? unpublish(service) : publish(service))
    return columnsFor(project.slug, edits ? toggle : undefined, underWay)
  }, [project.slug, edits, publish, unpublish, underWay])
  const rows = useMemo(
    () => (wanted === 'all' ? data : data?.filter(service => statusOf(service) === wanted)),
    [data, wanted],
  )
  const add = edits && (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.newService}
    </Button>
  )
  return (
    <Page title={t.title} about={t.about} actions={data && data.length > 0 ? add : undefined}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState icon={IconApi} title={t.emptyTitle} text={edits ? t.emptyText : t.emptyViewer} action={add} />
      ) : (
        <DataTable
          label={t.title}
          columns={columns}
          rows={rows}
          error={error}
          rowKey={service => service.id}
          search={service => `${service.title} ${service.asset_key} ${service.description}`}
          filters={
            data &&
            data.length > 7 && (
              <SegmentedControl size="xs" aria-label={t.filter} data={FILTERS} value={wanted} onChange={setWanted} />
            )
          }
        />
      )}
      <NewServiceModal opened={adding} onClose={close} />
    </Page>
  )
}

/** `onToggle` publishes a service, and takes it back; without it nobody may. `underWay` is being published. */
const columnsFor = (
  project: string,
  onToggle: ((service: ServiceRow) => void) | undefined,
  underWay: number | undefined,
): Column<ServiceRow>[] => [
  {
    key: 'title',
    header: t.service,
    sort: titleOf,
    cell: service => (
      <TextLink to="/projects/$project/services/$service" params={{ project, service: service.asset_key }} fw={500}>
        {titleOf(service)}
      </TextLink>
    ),
  },
  {
    key: 'key',
    header: t.key,
    sort: service => service.asset_key,
    cell: service => (
      <span className="dimmed-code" title={service.asset_key}>
        {service.asset_key}
      </span>
    ),
  },
  { key: 'status', header: t.status, sort: statusOf, cell: service => <StatusBadge service={service} /> },
  ...(onToggle
    ? [
        {
          key: 'publish',
          header: t.publish,
          cell: (service: ServiceRow) => (
            <Switch
              size="sm"
              checked={service.status === 'published' || service.id === underWay}
              aria-label={t.publishSwitch(titleOf(service))}
              onChange={() => service.id !== underWay && onToggle(service)}
            />
          ),
        },
      ]
    : []),
  {
    key: 'endpoints',
    header: t.endpointCount,
    align: 'end',
    sort: service => endpointsOf(service).length,
    cell: service => <span className="tabular">{endpointsOf(service).length}</span>,
  },
  {
    key: 'keys',
    header: t.keyCount,
    align: 'end',
    sort: service => service.key_count,
    cell: service => <span className="tabular">{service.key_count}</span>,
  },
  {
    key: 'access',
    header: t.access,
    sort: service => service.is_public,
    cell: service =>
      service.is_public ? <Badge color="orange">{t.public}</Badge> : <span className="dimmed">{t.withKey}</span>,
  },
  {
    key: 'updated',
    header: t.updated,
    sort: service => service.updated_at,
    cell: service => <RelativeTime at={service.updated_at} />,
  },
]

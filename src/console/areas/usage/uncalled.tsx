import { Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { type ServiceRow, servicesQuery } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { usage as t } from '../../texts/usage.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type TopUsage, topQuery, type UnusedKeys, unusedKeysQuery } from './api.ts'
import { shownPlace } from './place-link.tsx'
import type { UsageSearch } from './search.ts'

type UncalledRow = TopUsage['uncalled'][number]
type KeyRow = UnusedKeys['keys'][number]

/** What may be taken away: what is published, and keys that work, without a call in the time. */
export function Uncalled({ search }: { search: UsageSearch }) {
  const session = useSession()
  const { slug } = useProject()
  return (
    <Section title={t.uncalled} about={t.uncalledAbout}>
      <div className="two-columns">
        <Endpoints search={search} />
        {may(session, 'editor', slug) ? (
          <Keys search={search} />
        ) : (
          <Text size="sm" c="dimmed">
            {t.keysForEditors}
          </Text>
        )}
      </div>
    </Section>
  )
}

function Endpoints({ search }: { search: UsageSearch }) {
  const { project_id, slug } = useProject()
  const { data, error } = useQuery({ ...topQuery(project_id, search), placeholderData: keepPreviousData })
  const columns = useMemo(() => endpointColumns(slug), [slug])
  if (error && !data) return <ProblemAlert error={error} />
  if (data?.uncalled.length === 0) return <Said text={t.allCalled} />
  return (
    <div>
      <DataTable
        label={t.uncalledEndpoints}
        columns={columns}
        rows={data?.uncalled}
        rowKey={shownPlace}
        search={shownPlace}
        maxHeight={300}
      />
      <More of={data?.uncalled_count} shown={data?.uncalled.length} />
    </div>
  )
}

function Keys({ search }: { search: UsageSearch }) {
  const { project_id, slug } = useProject()
  const { data, error } = useQuery({ ...unusedKeysQuery(project_id, search), placeholderData: keepPreviousData })
  const { data: services } = useQuery(servicesQuery(project_id))
  const columns = useMemo(() => keyColumns(slug, services ?? []), [slug, services])
  if (error && !data) return <ProblemAlert error={error} />
  if (data?.keys.length === 0) return <Said text={t.allUsed} />
  return (
    <div>
      <DataTable
        label={t.uncalledKeys}
        columns={columns}
        rows={data?.keys}
        rowKey={row => row.key_id}
        search={row => row.key}
        maxHeight={300}
      />
      <More of={data?.key_count} shown={data?.keys.length} />
    </div>
  )
}

const Said = ({ text }: { text: string }) => (
  <Text size="sm" c="dimmed">
    {text}
  </Text>
)

const More = ({ of = 0, shown = 0 }: { of: number | undefined; shown: number | undefined }) =>
  of > shown && (
    <Text size="sm" c="dimmed" mt={4}>
      {t.more(of - shown)}
    </Text>
  )

const endpointColumns = (project: string): Column<UncalledRow>[] => [
  {
    key: 'place',
    header: t.uncalledEndpoints,
    sort: shownPlace,
    cell: row =>
      row.deployment !== null ? (
        <TextLink to="/projects/$project/deployments/$deployment" params={{ project, deployment: row.deployment }}>
          {row.deployment}
        </TextLink>
      ) : (
        <TextLink to="/projects/$project/services/$service" params={{ project, service: row.service! }}>
          {shownPlace(row)}
        </TextLink>
      ),
  },
  { key: 'kind', header: t.kind, sort: row => row.kind, cell: row => t.kinds[row.kind] ?? row.kind },
]

function keyColumns(project: string, services: ServiceRow[]): Column<KeyRow>[] {
  const serviceOf = (row: KeyRow) => services.find(({ id }) => id === row.asset_id)
  return [
    { key: 'key', header: t.uncalledKeys, sort: row => row.key, cell: row => row.key },
    {
      key: 'of',
      header: t.ofService,
      sort: row => serviceOf(row)?.title,
      cell: row => {
        const service = serviceOf(row)
        if (row.asset_id !== null && !service) return common.none
        return service ? (
          <TextLink to="/projects/$project/services/$service/keys" params={{ project, service: service.asset_key }}>
            {service.title || service.asset_key}
          </TextLink>
        ) : (
          <TextLink to="/projects/$project/keys" params={{ project }}>
            {t.ofProject}
          </TextLink>
        )
      },
    },
    { key: 'made', header: t.made, sort: row => row.created_at, cell: row => <RelativeTime at={row.created_at} /> },
    {
      key: 'used',
      header: t.lastUsed,
      sort: row => row.last_used_at,
      cell: row => <RelativeTime at={row.last_used_at} />,
    },
  ]
}

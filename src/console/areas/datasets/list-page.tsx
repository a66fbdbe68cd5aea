import { Badge, Group } from '@mantine/core'
import { IconPlug, IconTable, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { uploads } from '../../texts/uploads.ts'
import { uses } from '../../texts/uses.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink, TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type DatasetRow, datasetsQuery } from './api.ts'

export function DatasetsPage() {
  const session = useSession()
  const project = useProject()
  const { data, error } = useQuery(datasetsQuery(project.project_id))
  const columns = useMemo(() => columnsFor(project.slug), [project.slug])
  const params = { project: project.slug }
  const actions = may(session, 'editor', project.slug) && (
    <Group gap="xs" justify="center">
      {session.is_admin && (
        <ButtonLink
          to="/projects/$project/datasets/connect"
          params={params}
          variant="default"
          leftSection={<IconPlug size={16} />}
        >
          {t.connect}
        </ButtonLink>
      )}
      <ButtonLink to="/projects/$project/datasets/upload" params={params} leftSection={<IconUpload size={16} />}>
        {t.upload}
      </ButtonLink>
    </Group>
  )
  const isEmpty = data?.length === 0
  return (
    <Page title={t.title} about={t.about} actions={isEmpty ? undefined : actions}>
      <ProblemAlert error={error} />
      {isEmpty ? (
        <EmptyState
          icon={IconTable}
          title={t.emptyTitle}
          text={actions ? t.emptyEditor : t.emptyViewer}
          action={actions}
        />
      ) : (
        <DataTable label={t.title} columns={columns} rows={data} error={error} rowKey={d => d.name} search={searched} />
      )}
    </Page>
  )
}

const searched = (dataset: DatasetRow) => `${dataset.name} ${dataset.description}`
const protectedIn = ({ columns }: DatasetRow) => columns.filter(c => c.sensitivity !== 'low').length
const openIn = ({ columns }: DatasetRow) => columns.filter(c => c.proposal !== null).length
const lastRead = ({ refresh_state, updated_at, created_at }: DatasetRow) =>
  refresh_state?.at ?? updated_at ?? created_at

const columnsFor = (project: string): Column<DatasetRow>[] => [
  {
    key: 'name',
    header: t.name,
    sort: dataset => dataset.name,
    cell: dataset => (
      <TextLink to="/projects/$project/datasets/$dataset" params={{ project, dataset: dataset.name }} fw={500}>
        {dataset.name}
      </TextLink>
    ),
  },
  {
    key: 'rows',
    header: t.rows,
    align: 'end',
    sort: dataset => dataset.row_count,
    cell: dataset => <span className="tabular">{dataset.row_count.toLocaleString('en')}</span>,
  },
  {
    key: 'size',
    header: t.size,
    align: 'end',
    sort: dataset => dataset.size_bytes,
    cell: ({ size_bytes }) => <span className="tabular">{size_bytes === null ? '–' : uploads.size(size_bytes)}</span>,
  },
  {
    key: 'engine',
    header: t.engine,
    sort: dataset => dataset.engine,
    cell: dataset => (
      <Group gap={6} wrap="nowrap">
        {t.engines[dataset.engine]}
        {dataset.writable && <Badge color="blue">{t.writable}</Badge>}
      </Group>
    ),
  },
  {
    key: 'protected',
    header: t.protectedColumns,
    sort: protectedIn,
    cell: dataset => (
      <Group gap={6} wrap="nowrap">
        {t.protectedCount(protectedIn(dataset))}
        {openIn(dataset) > 0 && <Badge color="yellow">{t.toDecide(openIn(dataset))}</Badge>}
      </Group>
    ),
  },
  { key: 'origin', header: t.origin, sort: dataset => dataset.origin, cell: dataset => t.origins[dataset.origin] },
  {
    key: 'refreshed',
    header: t.refreshed,
    sort: lastRead,
    cell: dataset => (
      <Group gap={6} wrap="nowrap">
        <RelativeTime at={lastRead(dataset)} none={common.never} />
        {dataset.refresh_state?.outcome === 'failed' && <Badge color="red">{t.refreshFailed}</Badge>}
      </Group>
    ),
  },
  {
    key: 'used',
    header: t.usedBy,
    sort: dataset => dataset.used_by.length,
    cell: dataset => uses.count(dataset.used_by.length),
  },
]

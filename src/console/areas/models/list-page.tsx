import { IconBox, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { models as t } from '../../texts/models.ts'
import { uploads } from '../../texts/uploads.ts'
import { uses } from '../../texts/uses.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink, TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type ModelRow, modelsQuery } from './api.ts'

export function ModelsPage() {
  const session = useSession()
  const project = useProject()
  const { data, error } = useQuery(modelsQuery(project.project_id))
  const columns = useMemo(() => columnsFor(project.slug), [project.slug])
  const add = may(session, 'editor', project.slug) && (
    <ButtonLink
      to="/projects/$project/upload-model"
      params={{ project: project.slug }}
      leftSection={<IconUpload size={16} />}
    >
      {t.upload}
    </ButtonLink>
  )
  const isEmpty = data?.length === 0
  return (
    <Page title={t.title} about={t.about} actions={isEmpty ? undefined : add}>
      <ProblemAlert error={error} />
      {isEmpty ? (
        <EmptyState icon={IconBox} title={t.emptyTitle} text={add ? t.emptyEditor : t.emptyViewer} action={add} />
      ) : (
        <DataTable
          label={t.title}
          columns={columns}
          rows={data}
          error={error}
          rowKey={m => m.name}
          search={m => m.name}
        />
      )}
    </Page>
  )
}

const columnsFor = (project: string): Column<ModelRow>[] => [
  {
    key: 'name',
    header: t.name,
    sort: model => model.name,
    cell: model => (
      <TextLink to="/projects/$project/models/$model" params={{ project, model: model.name }} fw={500}>
        {model.name}
      </TextLink>
    ),
  },
  { key: 'active', header: t.active, align: 'end', sort: model => model.version, cell: model => model.version },
  {
    key: 'versions',
    header: t.versions,
    align: 'end',
    sort: model => model.versions.length,
    cell: model => model.versions.length,
  },
  {
    key: 'task',
    header: t.task,
    sort: model => model.task_type,
    cell: model => t.tasks[model.task_type] ?? model.task_type,
  },
  {
    key: 'features',
    header: t.features,
    align: 'end',
    sort: model => model.features.length,
    cell: model => model.features.length,
  },
  {
    key: 'size',
    header: t.size,
    align: 'end',
    sort: model => model.size,
    cell: model => <span className="tabular">{uploads.size(model.size)}</span>,
  },
  {
    key: 'added',
    header: t.added,
    sort: model => model.created_at,
    cell: model => <RelativeTime at={model.created_at} />,
  },
  {
    key: 'used',
    header: t.usedBy,
    sort: model => model.used_by.length,
    cell: model => uses.count(model.used_by.length),
  },
]

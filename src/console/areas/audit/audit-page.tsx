import { Button, Code, NativeSelect } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconHistory } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { projectsQuery } from '../../api/projects.ts'
import { useSession } from '../../api/session.ts'
import { audit as t } from '../../texts/audit.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type AuditRow, auditQuery } from './api.ts'

export function AuditPage() {
  const { is_admin } = useSession()
  const { data, error } = useQuery(auditQuery)
  const [project, setProject] = useState('')
  const { data: projects = [] } = useQuery(projectsQuery)
  const names = useMemo(() => new Map(projects.map(({ project_id, name }) => [project_id, name])), [projects])
  const columns = useMemo(() => columnsFor(names), [names])
  const rows = useMemo(
    () => (project === '' ? data : data?.filter(row => String(row.project_id ?? 'none') === project)),
    [data, project],
  )
  return (
    <Page title={t.title} about={is_admin ? t.aboutAll : t.about}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState icon={IconHistory} title={t.emptyTitle} text={t.emptyText} />
      ) : (
        <DataTable
          label={t.title}
          columns={columns}
          rows={rows}
          error={error}
          rowKey={rowKey}
          search={searched}
          filters={
            <NativeSelect
              size="sm"
              maw="100%"
              w={220}
              aria-label={t.project}
              value={project}
              onChange={event => setProject(event.currentTarget.value)}
              data={[
                { value: '', label: t.everyProject },
                ...projects.map(({ project_id, name }) => ({ value: String(project_id), label: name })),
                ...(is_admin ? [{ value: 'none', label: t.installation }] : []),
              ]}
            />
          }
        />
      )}
    </Page>
  )
}

const rowKey = (row: AuditRow) => row.id
const searched = (row: AuditRow) => `${row.actor} ${row.action} ${row.target}`

const showDetail = (row: AuditRow) =>
  modals.open({
    title: t.detailOf(row.action, row.target),
    size: 'lg',
    children: (
      <CodeSample label={t.detail} samples={[{ language: 'JSON', code: JSON.stringify(row.detail, null, 2) }]} />
    ),
  })

const columnsFor = (names: Map<number, string>): Column<AuditRow>[] => [
  { key: 'when', header: t.when, width: 150, sort: row => row.id, cell: row => <RelativeTime at={row.at} /> },
  { key: 'actor', header: t.actor, sort: row => row.actor, cell: row => row.actor },
  { key: 'action', header: t.action, sort: row => row.action, cell: row => <Code>{row.action}</Code> },
  { key: 'target', header: t.target, sort: row => row.target, cell: row => row.target },
  {
    key: 'project',
    header: t.project,
    cell: row => (row.project_id === null ? t.installation : (names.get(row.project_id) ?? row.project_id)),
  },
  {
    key: 'detail',
    header: '',
    align: 'end',
    cell: row =>
      row.detail !== null && (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={t.detailOf(row.action, row.target)}
          onClick={() => showDetail(row)}
        >
          {t.detail}
        </Button>
      ),
  },
]

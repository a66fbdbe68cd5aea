import { Badge, Group, Pagination, SegmentedControl, Stack, Text } from '@mantine/core'
import { IconTable } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { CellValue, valueColumn } from '../../ui/value-column.tsx'
import { type ColumnRow, PAGE_SIZE, rowsQuery, useDataset } from './api.ts'
import { treatmentOf } from './policy.ts'

type Row = Record<string, unknown>

export function PreviewPage() {
  const project = useProject()
  const session = useSession()
  const { dataset } = useDataset()
  const navigate = useNavigate()
  const { page = 1, raw } = useSearch({ from: '/shell/projects/$project/datasets/$dataset/' })
  const mayEdit = may(session, 'editor', project.slug)
  const everything = mayEdit && raw === true
  const { data, error, isFetching, isPlaceholderData } = useQuery({
    ...rowsQuery(project.project_id, dataset.name, page, everything),
    placeholderData: keepPreviousData,
  })
  const columns = useMemo(
    () => (data?.columns ?? []).map(({ name }) => columnFor(name, dataset.columns, everything)),
    [data?.columns, dataset.columns, everything],
  )
  const go = (search: { page?: number; raw?: true }) => void navigate({ to: '.', search, resetScroll: false } as never)
  const total = data?.total ?? 0
  const pages = Math.ceil(total / PAGE_SIZE)
  const isBeyond = data !== undefined && !isPlaceholderData && page > Math.max(pages, 1)
  // a link to a page of rows that are fewer by now
  useEffect(() => {
    if (!isBeyond) return
    const search = { ...(pages > 1 ? { page: pages } : {}), ...(everything ? { raw: true } : {}) }
    void navigate({ to: '.', search, replace: true } as never)
  }, [isBeyond, pages, everything, navigate])
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="sm">
        {mayEdit && (
          <SegmentedControl
            aria-label={t.previewAs}
            size="xs"
            data={[
              { value: 'viewer', label: t.asViewer },
              { value: 'all', label: t.asEditor },
            ]}
            value={everything ? 'all' : 'viewer'}
            onChange={value => go(value === 'all' ? { raw: true } : {})}
          />
        )}
        <Text size="sm" c="dimmed">
          {everything ? t.asEditorText : t.asViewerText}
        </Text>
      </Group>
      <ProblemAlert error={error} />
      {data && total === 0 ? (
        <EmptyState icon={IconTable} title={t.noRows} text={t.noRowsText} />
      ) : (
        !(error && !data) && (
          <div style={{ opacity: isFetching && data ? 0.6 : 1 }}>
            <DataTable
              key={page}
              label={t.preview}
              columns={columns}
              rows={data?.rows as Row[] | undefined}
              rowKey={(_row, index) => index}
              maxHeight="max(360px, calc(100dvh - 340px))"
            />
          </div>
        )
      )}
      {pages > 1 && (
        <Group justify="space-between" gap="sm">
          <Text size="sm" c="dimmed" className="tabular" role="status">
            {t.rowsOf((page - 1) * PAGE_SIZE + 1, Math.min(total, page * PAGE_SIZE), total)}
          </Text>
          <Pagination
            aria-label={t.pages}
            size="sm"
            total={pages}
            value={page}
            onChange={next => go({ ...(next > 1 ? { page: next } : {}), ...(everything ? { raw: true } : {}) })}
            getControlProps={control => ({ 'aria-label': control })}
          />
        </Group>
      )}
    </Stack>
  )
}

function columnFor(name: string, known: ColumnRow[], everything: boolean): Column<Row> {
  const column = known.find(c => c.name === name)
  const treatment = column && !everything ? treatmentOf(column) : 'raw'
  const plain = valueColumn({ name, type: column?.data_type ?? '' })
  if (treatment === 'raw') return plain
  const isBlocked = treatment === 'blocked'
  return {
    ...plain,
    mark: (
      <Badge size="xs" color={isBlocked ? 'red' : 'yellow'}>
        {isBlocked ? t.blocked : t.masked}
      </Badge>
    ),
    align: undefined,
    cell: row => <CellValue value={row[name]} dimmed={isBlocked} />,
  }
}

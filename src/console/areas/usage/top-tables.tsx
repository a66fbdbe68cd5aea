import { Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { usage as t } from '../../texts/usage.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { keyName } from '../../ui/usage-names.ts'
import { type TopUsage, topQuery } from './api.ts'
import { countColumn, latencyColumn, PERCENTILES } from './columns.tsx'
import { KeyLink, PlaceLink, shownPlace } from './place-link.tsx'
import type { UsageSearch } from './search.ts'

interface TopProps {
  search: UsageSearch
  onChange: (next: UsageSearch) => void
}

type ThrottledRow = TopUsage['throttled'][number]
type SlowRow = TopUsage['slowest'][number]

export function Throttled({ search, onChange }: TopProps) {
  const { project_id } = useProject()
  const { data, error } = useQuery({ ...topQuery(project_id, search), placeholderData: keepPreviousData })
  const columns = useMemo(
    (): Column<ThrottledRow>[] => [
      {
        key: 'key',
        header: t.key,
        sort: keyName,
        cell: row => <KeyLink of={row} search={search} onChange={onChange} />,
      },
      {
        key: 'place',
        header: t.place,
        sort: shownPlace,
        cell: row => <PlaceLink of={row} search={search} onChange={onChange} />,
      },
      countColumn<'throttled', ThrottledRow>('throttled'),
    ],
    [search, onChange],
  )
  return (
    <Section title={t.throttled} about={t.throttledAbout}>
      <ProblemAlert error={error} />
      {data?.throttled.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.noThrottled}
        </Text>
      ) : (
        <DataTable
          label={t.throttled}
          columns={columns}
          rows={data?.throttled}
          error={error}
          rowKey={row => `${row.key_id ?? row.key} ${shownPlace(row)}`}
          maxHeight={300}
        />
      )}
    </Section>
  )
}

export function Slow({ search, onChange }: TopProps) {
  const { project_id } = useProject()
  const { data, error } = useQuery({ ...topQuery(project_id, search), placeholderData: keepPreviousData })
  const columns = useMemo(
    (): Column<SlowRow>[] => [
      {
        key: 'place',
        header: t.place,
        sort: shownPlace,
        cell: row => <PlaceLink of={row} search={search} onChange={onChange} />,
      },
      countColumn<'calls', SlowRow>('calls'),
      ...PERCENTILES.map(name => latencyColumn<SlowRow>(name)),
    ],
    [search, onChange],
  )
  return (
    <Section title={t.slow} about={t.slowAbout}>
      <ProblemAlert error={error} />
      {data?.slowest.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.noLatency}
        </Text>
      ) : (
        <DataTable
          label={t.slow}
          columns={columns}
          rows={data?.slowest}
          error={error}
          rowKey={shownPlace}
          maxHeight={300}
        />
      )}
    </Section>
  )
}

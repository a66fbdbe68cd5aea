import { Badge, Code, Switch, Text } from '@mantine/core'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { SettingRow } from '../../../management/settings.ts'
import { api } from '../../api/http.ts'
import { instanceQuery } from '../../api/instance.ts'
import { settings as t } from '../../texts/settings.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'

const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: async () => (await api<{ settings: SettingRow[] }>('/api/settings')).settings,
})

export function SettingsPage() {
  const { data, error } = useQuery(settingsQuery)
  const { data: instance } = useQuery(instanceQuery)
  const [onlyGiven, setOnlyGiven] = useState(false)
  const rows = onlyGiven ? data?.filter(row => row.source !== 'default') : data
  return (
    <Page title={t.title} about={t.about} badge={instance && <Badge color="gray">{t.version(instance.version)}</Badge>}>
      <ProblemAlert error={error} />
      <DataTable
        label={t.title}
        columns={COLUMNS}
        rows={rows}
        error={error}
        rowKey={rowKey}
        search={searched}
        filters={
          <Switch
            label={t.onlyGiven}
            checked={onlyGiven}
            onChange={event => setOnlyGiven(event.currentTarget.checked)}
          />
        }
      />
    </Page>
  )
}

const rowKey = (row: SettingRow) => row.flag
const searched = (row: SettingRow) => `${row.flag} ${row.variable} ${row.help}`

const COLUMNS: Column<SettingRow>[] = [
  {
    key: 'flag',
    header: t.setting,
    sort: row => row.flag,
    cell: row => <Code title={row.variable}>{row.flag}</Code>,
  },
  {
    key: 'value',
    header: t.value,
    cell: row =>
      row.value === '' ? (
        <Text span size="sm" c="dimmed">
          {t.notSet}
        </Text>
      ) : (
        row.value
      ),
  },
  {
    key: 'source',
    header: t.source,
    sort: row => row.source,
    cell: row => <Badge color={row.source === 'default' ? 'gray' : 'teal'}>{t.sources[row.source]}</Badge>,
  },
  {
    key: 'meaning',
    header: t.meaning,
    cell: row => (
      <Text size="sm" c="dimmed" truncate title={row.help}>
        {row.help}
      </Text>
    ),
  },
]

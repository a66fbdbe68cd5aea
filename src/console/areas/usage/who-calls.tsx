import { useMemo } from 'react'
import type { GroupedUsage, UsageGroup } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'
import { keyName } from '../../ui/usage-names.ts'
import { countColumn, latencyColumn } from './columns.tsx'
import { KeyLink, PlaceLink, shownPlace } from './place-link.tsx'
import type { UsageSearch } from './search.ts'

interface WhoCallsProps {
  report: GroupedUsage | undefined
  search: UsageSearch
  onChange: (next: UsageSearch) => void
}

export function WhoCalls({ report, search, onChange }: WhoCallsProps) {
  const columns = useMemo(() => columnsFor(search, onChange), [search, onChange])
  const shown = report?.groups.length ?? 0
  const all = report?.group_count ?? 0
  return (
    <Section title={t.who} about={shown < all ? t.whoSome(shown, all) : t.whoAbout}>
      <DataTable
        label={t.who}
        columns={columns}
        rows={report?.groups}
        rowKey={nameOf}
        search={nameOf}
        maxHeight={420}
      />
    </Section>
  )
}

const nameOf = (group: UsageGroup) => `${keyName(group)} ${shownPlace(group)} ${group.key_id ?? ''}`

const ENDS = ['calls', 'refused', 'throttled', 'failed'] as const

const columnsFor = (search: UsageSearch, onChange: (next: UsageSearch) => void): Column<UsageGroup>[] => [
  {
    key: 'key',
    header: t.key,
    sort: keyName,
    cell: group => <KeyLink of={group} search={search} onChange={onChange} />,
  },
  {
    key: 'place',
    header: t.place,
    sort: shownPlace,
    cell: group => <PlaceLink of={group} search={search} onChange={onChange} />,
  },
  { key: 'trend', header: t.trend, cell: group => <Sparkline values={group.series} /> },
  ...ENDS.map(name => countColumn<typeof name, UsageGroup>(name)),
  latencyColumn('p95'),
]

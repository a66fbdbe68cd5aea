import { useMemo } from 'react'
import type { GroupedUsage, UsageGroup } from '../../api/usage.ts'
import { common } from '../../texts/common.ts'
import { traffic } from '../../texts/traffic.ts'
import { usage as t } from '../../texts/usage.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Section } from '../../ui/page.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'
import { keyName } from '../../ui/usage-names.ts'
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
  ...ENDS.map(
    (name): Column<UsageGroup> => ({
      key: name,
      header: traffic[name],
      align: 'end',
      sort: group => group[name],
      cell: group => <span className="tabular">{traffic.count(group[name])}</span>,
    }),
  ),
  {
    key: 'p95',
    header: traffic.p95,
    align: 'end',
    sort: group => group.latency_ms?.p95,
    cell: ({ latency_ms: latency }) => (
      <span className="tabular">{latency?.p95 == null ? common.none : traffic.milliseconds(latency.p95)}</span>
    ),
  },
]

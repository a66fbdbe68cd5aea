import { List, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Called, type Caller, callersQuery } from '../api/callers.ts'
import { common } from '../texts/common.ts'
import { uses as t } from '../texts/uses.ts'
import { type Column, DataTable } from './data-table.tsx'
import { ProblemAlert } from './problem-alert.tsx'
import { RelativeTime } from './relative-time.tsx'

const keyOf = (caller: Caller) => `${caller.key_id ?? caller.key} ${placeOf(caller)}`
const placeOf = ({ service, endpoint, deployment }: Caller) => deployment ?? `${service}/${endpoint}`
const nameOf = ({ key }: Caller) => key ?? t.keyGone

const COLUMNS: Column<Caller>[] = [
  { key: 'key', header: t.key, sort: nameOf, cell: nameOf },
  { key: 'place', header: t.called, sort: placeOf, cell: placeOf },
  {
    key: 'calls',
    header: t.calls,
    align: 'end',
    sort: caller => caller.calls,
    cell: caller => <span className="tabular">{caller.calls.toLocaleString('en')}</span>,
  },
  {
    key: 'last',
    header: t.last,
    sort: caller => caller.last_hour,
    cell: caller => <RelativeTime at={caller.last_hour} />,
  },
]

/** The keys that called it in the last 7 days. */
export function CallersTable({ called }: { called: Called }) {
  const { data, error } = useQuery(callersQuery(called))
  if (error) return <ProblemAlert error={error} />
  if (data?.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t.nobodyCalled}
      </Text>
    )
  return <DataTable label={t.callers} columns={COLUMNS} rows={data} rowKey={keyOf} search={keyOf} maxHeight={360} />
}

const SHOWN = 8

/** The same in few words, for the question before something is deleted. */
export function CallersList({ called }: { called: Called }) {
  const { data, error } = useQuery(callersQuery(called))
  if (error) return <ProblemAlert error={error} />
  if (!data) return <Skeleton height={20} role="status" aria-busy="true" aria-label={common.loading} />
  if (data.length === 0) return <Text size="sm">{t.nobodyCalled}</Text>
  const names = [...new Set(data.map(nameOf))]
  return (
    <div>
      <Text size="sm" mb={4}>
        {t.keysCalled}
      </Text>
      <List size="sm">
        {names.slice(0, SHOWN).map(name => (
          <List.Item key={name}>{name}</List.Item>
        ))}
        {names.length > SHOWN && <List.Item>{t.more(names.length - SHOWN)}</List.Item>}
      </List>
    </div>
  )
}

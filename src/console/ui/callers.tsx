import { List, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Called, type Caller, callersQuery } from '../api/callers.ts'
import { traffic } from '../texts/traffic.ts'
import { uses as t } from '../texts/uses.ts'
import { type Column, DataTable } from './data-table.tsx'
import { Loading } from './loading.tsx'
import { ProblemAlert } from './problem-alert.tsx'
import { RelativeTime } from './relative-time.tsx'
import { keyName, placeName } from './usage-names.ts'

const keyOf = (caller: Caller) => `${caller.key_id ?? caller.key} ${keyName(caller)} ${placeName(caller)}`

const COLUMNS: Column<Caller>[] = [
  { key: 'key', header: t.key, sort: keyName, cell: keyName },
  { key: 'place', header: t.called, sort: placeName, cell: placeName },
  {
    key: 'calls',
    header: t.calls,
    align: 'end',
    sort: caller => caller.calls,
    cell: caller => <span className="tabular">{traffic.count(caller.calls)}</span>,
  },
  {
    key: 'last',
    header: t.last,
    sort: caller => caller.last_hour,
    cell: caller => <LastHour at={caller.last_hour} />,
  },
]

/** The keys that called it in the last 7 days. */
export function CallersTable({ called }: { called: Called }) {
  const { data, error } = useQuery(callersQuery(called))
  if (error && !data) return <ProblemAlert error={error} />
  if (data?.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {wordsFor(called).nobody}
      </Text>
    )
  return <DataTable label={t.callers} columns={COLUMNS} rows={data} rowKey={keyOf} search={keyOf} maxHeight={360} />
}

const SHOWN = 8

/**
 * What every question before something is destroyed says: which keys called it in the last 7 days, or where a key called, each
 * with how often and when last.
 */
export function CallersList({ called }: { called: Called }) {
  const { data, error } = useQuery({ ...callersQuery(called), staleTime: 0 })
  if (error) return <ProblemAlert error={error} />
  if (!data) return <Loading height={20} />
  const words = wordsFor(called)
  if (data.length === 0) return <Text size="sm">{words.nobody}</Text>
  const lines = linesOf(data, isOfKey(called) ? placeName : keyName)
  return (
    <div>
      <Text size="sm" mb={4}>
        {words.called}
      </Text>
      <List size="sm">
        {lines.slice(0, SHOWN).map(({ name, calls, last }) => (
          <List.Item key={name}>
            <b>{name}</b>, {traffic.inCalls(calls)}, {t.lastOne} <LastHour at={last} />
          </List.Item>
        ))}
        {lines.length > SHOWN && <List.Item>{t.more(lines.length - SHOWN)}</List.Item>}
      </List>
    </div>
  )
}

/** What will happen, and to whom: for the question before it does. */
export const Consequences = ({ text, called }: { text: string; called: Called }) => (
  <Stack gap="sm">
    <Text size="sm">{text}</Text>
    <CallersList called={called} />
  </Stack>
)

/** Calls are known to the hour. */
export const LastHour = ({ at }: { at: string }) =>
  Date.now() - Date.parse(at) < 3_600_000 ? t.withinHour : <RelativeTime at={at} />

const isOfKey = (called: Called) => 'key' in called && typeof called.key === 'number'

const wordsFor = (called: Called) =>
  isOfKey(called)
    ? t.ofKey
    : 'dataset' in called || 'model' in called || 'connection' in called
      ? t.ofMaterial
      : t.ofPlace

/** One for each name, the latest first, as the callers are. */
function linesOf(callers: Caller[], nameOf: (caller: Caller) => string) {
  const lines = new Map<string, { name: string; calls: number; last: string }>()
  for (const caller of callers) {
    const name = nameOf(caller)
    const line = lines.get(name)
    if (line) line.calls += caller.calls
    else lines.set(name, { name, calls: caller.calls, last: caller.last_hour })
  }
  return [...lines.values()]
}

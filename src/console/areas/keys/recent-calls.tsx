import { List, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { keys as t } from '../../texts/keys.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { callsQuery, type KeyOwner, type KeyRow } from './api.ts'

const SHOWN = 8

/** What a key called in the last 7 days: what stops when it goes. Without counts, when it was used last. */
export function RecentCalls({ of, owner }: { of: KeyRow; owner: KeyOwner }) {
  const { data: calls, isPending } = useQuery(callsQuery(owner, of.id))
  if (isPending) return <Skeleton height={20} aria-busy="true" />
  return (
    <div>
      <Text size="sm">
        {of.last_used_at === null && !calls?.length ? (
          t.neverUsed
        ) : calls?.length ? (
          t.calledInWeek
        ) : (
          <>
            {t.usedLast} <RelativeTime at={of.last_used_at} />.
          </>
        )}
      </Text>
      {calls && calls.length > 0 && (
        <List size="sm">
          {calls.slice(0, SHOWN).map(({ service, endpoint, deployment, calls: count }) => (
            <List.Item key={`${service} ${endpoint} ${deployment}`}>
              {t.called(deployment ?? [service, endpoint].filter(Boolean).join('.'), count)}
            </List.Item>
          ))}
          {calls.length > SHOWN && <List.Item>{t.moreCalled(calls.length - SHOWN)}</List.Item>}
        </List>
      )}
    </div>
  )
}

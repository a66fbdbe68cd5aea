import { List, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { services as t } from '../../texts/services.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { keysQuery } from './api.ts'

const LATELY_MS = 7 * 86_400_000
const SHOWN = 10

/** Which keys of a service called it in the last 7 days: who is hit when it goes. */
export function RecentCallers({ service }: { service: number }) {
  const { data, error } = useQuery(keysQuery(service))
  if (error) return <Text size="sm">{t.keysUnread}</Text>
  if (!data) return <Skeleton height={20} aria-busy="true" />
  const since = Date.now() - LATELY_MS
  const lately = data.filter(({ last_used_at }) => last_used_at !== null && Date.parse(last_used_at) > since)
  if (lately.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t.calledByNobody}
      </Text>
    )
  return (
    <div>
      <Text size="sm" fw={500}>
        {t.calledLately}
      </Text>
      <List size="sm">
        {lately.slice(0, SHOWN).map(key => (
          <List.Item key={key.id}>
            {key.name}, {t.lastUsed} <RelativeTime at={key.last_used_at} />
          </List.Item>
        ))}
        {lately.length > SHOWN && <List.Item>+{lately.length - SHOWN}</List.Item>}
      </List>
    </div>
  )
}

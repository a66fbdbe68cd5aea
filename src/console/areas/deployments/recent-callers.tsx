import { List, Skeleton, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { callersQuery } from './api.ts'

const SHOWN = 8

/** Whom it would break: for the question before it is stopped or deleted, which is asked outside of any page. */
export function RecentCallers({ project, name }: { project: number; name: string }) {
  const { data, error } = useQuery(callersQuery(project, name))
  if (error) return <ProblemAlert error={error} />
  if (!data) return <Skeleton height={20} role="status" aria-busy="true" aria-label={common.loading} />
  if (data.length === 0) return <Text size="sm">{t.notCalled}</Text>
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {t.calledInWeek}
      </Text>
      <List size="sm">
        {data.slice(0, SHOWN).map(({ key_id, key, calls }) => (
          <List.Item key={key_id ?? key}>{t.callsOf(key ?? t.keyGone, calls)}</List.Item>
        ))}
        {data.length > SHOWN && <List.Item>{t.more(data.length - SHOWN)}</List.Item>}
      </List>
    </div>
  )
}

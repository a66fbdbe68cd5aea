import { Badge, Group, List, Popover, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { instanceQuery } from '../../api/instance.ts'
import { home as t } from '../../texts/home.ts'
import { healthQuery } from './api.ts'

/** How the server is, now; why, where it is not well. */
export function HealthCard() {
  const { data: health } = useQuery(healthQuery)
  const { data: instance } = useQuery(instanceQuery)
  return (
    <Group gap="xs" role="status">
      {health === undefined ? (
        <Badge color="gray">{t.looking}</Badge>
      ) : health.isReady ? (
        <Badge color="green" title={t.readyText}>
          {t.ready}
        </Badge>
      ) : (
        <NotReady reasons={health.reasons} />
      )}
      {instance && (
        <Text size="xs" c="dimmed">
          {t.version(instance.version)}
        </Text>
      )}
    </Group>
  )
}

function NotReady({ reasons }: { reasons: string[] }) {
  const badge = <Badge color="red">{t.notReady}</Badge>
  if (reasons.length === 0) return badge
  return (
    <Popover width={320} shadow="md">
      <Popover.Target>
        <UnstyledButton aria-label={`${t.notReady}: ${t.reason}`}>{badge}</UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <List size="sm">
          {reasons.map(reason => (
            <List.Item key={reason}>{reason}</List.Item>
          ))}
        </List>
      </Popover.Dropdown>
    </Popover>
  )
}

import { Group, Paper, Text } from '@mantine/core'
import { useProject } from '../../api/projects.ts'
import type { GroupedUsage } from '../../api/usage.ts'
import { traffic as t } from '../../texts/traffic.ts'
import { TextLink } from '../../ui/link.tsx'
import { Sparkline } from '../../ui/sparkline.tsx'

/** What was called of a service in the last 7 days, in a line, and the way to more. */
export function UsageCard({ service, report }: { service: string; report: GroupedUsage | undefined }) {
  const { slug } = useProject()
  const { calls = 0, refused = 0, throttled = 0, failed = 0, latency_ms: latency } = report?.totals ?? {}
  return (
    <Paper component="section" py="xs" aria-label={t.lastDays} aria-busy={report === undefined}>
      <Group gap="md">
        <Text size="sm" c="dimmed">
          {t.lastDays}
        </Text>
        <Sparkline values={(report?.series ?? []).map(row => row.calls)} />
        <Text size="sm" className="tabular">
          {t.summary(calls, refused, throttled, failed, latency?.p95 ?? null)}
        </Text>
        <TextLink
          to="/projects/$project/usage"
          params={{ project: slug }}
          search={{ range: 'week', service }}
          ml="auto"
        >
          {t.usage}
        </TextLink>
      </Group>
    </Paper>
  )
}

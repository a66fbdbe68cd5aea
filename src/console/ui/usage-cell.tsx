import { Group } from '@mantine/core'
import type { UsageGroup } from '../api/usage.ts'
import { traffic as t } from '../texts/traffic.ts'
import { TextLink } from './link.tsx'
import { Sparkline } from './sparkline.tsx'

interface UsageCellProps {
  /** undefined: there were none */
  group: Pick<UsageGroup, 'calls' | 'series'> | undefined
  /** whose calls */
  name: string
  project: string
  search: { range: 'week'; service?: string; endpoint?: string; key?: number }
}

/** Calls of the last 7 days in a table's cell: how many, when, and the way to more. */
export function UsageCell({ group, name, project, search }: UsageCellProps) {
  if (!group) return <span className="dimmed">{t.noCalls}</span>
  return (
    <Group gap={8} wrap="nowrap" justify="flex-end">
      <Sparkline values={group.series} />
      <TextLink
        to="/projects/$project/usage"
        params={{ project }}
        search={search}
        className="tabular"
        aria-label={`${t.inCalls(group.calls)}: ${t.usageOf(name)}`}
      >
        {t.count(group.calls)}
      </TextLink>
    </Group>
  )
}

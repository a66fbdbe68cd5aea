import { Group } from '@mantine/core'
import type { ReactNode } from 'react'
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
  /** what is said beside the bars, default: how many calls there were; and where there were none */
  children?: ReactNode
}

/** Calls of the last 7 days in a table's cell, as bars that lead to their usage. */
export function UsageCell({ group, name, project, search, children }: UsageCellProps) {
  if (!group) return children ?? <span className="dimmed">{t.noCalls}</span>
  const said = `${t.usageOf(name)}: ${t.inCalls(group.calls)}, ${t.lastDays}`
  const link = { to: '/projects/$project/usage', params: { project }, search, title: said, 'aria-label': said } as const
  return (
    <Group gap={8} wrap="nowrap">
      <TextLink {...link} className="tabular">
        <Sparkline values={group.series} /> {children ? null : t.count(group.calls)}
      </TextLink>
      {children}
    </Group>
  )
}

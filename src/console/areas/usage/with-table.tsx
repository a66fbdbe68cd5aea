import { Paper } from '@mantine/core'
import { type ReactNode, useMemo, useState } from 'react'
import type { UsageRow } from '../../api/usage.ts'
import { usage as t } from '../../texts/usage.ts'
import { ChartFrame } from '../../ui/chart-frame.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'

interface WithTableProps {
  /** the chart, which is loaded when it is drawn */
  children: ReactNode
  height: number
  label: string
  rows: readonly UsageRow[]
  columns: Column<UsageRow>[]
}

/** A chart, and the numbers that it shows as a table, the latest first, for everyone who would rather read them. */
export function WithTable({ children, height, label, rows, columns }: WithTableProps) {
  const [opened, setOpened] = useState(false)
  const latestFirst = useMemo(() => [...rows].reverse(), [rows])
  return (
    <Paper>
      <ChartFrame height={height}>{children}</ChartFrame>
      <details onToggle={event => setOpened(event.currentTarget.open)} style={{ marginTop: 8 }}>
        <summary aria-label={`${t.table}: ${label}`}>{t.table}</summary>
        <div style={{ marginTop: 8 }}>
          {opened && (
            <DataTable label={label} columns={columns} rows={latestFirst} rowKey={row => row.at} maxHeight={320} />
          )}
        </div>
      </details>
    </Paper>
  )
}

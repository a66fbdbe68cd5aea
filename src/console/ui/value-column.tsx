import { Text } from '@mantine/core'
import type { Column } from './data-table.tsx'

type Row = Record<string, unknown>

/** Characters of a value that are drawn, and those that may not fit a cell. */
const MOST_DRAWN = 300
const LONG = 40

/** A value as JSON has it. */
export function CellValue({ value, dimmed = false }: { value: unknown; dimmed?: boolean }) {
  if (value === null || value === undefined)
    return (
      <Text span inherit c="dimmed" fs="italic">
        null
      </Text>
    )
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return (
    <Text
      span
      inherit
      c={dimmed ? 'dimmed' : undefined}
      className="tabular"
      title={text.length > LONG ? text : undefined}
    >
      {text.length > MOST_DRAWN ? `${text.slice(0, MOST_DRAWN)}…` : text}
    </Text>
  )
}

/** A column of rows that are data, by its type there. */
export const valueColumn = ({ name, type }: { name: string; type: string }): Column<Row> => ({
  key: name,
  header: name,
  align: ['integer', 'float', 'decimal'].includes(type) ? 'end' : undefined,
  cell: row => <CellValue value={row[name]} />,
})

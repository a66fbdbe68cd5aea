import { TagsInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { keys as t } from '../../texts/keys.ts'
import type { ColumnChoice } from './key-choices.ts'

interface ColumnsInputProps {
  columns: ColumnChoice[]
  value: string[]
  onChange: (value: string[]) => void
  error?: ReactNode
}

/** Columns by name, proposed from those that the endpoints read. */
export const ColumnsInput = ({ columns, value, onChange, error }: ColumnsInputProps) => (
  <TagsInput
    label={t.columns}
    description={t.columnsHint}
    data={columns.map(({ name }) => name)}
    value={value}
    onChange={onChange}
    error={error}
    acceptValueOnBlur
    limit={200}
    maxDropdownHeight={240}
  />
)

import { Select } from '@mantine/core'
import { query as q } from '../../../texts/services.ts'
import type { QueryTable } from './tables.ts'

interface ColumnSelectProps {
  tables: QueryTable[]
  value: string | undefined
  onChange: (name: string) => void
  label?: string
  /** names of the answer that may be chosen, too */
  more?: string[]
  placeholder?: string
  clearable?: boolean
  onClear?: () => void
}

/** A column of the query's tables, grouped by table; a name that none of them has stays as it is. */
export function ColumnSelect(props: ColumnSelectProps) {
  const { tables, value, onChange, label = q.column, more = [], placeholder, clearable, onClear } = props
  // of two tables that go by one name yet, columns are there once: the select takes no name twice
  const known = new Set<string>()
  const fresh = (name: string) => !known.has(name) && known.add(name)
  const groups = tables
    .map(({ alias, columns }, i) => ({
      group: i === 0 ? alias : `${alias} `,
      items: columns.map(({ name }) => name).filter(fresh),
    }))
    .filter(({ items }) => items.length > 0)
  const answers = more.filter(fresh)
  return (
    <Select
      label={label}
      data={[
        ...(value && !known.has(value) ? [{ group: '?', items: [value] }] : []),
        ...(answers.length > 0 ? [{ group: q.as, items: answers }] : []),
        ...groups,
      ]}
      value={value || null}
      onChange={name => (name ? onChange(name) : onClear?.())}
      placeholder={placeholder}
      searchable
      clearable={clearable}
      // a query has hundreds of these, each with hundreds of columns
      comboboxProps={{ keepMounted: false }}
      flex="1 1 160px"
      miw={130}
    />
  )
}

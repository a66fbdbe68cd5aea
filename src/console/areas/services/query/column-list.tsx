import { Group, Select } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { query as q } from '../../../texts/services.ts'
import { having, RemoveButton, replacing, TextField } from '../fields.tsx'
import { AddButton, Entry, Part } from '../part.tsx'
import { ColumnSelect } from './column-select.tsx'
import {
  type AggregateFunction,
  answerName,
  type Column,
  type ColumnObject,
  type QueryDefinition,
  type QueryTable,
} from './tables.ts'

const FUNCTIONS = Object.entries(q.aggregates).map(([value, label]) => ({ value, label }))

/** as many as a definition may list */
const MOST_LISTED = 500

interface ColumnListProps {
  query: QueryDefinition
  tables: QueryTable[]
  onChange: (columns: Column[]) => void
  children: ReactNode
}

/** What the answer has: columns under names of their own, and aggregates. */
export function ColumnList({ query, tables, onChange, children }: ColumnListProps) {
  const columns = query.columns ?? []
  // names of counts that nobody has typed
  const [proposed, setProposed] = useState<string[]>([])
  const addAggregate = () => {
    const as = freeName(columns)
    if (as) setProposed([...proposed, as])
    onChange([...columns, having<ColumnObject>({ fn: 'count' }, { as })])
  }
  const all = tables.flatMap(table => table.columns.map(({ name }) => name))
  return (
    <Part title={q.columns} about={q.columnsAbout}>
      {columns.map((column, i) => (
        <ColumnEntry
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have nothing else, and are kept in the definition
          key={i}
          column={column}
          tables={tables}
          isProposed={typeof column === 'object' && proposed.includes(column.as ?? '')}
          onChange={changed => onChange(replacing(columns, i, changed))}
          onRemove={() => onChange(replacing(columns, i))}
        />
      ))}
      <Group gap="xs">
        <AddButton
          onClick={() => onChange([...columns, unused([...(query.group_by ?? []), ...all], columns)])}
          disabled={all.length === 0}
        >
          {q.addColumn}
        </AddButton>
        <AddButton onClick={addAggregate} disabled={all.length === 0}>
          {q.addAggregate}
        </AddButton>
        {columns.length === 0 && all.length <= MOST_LISTED && (
          <AddButton onClick={() => onChange(all)} disabled={all.length === 0}>
            {q.addAll}
          </AddButton>
        )}
      </Group>
      {children}
    </Part>
  )
}

const unused = (all: string[], columns: Column[]) =>
  all.find(name => !columns.some(column => answerName(column) === name)) ?? all[0]!

/** Of one more count; undefined: its own. */
function freeName(columns: Column[]): string | undefined {
  const taken = new Set(columns.map(answerName))
  if (!taken.has('count')) return
  for (let n = 2; ; n++) if (!taken.has(`count_${n}`)) return `count_${n}`
}

interface ColumnEntryProps {
  column: Column
  tables: QueryTable[]
  /** its name is one that was proposed for a count */
  isProposed: boolean
  onChange: (column: Column) => void
  onRemove: () => void
}

function ColumnEntry({ column, tables, isProposed, onChange, onRemove }: ColumnEntryProps) {
  const whole: ColumnObject = typeof column === 'string' ? { column } : column
  const set = (change: Partial<ColumnObject>) => onChange(shortest(having(whole, change)))
  // no average is to be called count_2
  const redefine = (change: Partial<ColumnObject>) => set(isProposed ? { as: undefined, ...change } : change)
  return (
    <Entry label={answerName(column)} end={<RemoveButton what={answerName(column)} onClick={onRemove} />}>
      {whole.fn && (
        <Select
          label={q.aggregate}
          data={FUNCTIONS}
          value={whole.fn}
          onChange={fn => redefine({ fn: (fn ?? undefined) as AggregateFunction | undefined })}
          w={170}
        />
      )}
      <ColumnSelect
        tables={tables}
        value={whole.column}
        onChange={name => redefine({ column: name })}
        placeholder={whole.fn === 'count' ? q.everyRow : undefined}
        clearable={whole.fn === 'count'}
        onClear={() => set({ column: undefined })}
      />
      <TextField
        label={q.as}
        placeholder={answerName(having(whole, { as: undefined }))}
        value={whole.as}
        onChange={as => set({ as })}
        flex="1 1 120px"
      />
    </Entry>
  )
}

/** A column alone is written as its name. */
const shortest = (column: ColumnObject): Column =>
  column.fn === undefined && column.as === undefined && column.column !== undefined ? column.column : column

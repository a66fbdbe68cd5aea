import { Group, MultiSelect, Select } from '@mantine/core'
import { useState } from 'react'
import { query as q } from '../../../texts/services.ts'
import { having, RemoveButton, replacing, TextField, withKnown } from '../fields.tsx'
import { AddButton, Entry, Part } from '../part.tsx'
import { ColumnSelect } from './column-select.tsx'
import { NoteFields } from './note-fields.tsx'
import type { Order, QueryDefinition, QueryTable } from './tables.ts'

const DIRECTIONS = Object.entries(q.directions).map(([value, label]) => ({ value, label }))

interface OrderListProps {
  query: QueryDefinition
  tables: QueryTable[]
  /** of the answer */
  names: string[]
  onChange: (order: Order[]) => void
}

/** The order of the rows: columns one after the other, and a parameter by which callers choose. */
export function OrderList({ query, tables, names, onChange }: OrderListProps) {
  const order = query.order_by ?? []
  const all = withKnown(names, ...tables.flatMap(table => table.columns.map(({ name }) => name)))
  return (
    <Part title={q.order} about={q.orderAbout}>
      {order.map((entry, i) => {
        const label = q.orderOf(i + 1)
        const set = (change: Partial<Order>) => onChange(replacing(order, i, having(entry, change)))
        return (
          <Entry
            // biome-ignore lint/suspicious/noArrayIndexKey: entries have nothing else, and are kept in the definition
            key={i}
            label={label}
            end={<RemoveButton what={label} onClick={() => onChange(replacing(order, i))} />}
          >
            {entry.param === undefined ? (
              <>
                <ColumnSelect tables={tables} more={names} value={entry.column} onChange={column => set({ column })} />
                <Select
                  label={q.direction}
                  data={DIRECTIONS}
                  value={entry.direction ?? 'asc'}
                  onChange={direction => set({ direction: direction === 'desc' ? 'desc' : undefined })}
                  w={140}
                />
              </>
            ) : (
              <>
                <TextField label={q.param} value={entry.param} onChange={(param = '') => set({ param })} w={120} />
                <MultiSelect
                  label={q.allow}
                  data={withKnown(all, ...(entry.allow ?? []))}
                  value={entry.allow ?? []}
                  onChange={allow => set({ allow })}
                  searchable
                  flex="1 1 220px"
                />
                <DefaultField value={entry.default} onChange={usual => set({ default: usual })} />
                <NoteFields label={label} noted={entry} onChange={set} type="text" />
              </>
            )}
          </Entry>
        )
      })}
      <Group gap="xs">
        <AddButton onClick={() => onChange([...order, { column: all[0]! }])} disabled={all.length === 0}>
          {q.addOrder}
        </AddButton>
        <AddButton
          onClick={() => onChange([...order, { param: 'sort', allow: all.slice(0, 1) }])}
          disabled={all.length === 0}
        >
          {q.addOrderParam}
        </AddButton>
      </Group>
    </Part>
  )
}

interface DefaultProps {
  value: Order['default']
  onChange: (value: Order['default']) => void
}

/** The usual order, names with commas between them: as it is typed, for as long as it says the same. */
function DefaultField({ value, onChange }: DefaultProps) {
  const [text, setText] = useState(() => written(value))
  const change = (typed = '') => {
    setText(typed)
    onChange(namesIn(typed))
  }
  return (
    <TextField
      label={q.default}
      placeholder={q.defaultOrderHint}
      value={written(namesIn(text)) === written(value) ? text : written(value)}
      onChange={change}
      flex="1 1 160px"
    />
  )
}

const written = (value: Order['default']) => [value ?? []].flat().join(', ')

function namesIn(text: string): Order['default'] {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(Boolean)
  return names.length > 1 ? names : names[0]
}

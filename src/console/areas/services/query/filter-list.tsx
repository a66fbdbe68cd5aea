import { Checkbox, SegmentedControl, Select } from '@mantine/core'
import { query as q } from '../../../texts/services.ts'
import { having, RemoveButton, replacing, TextField } from '../fields.tsx'
import { AddButton, Entry } from '../part.tsx'
import { ColumnSelect } from './column-select.tsx'
import { NoteFields } from './note-fields.tsx'
import type { Filter, Operator, QueryTable } from './tables.ts'
import { ValueField, valueFor } from './value-field.tsx'

const OPERATORS = Object.entries(q.operators).map(([value, label]) => ({ value, label }))
const SOURCES = [
  { value: 'param', label: q.fromCaller },
  { value: 'value', label: q.fixed },
]

interface FilterListProps {
  filters: Filter[]
  tables: QueryTable[]
  /** names that may be filtered instead of columns: aggregates */
  names?: string[]
  label: (n: number) => string
  add: string
  onChange: (filters: Filter[]) => void
}

export function FilterList({ filters, tables, names = [], label, add, onChange }: FilterListProps) {
  const first = tables[0]?.columns[0]?.name ?? names[0]
  return (
    <>
      {filters.map((filter, i) => (
        <FilterEntry
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have nothing else, and are kept in the definition
          key={i}
          label={label(i + 1)}
          filter={filter}
          tables={tables}
          names={names}
          onChange={changed => onChange(replacing(filters, i, changed))}
          onRemove={() => onChange(replacing(filters, i))}
        />
      ))}
      <AddButton
        onClick={() => first && onChange([...filters, { column: first, op: 'eq', param: paramFor(first) }])}
        disabled={!first}
      >
        {add}
      </AddButton>
    </>
  )
}

interface FilterEntryProps {
  label: string
  filter: Filter
  tables: QueryTable[]
  names: string[]
  onChange: (filter: Filter) => void
  onRemove: () => void
}

function FilterEntry({ label, filter, tables, names, onChange, onRemove }: FilterEntryProps) {
  const { column, op = 'eq', param, value } = filter
  const isPair = op === 'between'
  const type = tables.flatMap(table => table.columns).find(({ name }) => name === column)?.type
  const set = (change: Partial<Filter>) => onChange(having(filter, change))
  const ask = () => set({ value: undefined, param: paramOf(op, paramFor(column)) })
  const fix = () =>
    set({
      param: undefined,
      required: undefined,
      default: undefined,
      value: valueFor(op, undefined),
      description: undefined,
      example: undefined,
    })
  const operate = (next: Operator) => {
    if (param !== undefined) set({ op: next, param: paramOf(next, [param].flat()[0]!), default: undefined })
    else set({ op: next, value: valueFor(next, value) })
  }
  const rename = (name: string) => {
    const followed = param === paramFor(column)
    set({ column: name, ...(followed ? { param: paramFor(name) } : {}) })
  }
  return (
    <Entry label={label} end={<RemoveButton what={label} onClick={onRemove} />}>
      <ColumnSelect tables={tables} value={column} onChange={rename} more={names} />
      <Select
        label={q.operator}
        data={OPERATORS}
        value={op}
        onChange={next => next && operate(next as Operator)}
        w={130}
      />
      <SegmentedControl
        size="sm"
        aria-label={`${q.valueFrom}, ${label}`}
        data={SOURCES}
        value={param === undefined ? 'value' : 'param'}
        onChange={source => (source === 'param' ? ask() : fix())}
      />
      {param === undefined ? (
        <ValueField
          label={q.value}
          op={op}
          type={type}
          value={value}
          onChange={next => set({ value: next ?? valueFor(op, undefined) })}
        />
      ) : (
        <>
          {[param].flat().map((name, i) => (
            <TextField
              // biome-ignore lint/suspicious/noArrayIndexKey: the two of a pair
              key={i}
              label={isPair ? (i === 0 ? q.paramFrom : q.paramTo) : q.param}
              value={name}
              onChange={(text = '') => set({ param: Array.isArray(param) ? pairWith(param, i, text) : text })}
              flex="1 1 120px"
            />
          ))}
          {!filter.required && (
            <ValueField
              label={q.default}
              op={op}
              type={type}
              value={filter.default}
              onChange={usual => set({ default: usual })}
              optional
            />
          )}
          <Checkbox
            label={q.required}
            checked={filter.required ?? false}
            onChange={event => set({ required: event.currentTarget.checked || undefined, default: undefined })}
            mb={8}
          />
          <NoteFields label={label} noted={filter} onChange={set} type={type} />
        </>
      )}
    </Entry>
  )
}

const paramFor = (column: string) => column.replace(/^.*\./, '')

const paramOf = (op: Operator, name: string): Filter['param'] =>
  op === 'between' ? [`${name}_from`, `${name}_to`] : name.replace(/_from$/, '')

const pairWith = (pair: readonly [string, string], index: number, name: string): [string, string] =>
  index === 0 ? [name, pair[1]] : [pair[0], name]

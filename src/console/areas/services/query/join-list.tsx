import { Group, Select, Stack } from '@mantine/core'
import { query as q } from '../../../texts/services.ts'
import { DatasetSelect } from '../dataset-select.tsx'
import { having, RemoveButton, replacing, TextField } from '../fields.tsx'
import { AddButton, Entry, Part } from '../part.tsx'
import { ColumnSelect } from './column-select.tsx'
import { type Join, nameOf, partsOf, type QueryDefinition, type QueryTable } from './tables.ts'

const TYPES = Object.entries(q.joinTypes).map(([value, label]) => ({ value, label }))

interface JoinListProps {
  query: QueryDefinition
  tables: QueryTable[]
  onChange: (joins: Join[]) => void
}

export function JoinList({ query, tables, onChange }: JoinListProps) {
  const joins = query.joins ?? []
  const blank: Join = { schema: '', table: '', on: [{ left: '', right: '' }] }
  return (
    <Part title={q.joins} about={q.joinsAbout}>
      {joins.map((join, i) => (
        <JoinEntry
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have nothing else, and are kept in the definition
          key={i}
          label={q.join(i + 1)}
          join={join}
          before={tables.slice(0, i + 1)}
          own={tables[i + 1]}
          onChange={changed => onChange(replacing(joins, i, changed))}
          onRemove={() => onChange(replacing(joins, i))}
        />
      ))}
      <AddButton onClick={() => onChange([...joins, blank])} disabled={query.source.table === '' || joins.length >= 9}>
        {q.addJoin}
      </AddButton>
    </Part>
  )
}

interface JoinEntryProps {
  label: string
  join: Join
  before: QueryTable[]
  own: QueryTable | undefined
  onChange: (join: Join) => void
  onRemove: () => void
}

function JoinEntry({ label, join, before, own, onChange, onRemove }: JoinEntryProps) {
  const set = (change: Partial<Join>) => onChange(having(join, change))
  // in the pairs, a column of the joined table goes by its own name
  const bare = own && {
    ...own,
    columns: own.columns.map(column => ({ ...column, name: column.name.slice(own.alias.length + 1) })),
  }
  return (
    <Entry label={label} end={<RemoveButton what={label} onClick={onRemove} />}>
      <Stack gap="xs" w="100%">
        <Group gap="xs" align="flex-start">
          <DatasetSelect label={label} value={nameOf(join)} onChange={name => set(partsOf(name))} w={220} />
          <TextField label={q.alias} placeholder={q.aliasHint} value={join.as} onChange={as => set({ as })} w={120} />
          <Select
            label={q.joinType}
            data={TYPES}
            value={join.type ?? 'inner'}
            onChange={type => set({ type: type === 'left' ? 'left' : undefined })}
            flex="1 1 200px"
          />
        </Group>
        {join.on.map((pair, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pairs have nothing else, and are kept in the definition
          <Group key={i} gap="xs" align="flex-end" wrap="nowrap">
            <ColumnSelect
              label={q.left}
              tables={before}
              value={pair.left}
              onChange={left => set({ on: replacing(join.on, i, { ...pair, left }) })}
            />
            <ColumnSelect
              label={q.right}
              tables={bare ? [bare] : []}
              value={pair.right}
              onChange={right => set({ on: replacing(join.on, i, { ...pair, right }) })}
            />
            {join.on.length > 1 && (
              <RemoveButton what={`${pair.left} = ${pair.right}`} onClick={() => set({ on: replacing(join.on, i) })} />
            )}
          </Group>
        ))}
        <AddButton onClick={() => set({ on: [...join.on, { left: '', right: '' }] })}>{q.addPair}</AddButton>
      </Stack>
    </Entry>
  )
}

import { Select, TagsInput } from '@mantine/core'
import { parts } from '../../../texts/endpoint-parts.ts'
import { query as q } from '../../../texts/services.ts'
import { TextField } from '../fields.tsx'
import { type Filter, fixedValue, type Operator } from './tables.ts'

type Value = Filter['value']

interface ValueFieldProps {
  label: string
  op: Operator
  /** of the column */
  type: string | undefined
  value: Value
  onChange: (value: Value) => void
  /** whether there may be none */
  optional?: boolean
}

/** The value of a filter, as its operator wants it: one, two, a list, or yes and no. */
export function ValueField({ label, op, type, value, onChange, optional = false }: ValueFieldProps) {
  const read = (text: string) => fixedValue(text, type)
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
  if (op === 'is_null')
    return (
      <Select
        label={label}
        data={[
          { value: 'true', label: parts.isTrue },
          { value: 'false', label: parts.isFalse },
        ]}
        value={value === undefined ? null : String(value)}
        onChange={chosen => onChange(chosen === null ? undefined : chosen === 'true')}
        clearable={optional}
        w={optional ? 120 : 90}
      />
    )
  if (op === 'in' || op === 'not_in')
    return (
      <TagsInput
        label={label}
        placeholder={list.length === 0 ? parts.typeAndEnter : undefined}
        value={list.map(String)}
        onChange={texts => onChange(texts.length === 0 ? undefined : texts.map(read))}
        splitChars={[]}
        acceptValueOnBlur
        flex="1 1 160px"
        size="sm"
      />
    )
  if (op === 'between') {
    const [from = '', to = ''] = list.map(String)
    const set = (pair: [string, string]) => onChange(pair[0] === '' && pair[1] === '' ? undefined : pair.map(read))
    return (
      <>
        <TextField
          label={`${label}, ${q.from_}`}
          value={from}
          onChange={(text = '') => set([text, to])}
          flex="1 1 90px"
        />
        <TextField label={`${label}, ${q.to}`} value={to} onChange={(text = '') => set([from, text])} flex="1 1 90px" />
      </>
    )
  }
  return (
    <TextField
      label={label}
      value={value === undefined ? undefined : String(value ?? '')}
      onChange={text => onChange(text === undefined ? undefined : read(text))}
      flex="1 1 120px"
    />
  )
}

/** The value that is kept where the operator becomes another. */
export function valueFor(op: Operator, value: Value): Value {
  const [first] = [value ?? ''].flat()
  if (op === 'is_null') return true
  if (op === 'in' || op === 'not_in') return Array.isArray(value) ? value : first === '' ? [] : [first!]
  if (op === 'between') return Array.isArray(value) && value.length === 2 ? value : [first!, '']
  return first!
}

/** Inputs of an endpoint's members: an empty one leaves the member out. */
import { ActionIcon, MultiSelect, NumberInput, Textarea, TextInput, Tooltip } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useProject } from '../../api/projects.ts'
import type { EndpointConfig } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { query as q, services as t } from '../../texts/services.ts'

/** Of the form of a kind of endpoint. */
export interface FormProps<E extends EndpointConfig> {
  endpoint: E
  onChange: (endpoint: E) => void
}

/** Whether who is signed in may change the endpoints of this project. */
export function useEdits(): boolean {
  const session = useSession()
  return may(session, 'editor', useProject().slug)
}

interface FieldProps<Value> {
  label: string
  value: Value | undefined
  onChange: (value: Value | undefined) => void
  description?: string
  placeholder?: string
  required?: boolean
  w?: number | string
  flex?: number | string
}

export function TextField({ value, onChange, ...rest }: FieldProps<string> & { error?: string }) {
  return (
    <TextInput
      {...rest}
      value={value ?? ''}
      onChange={event => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
      autoComplete="off"
      spellCheck={false}
    />
  )
}

export function LongTextField({ value, onChange, ...rest }: FieldProps<string> & { minRows?: number }) {
  return (
    <Textarea
      {...rest}
      value={value ?? ''}
      onChange={event => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
    />
  )
}

export function NumberField({
  value,
  onChange,
  min = 1,
  max,
  decimals = false,
  ...rest
}: FieldProps<number> & { min?: number; max?: number; decimals?: boolean; error?: string }) {
  // `1.` on the way to 1.5
  const [typed, setTyped] = useState<number | string>(value ?? '')
  return (
    <NumberInput
      size="sm"
      {...rest}
      value={numberIn(typed) === value ? typed : (value ?? '')}
      onChange={given => {
        setTyped(given)
        onChange(numberIn(given))
      }}
      allowDecimal={decimals}
      min={min}
      max={max}
      hideControls
    />
  )
}

const numberIn = (typed: number | string): number | undefined =>
  typed === '' || !Number.isFinite(Number(typed)) ? undefined : Number(typed)

interface ColumnsProps {
  columns: readonly string[]
  /** undefined: all of them */
  value: string[] | undefined
  onChange: (value: string[] | undefined) => void
}

/** Which of a dataset's columns there are at an endpoint. */
export const ColumnsField = ({ columns, value, onChange }: ColumnsProps) => (
  <MultiSelect
    label={t.columns}
    description={t.columnsHint}
    placeholder={value ? undefined : t.allColumns}
    data={withKnown(columns, ...(value ?? []))}
    value={value ?? []}
    onChange={chosen => onChange(unlessEmpty(chosen))}
    searchable
    clearable
  />
)

export function RemoveButton({ what, onClick }: { what: string; onClick: () => void }) {
  return (
    <Tooltip label={q.remove(what)}>
      <ActionIcon aria-label={q.remove(what)} onClick={onClick} mb={1}>
        <IconTrash size={16} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  )
}

/** The object with these members changed; those that are undefined are left out of it. */
export function having<T extends object>(object: T, change: Partial<T>): T {
  return Object.fromEntries(Object.entries({ ...object, ...change }).filter(([, value]) => value !== undefined)) as T
}

/** The list with the member at `index` replaced; without one, removed. */
export const replacing = <T,>(list: readonly T[], index: number, ...by: T[]): T[] => [
  ...list.slice(0, index),
  ...by,
  ...list.slice(index + 1),
]

/** undefined for an object without members: it is left out of the endpoint. */
export const unlessBare = <T extends object>(object: T): T | undefined =>
  Object.keys(object).length > 0 ? object : undefined

/** undefined for a list without members: it is left out of the endpoint. */
export const unlessEmpty = <T,>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined)

/** The names to choose from, with those that are chosen though they are not there. */
export const withKnown = (names: readonly string[], ...chosen: string[]): string[] => [
  ...new Set([...names, ...chosen.filter(Boolean)]),
]

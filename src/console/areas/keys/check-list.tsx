import { Checkbox } from '@mantine/core'
import type { KeyForm } from './use-key-form.ts'

/** Check boxes of a list, in columns. */
export function CheckList({ form, field, label, hint, items }: CheckListProps) {
  return (
    <Checkbox.Group label={label} description={hint} {...form.getInputProps(field)}>
      <div className="check-list">
        {items.map(({ value, label: text, about }) => (
          <Checkbox key={value} value={value} label={text} description={about} size="sm" />
        ))}
      </div>
    </Checkbox.Group>
  )
}

interface CheckListProps {
  form: KeyForm
  field: 'endpoints' | 'services' | 'deployments' | 'methods'
  label: string
  hint?: string
  items: { value: string; label: string; about?: string }[]
}

import { Checkbox } from '@mantine/core'
import { memo } from 'react'
import type { KeyForm } from './use-key-form.ts'

/** Check boxes of a list, in columns. */
export const CheckList = ({ form, field, ...props }: CheckListProps) => (
  <Boxes {...props} input={form.getInputProps(field)} />
)

interface BoxesProps extends Omit<CheckListProps, 'form' | 'field'> {
  input: ReturnType<KeyForm['getInputProps']>
}

/** A thousand of them are not drawn again for each letter that is typed elsewhere. */
const Boxes = memo(function Boxes({ label, hint, items, input }: BoxesProps) {
  return (
    <Checkbox.Group label={label} description={hint} {...input}>
      <div className="check-list">
        {items.map(({ value, label: text, about }) => (
          <Checkbox key={value} value={value} label={text} description={about} size="sm" />
        ))}
      </div>
    </Checkbox.Group>
  )
}, isSame)

function isSame(before: BoxesProps, now: BoxesProps): boolean {
  const [was, is] = [before.input, now.input]
  const said = (item: Item) => `${item.value} ${item.label} ${item.about}`
  return was.error === is.error && isEqual(was.value, is.value, String) && isEqual(before.items, now.items, said)
}

const isEqual = <T,>(a: T[], b: T[], text: (item: T) => string) =>
  a.length === b.length && a.every((item, i) => text(item) === text(b[i]!))

interface Item {
  value: string
  label: string
  about?: string
}

interface CheckListProps {
  form: KeyForm
  field: 'endpoints' | 'services' | 'deployments' | 'methods'
  label: string
  hint?: string
  items: Item[]
}

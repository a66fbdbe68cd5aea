import { Checkbox, Text, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { memo, useId, useState } from 'react'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import type { KeyForm } from './use-key-form.ts'

/** Check boxes of a list, in columns. */
export const CheckList = ({ form, field, ...props }: CheckListProps) => (
  <Boxes {...props} input={form.getInputProps(field)} />
)

/** more of them are searched, and scroll in themselves */
const SEARCH_FROM = 24

interface BoxesProps extends Omit<CheckListProps, 'form' | 'field'> {
  input: ReturnType<KeyForm['getInputProps']>
}

/** A thousand of them are not drawn again for each letter that is typed elsewhere. Mantine takes seconds to draw as many of its own. */
const Boxes = memo(function Boxes({ label, hint, items, input }: BoxesProps) {
  const id = useId()
  const [wanted, setWanted] = useState('')
  const searches = items.length > SEARCH_FROM
  const chosen = new Set<string>(input.value)
  const word = wanted.trim().toLowerCase()
  const shown = items.filter(({ label, about = '' }) => `${label} ${about}`.toLowerCase().includes(word))
  const toggle = (value: string) =>
    input.onChange(chosen.has(value) ? [...chosen].filter(other => other !== value) : [...chosen, value])
  return (
    <Checkbox.Group label={label} description={hint} {...input}>
      {searches && (
        <TextInput
          type="search"
          mt={8}
          aria-label={`${common.search}: ${label}`}
          placeholder={common.search}
          leftSection={<IconSearch size={15} />}
          value={wanted}
          onChange={event => setWanted(event.currentTarget.value)}
          onKeyDown={event => event.key === 'Enter' && event.preventDefault()} // the form is not sent by it
        />
      )}
      <div className={searches ? 'check-list long' : 'check-list'}>
        {shown.map(({ value, label: text, about }) => (
          <div key={value}>
            <input
              type="checkbox"
              id={`${id}-${value}`}
              className="mantine-focus-auto"
              value={value}
              checked={chosen.has(value)}
              onChange={() => toggle(value)}
              aria-description={about}
            />
            <label htmlFor={`${id}-${value}`}>{text}</label>
            {about !== undefined && <small aria-hidden>{about}</small>}
          </div>
        ))}
        {shown.length === 0 && (
          <Text size="sm" c="dimmed">
            {common.nothingFound}
          </Text>
        )}
      </div>
      {searches && (
        <Text size="xs" c="dimmed" mt={6} role="status">
          {t.chosenOf(chosen.size, items.length)}
        </Text>
      )}
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

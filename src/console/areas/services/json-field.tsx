import { useState } from 'react'
import { typedJson } from '../../api/exact-json.ts'
import { parts as t } from '../../texts/endpoint-parts.ts'
import { useNoteUnread } from '../../ui/unread.tsx'
import { useTrouble } from './checked.tsx'
import { CodeField } from './code-field.tsx'

interface JsonFieldProps {
  label: string
  description?: string
  /** of the endpoint, as refusals name it */
  member: string
  value: unknown
  onChange: (value: unknown) => void
}

const written = (value: unknown) => (value === undefined ? '' : JSON.stringify(value, null, 2))

/** A member that is JSON itself; empty leaves it out. What is not valid yet stays in the field only. */
export function JsonField({ label, description, member, value, onChange }: JsonFieldProps) {
  const [text, setText] = useState(() => written(value))
  const refused = useTrouble(member)
  const read = parsed(text)
  const isValid = !('reason' in read)
  useNoteUnread(!isValid)
  const shown = isValid && JSON.stringify(read.value) !== JSON.stringify(value) ? written(value) : text
  const change = (typed: string) => {
    setText(typed)
    const given = parsed(typed)
    // the editor tells of what was put into it, too
    if (!('reason' in given) && JSON.stringify(given.value) !== JSON.stringify(value)) onChange(given.value)
  }
  return (
    <CodeField
      label={label}
      description={description}
      language="json"
      value={shown}
      onChange={change}
      error={isValid ? refused : t.notJson(read.reason)}
      minHeight={96}
    />
  )
}

function parsed(text: string): { value?: unknown } | { reason: string } {
  if (text.trim() === '') return {}
  try {
    return { value: typedJson(text) }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

import { Textarea } from '@mantine/core'
import { useState } from 'react'
import { services as t } from '../../texts/services.ts'

interface JsonFieldProps {
  label: string
  description?: string
  value: unknown
  onChange: (value: unknown) => void
}

const written = (value: unknown) => (value === undefined ? '' : JSON.stringify(value, null, 2))

/** A member that is JSON itself; empty leaves it out. What is not valid yet stays in the field only. */
export function JsonField({ label, description, value, onChange }: JsonFieldProps) {
  const [text, setText] = useState(() => written(value))
  const read = parsed(text)
  const valid = read !== 'invalid'
  const shown = valid && JSON.stringify(read?.value) !== JSON.stringify(value) ? written(value) : text
  const change = (typed: string) => {
    setText(typed)
    const given = parsed(typed)
    if (given !== 'invalid') onChange(given?.value)
  }
  return (
    <Textarea
      label={label}
      description={description}
      value={shown}
      onChange={event => change(event.currentTarget.value)}
      error={valid ? undefined : t.fieldNotJson}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
      spellCheck={false}
    />
  )
}

function parsed(text: string): { value: unknown } | undefined | 'invalid' {
  if (text.trim() === '') return undefined
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return 'invalid'
  }
}

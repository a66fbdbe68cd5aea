import { Badge, Group, Stack, TextInput } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { deployments as t } from '../../texts/deployments.ts'
import { useNoteUnread } from '../../ui/unread.tsx'
import { lineOf, wordsOf } from './command-line.ts'
import { isSame } from './definition.ts'

interface CommandFieldProps {
  value: string[] | undefined
  onChange: (command: string[]) => void
  error?: string
}

/** A command in one line, and how it is taken apart. */
export function CommandField({ value = [], onChange, error }: CommandFieldProps) {
  const input = useRef<HTMLInputElement>(null)
  const [line, setLine] = useState(() => lineOf(value))
  const words = wordsOf(line)
  const shown = words === undefined || isSame(words, value) ? line : lineOf(value)
  const trouble = words === undefined ? t.unclosed : ''
  useNoteUnread(words === undefined)
  useEffect(() => input.current?.setCustomValidity(trouble), [trouble])
  const change = (typed: string) => {
    setLine(typed)
    const given = wordsOf(typed)
    if (given) onChange(given)
  }
  return (
    <Stack gap={6}>
      <TextInput
        ref={input}
        label={t.commandField}
        description={t.commandHint}
        placeholder={t.commandPlaceholder}
        value={shown}
        onChange={event => change(event.currentTarget.value)}
        error={trouble || error}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        required
      />
      {value.length > 1 && (
        <Group gap={4} aria-hidden>
          {value.map((word, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a word may be there twice
            <Badge key={at} color="gray" ff="monospace" maw="100%">
              {word === '' ? '""' : word}
            </Badge>
          ))}
        </Group>
      )}
    </Stack>
  )
}

import { ActionIcon, Group, Tooltip } from '@mantine/core'
import { IconMessage } from '@tabler/icons-react'
import { useState } from 'react'
import { parts as t } from '../../../texts/endpoint-parts.ts'
import { TextField } from '../fields.tsx'
import { fixedValue } from './tables.ts'

interface Noted {
  description?: string
  example?: unknown
}

interface NoteProps {
  /** what is described */
  label: string
  noted: Noted
  onChange: (change: Noted) => void
  /** of the example */
  type: string | undefined
}

/** What callers are told of a parameter, out of the way until somebody wants it. */
export function NoteFields({ label, noted, onChange, type }: NoteProps) {
  const [opened, setOpened] = useState(noted.description !== undefined || noted.example !== undefined)
  if (!opened)
    return (
      <Tooltip label={t.describe(label)}>
        <ActionIcon aria-label={t.describe(label)} onClick={() => setOpened(true)} mb={1}>
          <IconMessage size={16} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    )
  return (
    <Group gap="xs" w="100%" align="flex-end">
      <TextField
        label={t.paramDescription}
        value={noted.description}
        onChange={description => onChange({ description })}
        flex="3 1 200px"
      />
      <ExampleField example={noted.example} onChange={example => onChange({ example })} type={type} />
    </Group>
  )
}

interface ExampleProps {
  example: unknown
  onChange: (example: unknown) => void
  type: string | undefined
}

/** A value as callers may send it. One that is no text or number is shown as JSON. */
export const ExampleField = ({ example, onChange, type }: ExampleProps) => (
  <TextField
    label={t.paramExample}
    value={example === undefined ? undefined : typeof example === 'object' ? JSON.stringify(example) : String(example)}
    onChange={text => onChange(text === undefined ? undefined : fixedValue(text, type))}
    flex="1 1 120px"
  />
)

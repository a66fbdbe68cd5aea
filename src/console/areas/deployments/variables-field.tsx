import { Button, Code, Fieldset, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { deployments as t } from '../../texts/deployments.ts'
import { SecretInput } from '../../ui/secret-input.tsx'
import { useNoteUnread } from '../../ui/unread.tsx'
import { RemoveButton } from '../services/fields.tsx'

interface VariablesFieldProps {
  /** those that are set */
  names: string[]
  /** what they are to be set to; null: taken away */
  changes: Record<string, string | null>
  onChange: (changes: Record<string, string | null>) => void
  error?: string
}

interface Added {
  id: number
  name: string
  value: string
  /** one of this name is set already, or added above: what is typed here is no variable yet */
  isTaken: boolean
}

let added = 0

/** Variables of a program. Those that are set are known by name only: each is kept, replaced or taken away. */
export function VariablesField({ names, changes, onChange, error }: VariablesFieldProps) {
  const [rows, setRows] = useState<Added[]>(() =>
    Object.entries(changes).flatMap(([name, value]) =>
      names.includes(name) || value === null ? [] : [{ id: ++added, name, value, isTaken: false }],
    ),
  )
  const ofKnown = Object.fromEntries(Object.entries(changes).filter(([name]) => names.includes(name)))
  const known = (name: string, value: string | null | undefined) => {
    const { [name]: _, ...others } = changes
    onChange(value === undefined ? others : { ...others, [name]: value })
  }
  const change = (typed: Added[]) => {
    const next = typed.map((row, at) => ({
      ...row,
      isTaken: names.includes(row.name) || (row.name !== '' && typed.findIndex(({ name }) => name === row.name) < at),
    }))
    setRows(next)
    const ofAdded = next.filter(({ name, isTaken }) => name !== '' && !isTaken).map(({ name, value }) => [name, value])
    onChange({ ...ofKnown, ...Object.fromEntries(ofAdded) })
  }
  useNoteUnread(rows.some(({ name, value, isTaken }) => isTaken || (name === '' && value !== '')))
  // what was saved, discarded or written as JSON
  const expected = Object.keys(changes).filter(name => !names.includes(name))
  const stays = rows.filter(({ name, isTaken }) => name === '' || isTaken || expected.includes(name))
  const missing = expected.filter(name => !rows.some(row => row.name === name))
  if (stays.length !== rows.length || missing.length > 0)
    setRows([...stays, ...missing.map(name => ({ id: ++added, name, value: changes[name] ?? '', isTaken: false }))])
  return (
    <Fieldset legend={t.variables}>
      <Stack gap="sm">
        <Text size="xs" c="dimmed">
          {t.variablesHint}
        </Text>
        {names.map(name => (
          <Known key={name} name={name} change={changes[name]} onChange={value => known(name, value)} />
        ))}
        {rows.map((row, at) => (
          <Group key={row.id} gap="xs" align="flex-end" wrap="nowrap">
            <TextInput
              aria-label={t.variable}
              placeholder={t.variable}
              value={row.name}
              error={row.isTaken && t.takenVariable(row.name)}
              inputWrapperOrder={['error', 'input']}
              onChange={event => change(rows.with(at, { ...row, name: event.currentTarget.value.trim() }))}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              flex={1}
            />
            <SecretInput
              aria-label={t.valueOf(row.name || t.newVariable)}
              placeholder={t.value}
              value={row.value}
              onChange={event => change(rows.with(at, { ...row, value: event.currentTarget.value }))}
              autoComplete="off"
              flex={1}
            />
            <RemoveButton what={row.name || t.newVariable} onClick={() => change(rows.toSpliced(at, 1))} />
          </Group>
        ))}
        {error && (
          <Text size="xs" c="var(--mantine-color-error)" role="alert">
            {error}
          </Text>
        )}
        <Group>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => setRows([...rows, { id: ++added, name: '', value: '', isTaken: false }])}
          >
            {t.addVariable}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  )
}

interface KnownProps {
  name: string
  /** undefined: it stays as it is */
  change: string | null | undefined
  onChange: (value: string | null | undefined) => void
}

function Known({ name, change, onChange }: KnownProps) {
  return (
    <Group gap="xs" justify="space-between">
      <Group gap="xs">
        <Code style={{ overflowWrap: 'anywhere' }}>{name}</Code>
        {typeof change !== 'string' && (
          <Text size="sm" c="dimmed">
            {change === null ? t.removed : t.kept}
          </Text>
        )}
      </Group>
      <Group gap="xs">
        {typeof change === 'string' && (
          <SecretInput
            aria-label={t.valueOf(name)}
            placeholder={t.value}
            value={change}
            onChange={event => onChange(event.currentTarget.value)}
            autoComplete="off"
            w={220}
          />
        )}
        {change === undefined ? (
          <>
            <Button size="compact-xs" variant="default" onClick={() => onChange('')} aria-label={t.replaceOf(name)}>
              {t.replace}
            </Button>
            <RemoveButton what={name} onClick={() => onChange(null)} />
          </>
        ) : (
          <Button size="compact-xs" variant="default" onClick={() => onChange(undefined)} aria-label={t.keepOf(name)}>
            {t.keep}
          </Button>
        )}
      </Group>
    </Group>
  )
}

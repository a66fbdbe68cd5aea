import { Stack, Text } from '@mantine/core'
import { deployments as t } from '../../texts/deployments.ts'
import { JsonDocument } from '../services/json-document.tsx'
import type { Definition, EditorProps } from './definition.ts'

interface DefinitionJsonProps extends Pick<EditorProps, 'definition' | 'onChange' | 'envNames'> {
  readOnly: boolean
}

/** The definition as JSON: all of its fields, and what is to change of its variables. */
export default function DefinitionJson({ definition, onChange, envNames, readOnly }: DefinitionJsonProps) {
  return (
    <Stack gap="xs">
      <Text size="xs" c="dimmed">
        {t.jsonHint} {envNames.length > 0 && t.jsonVariables(envNames.join(', '))}
      </Text>
      <JsonDocument
        label={t.jsonLabel}
        value={definition}
        onChange={onChange}
        read={definitionOf}
        readOnly={readOnly}
        minHeight={220}
      />
    </Stack>
  )
}

/** The definition, whose shape the server checks; or why it is none. */
const definitionOf = (value: unknown): Definition | string =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Definition) : t.notAnObject

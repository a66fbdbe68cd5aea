/** A definition as JSON, with CodeMirror: import this with `lazy` only. */
import { Stack, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import { deployments as t } from '../../texts/deployments.ts'
import CodeEditor from '../services/code-editor.tsx'
import { type Definition, type EditorProps, isSame } from './definition.ts'

const written = (definition: Definition) => JSON.stringify(definition, null, 2)

interface DefinitionJsonProps extends Pick<EditorProps, 'definition' | 'onChange' | 'envNames'> {
  readOnly: boolean
}

/** What is no valid JSON yet is kept here, and is no part of the definition until it is. */
export default function DefinitionJson({ definition, onChange, envNames, readOnly }: DefinitionJsonProps) {
  const [text, setText] = useState(() => written(definition))
  const [trouble, setTrouble] = useState('')
  const known = useRef(definition)
  if (known.current !== definition) {
    known.current = definition
    if (trouble === '' && !isSame(read(text), definition)) setText(written(definition))
  }
  const change = (typed: string) => {
    setText(typed)
    const given = read(typed)
    setTrouble(typeof given === 'string' ? given : '')
    if (typeof given === 'string' || isSame(given, definition)) return
    known.current = given
    onChange(given)
  }
  return (
    <Stack gap="xs">
      <Text size="xs" c="dimmed">
        {t.jsonHint} {envNames.length > 0 && t.jsonVariables(envNames.join(', '))}
      </Text>
      <CodeEditor
        label={t.jsonLabel}
        language="json"
        value={text}
        onChange={change}
        readOnly={readOnly}
        minHeight={220}
      />
      <Text size="sm" c="var(--mantine-color-error)" role="status">
        {trouble}
      </Text>
    </Stack>
  )
}

/** The definition, whose shape the server checks; or why it is none. */
function read(text: string): Definition | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return t.notJson
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Definition) : t.notAnObject
}

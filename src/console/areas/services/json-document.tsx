/** A value as JSON, with CodeMirror: import what uses this with `lazy` only. */
import { Stack, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import { typedJson } from '../../api/exact-json.ts'
import { services as t } from '../../texts/services.ts'
import { useNoteUnread } from '../../ui/unread.tsx'
import CodeEditor from './code-editor.tsx'

interface JsonDocumentProps<Value> {
  label: string
  value: Value
  onChange: (value: Value) => void
  /** what is typed as a value, or why it is none */
  read: (typed: unknown) => Value | string
  readOnly: boolean
  /** px */
  minHeight: number
}

const written = (value: object) => JSON.stringify(value, null, 2)

/** What is not valid yet is kept here, and is no part of the value until it is. */
export function JsonDocument<Value extends object>(props: JsonDocumentProps<Value>) {
  const { label, value, onChange, read, readOnly, minHeight } = props
  const [text, setText] = useState(() => written(value))
  const [trouble, setTrouble] = useState('')
  useNoteUnread(trouble !== '', true)
  const known = useRef(value)
  if (known.current !== value) {
    known.current = value
    if (trouble === '' && !same(text, value)) setText(written(value))
  }
  const change = (typed: string) => {
    setText(typed)
    const parsed = parsedWith(read, typed)
    setTrouble(typeof parsed === 'string' ? parsed : '')
    if (typeof parsed === 'string' || same(typed, value)) return
    known.current = parsed
    onChange(parsed)
  }
  return (
    <Stack gap="xs">
      <CodeEditor
        label={label}
        language="json"
        value={text}
        onChange={change}
        readOnly={readOnly}
        minHeight={minHeight}
      />
      <Text size="sm" c="var(--mantine-color-error)" role="status">
        {trouble}
      </Text>
    </Stack>
  )
}

function same(text: string, value: object): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value)
  } catch {
    return false
  }
}

function parsedWith<Value>(read: (typed: unknown) => Value | string, typed: string): Value | string {
  let value: unknown
  try {
    value = typedJson(typed)
  } catch (error) {
    return error instanceof RangeError ? error.message : t.notJson
  }
  return read(value)
}

import { Stack, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import CodeEditor from './code-editor.tsx'

interface JsonViewProps {
  endpoint: EndpointConfig
  onChange: (endpoint: EndpointConfig) => void
  readOnly: boolean
}

const written = (endpoint: EndpointConfig) => JSON.stringify(endpoint, null, 2)

/** The endpoint as JSON. What is not valid yet is kept here, and is no part of the endpoint until it is. */
export default function JsonView({ endpoint, onChange, readOnly }: JsonViewProps) {
  const [text, setText] = useState(() => written(endpoint))
  const [trouble, setTrouble] = useState('')
  const known = useRef(endpoint)
  if (known.current !== endpoint) {
    known.current = endpoint
    if (trouble === '' && text !== written(endpoint) && !same(text, endpoint)) setText(written(endpoint))
  }
  const change = (typed: string) => {
    setText(typed)
    const read = parsed(typed, endpoint.kind)
    setTrouble(typeof read === 'string' ? read : '')
    if (typeof read === 'string' || same(typed, endpoint)) return
    known.current = read
    onChange(read)
  }
  return (
    <Stack gap="xs">
      <CodeEditor
        label={t.jsonLabel}
        language="json"
        value={text}
        onChange={change}
        readOnly={readOnly}
        minHeight={320}
      />
      <Text size="sm" c="var(--mantine-color-error)" role="status">
        {trouble}
      </Text>
    </Stack>
  )
}

function same(text: string, endpoint: EndpointConfig): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(endpoint)
  } catch {
    return false
  }
}

/** The endpoint, whose shape the server checks when it is saved; or why it is none. */
function parsed(text: string, kind: EndpointConfig['kind']): EndpointConfig | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return t.notJson
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return t.notAnObject
  const endpoint = value as EndpointConfig
  if (typeof endpoint.id !== 'string') return t.notAnObject
  return endpoint.kind === kind ? endpoint : t.kindStays(kind)
}

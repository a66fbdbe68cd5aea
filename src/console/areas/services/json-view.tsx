import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { JsonDocument } from './json-document.tsx'

interface JsonViewProps {
  endpoint: EndpointConfig
  onChange: (endpoint: EndpointConfig) => void
  readOnly: boolean
}

/** The endpoint as JSON. */
export default function JsonView({ endpoint, onChange, readOnly }: JsonViewProps) {
  return (
    <JsonDocument
      label={t.jsonLabel}
      value={endpoint}
      onChange={onChange}
      read={typed => endpointOf(typed, endpoint.kind)}
      readOnly={readOnly}
      minHeight={320}
    />
  )
}

/** The endpoint, whose shape the server checks when it is saved; or why it is none. */
function endpointOf(value: unknown, kind: EndpointConfig['kind']): EndpointConfig | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return t.notAnObject
  const endpoint = value as EndpointConfig
  if (typeof endpoint.id !== 'string') return t.notAnObject
  return endpoint.kind === kind ? endpoint : t.kindStays(kind)
}

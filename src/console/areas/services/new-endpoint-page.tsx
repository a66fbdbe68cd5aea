import { useSearch } from '@tanstack/react-router'
import { EndpointEditor } from './endpoint-editor.tsx'
import { blank, KINDS } from './kinds.ts'

export function NewEndpointPage() {
  const { kind: wanted } = useSearch({ from: '/shell/projects/$project/services/$service/new-endpoint' })
  const kind = KINDS.find(known => known === wanted) ?? 'sql'
  return <EndpointEditor key={kind} fresh={blank(kind)} />
}

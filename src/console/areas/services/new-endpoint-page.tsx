import { useSearch } from '@tanstack/react-router'
import { EndpointEditor } from './endpoint-editor.tsx'
import { blank } from './kinds.ts'

export function NewEndpointPage() {
  const { kind } = useSearch({ from: '/shell/projects/$project/services/$service/new-endpoint' })
  return <EndpointEditor key={kind} fresh={blank(kind)} />
}

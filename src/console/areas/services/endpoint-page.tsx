import { IconApiOff } from '@tabler/icons-react'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useProject } from '../../api/projects.ts'
import { endpointsOf, useService } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink } from '../../ui/link.tsx'
import { EndpointEditor } from './endpoint-editor.tsx'

export function EndpointPage() {
  const { endpoint: id } = useParams({ from: '/shell/projects/$project/services/$service/endpoints/$endpoint' })
  return <Found key={id} id={id} />
}

function Found({ id }: { id: string }) {
  const { slug } = useProject()
  const { service } = useService()
  const found = endpointsOf(service).find(endpoint => endpoint.id === id)
  // an editor that is open stays so, whatever becomes of the draft elsewhere
  const [first] = useState(found)
  const endpoint = first ?? found
  if (endpoint) return <EndpointEditor id={id} fresh={endpoint} />
  return (
    <EmptyState
      icon={IconApiOff}
      title={t.gone}
      text={t.goneText}
      action={
        <ButtonLink
          variant="default"
          to="/projects/$project/services/$service"
          params={{ project: slug, service: service.asset_key }}
        >
          {t.backToEndpoints}
        </ButtonLink>
      }
    />
  )
}

import { Skeleton } from '@mantine/core'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import { Section } from '../../ui/page.tsx'
import { ownerOf, type ServiceRow, useServiceHere } from './api.ts'
import { KeysPanel } from './keys-panel.tsx'

/** The tab Keys of a service. */
export function ServiceKeysPage() {
  const service = useServiceHere()
  return service ? <OfService service={service} /> : <Skeleton height={240} aria-busy aria-label={common.loading} />
}

function OfService({ service }: { service: ServiceRow }) {
  const project = useProject()
  const owner = useMemo(() => ownerOf(project, service), [project, service])
  return (
    <KeysPanel
      owner={owner}
      frame={(actions, body) => (
        <Section title={t.title} about={t.serviceAbout} actions={actions}>
          {body}
        </Section>
      )}
    />
  )
}

import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { useService } from '../../api/services.ts'
import { keys as t } from '../../texts/keys.ts'
import { Section } from '../../ui/page.tsx'
import { ownerOf } from './api.ts'
import { KeysPanel } from './keys-panel.tsx'

/** The tab Keys of a service. */
export function ServiceKeysPage() {
  const project = useProject()
  const { row } = useService()
  const owner = useMemo(() => ownerOf(project, row), [project, row])
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

import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { keys as t } from '../../texts/keys.ts'
import { Page } from '../../ui/page.tsx'
import { ownerOf } from './api.ts'
import { KeysPanel } from './keys-panel.tsx'

export function ProjectKeysPage() {
  const project = useProject()
  const owner = useMemo(() => ownerOf(project), [project])
  return (
    <KeysPanel
      owner={owner}
      frame={(actions, body) => (
        <Page title={t.projectTitle} about={t.projectAbout} actions={actions}>
          {body}
        </Page>
      )}
    />
  )
}

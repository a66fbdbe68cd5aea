import { useProject } from '../../api/projects.ts'
import { Page } from '../../ui/page.tsx'

export function ProjectPage() {
  const project = useProject()
  return (
    <Page title={project.name} about={project.description}>
      {null}
    </Page>
  )
}

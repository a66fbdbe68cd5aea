import { Button, Group } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { type DeploymentRow, useDeleteDeployment } from './api.ts'

/** A model's is for editors to delete, a server's for administrators of the project. */
export function DeleteDeployment({ deployment: { name, kind } }: { deployment: DeploymentRow }) {
  const session = useSession()
  const { slug, project_id } = useProject()
  const navigate = useNavigate()
  const remove = useDeleteDeployment(name)
  if (!may(session, kind === 'model' ? 'editor' : 'admin', slug)) return null
  const ask = () =>
    confirmDestructive({
      title: t.deleteTitle(name),
      children: <Consequences text={t.deleteText} called={{ project: project_id, deployment: name }} />,
      confirm: t.deleteIt,
      word: name,
      onConfirm: async isThere => {
        await remove()
        showDone(t.deletedDone(name))
        if (isThere.current)
          await navigate({ to: '/projects/$project/deployments', params: { project: slug }, ignoreBlocker: true })
      },
    })
  return (
    <Section title={t.danger} about={t.deleteText}>
      <Group>
        <Button color="red" variant="light" onClick={ask}>
          {t.deleteIt}
        </Button>
      </Group>
    </Section>
  )
}

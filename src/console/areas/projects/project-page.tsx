import { Badge, Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPencil } from '@tabler/icons-react'
import { useProject } from '../../api/projects.ts'
import { may, roleIn, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { Page } from '../../ui/page.tsx'
import { EditProjectModal } from './edit-project.tsx'

export function ProjectPage() {
  const session = useSession()
  const project = useProject()
  const [editing, { open, close }] = useDisclosure()
  return (
    <Page
      title={project.name}
      about={project.description}
      badge={<Badge color="gray">{common.roles[roleIn(session, project.slug)]}</Badge>}
      actions={
        may(session, 'admin', project.slug) && (
          <Button variant="default" leftSection={<IconPencil size={16} />} onClick={open}>
            {t.edit}
          </Button>
        )
      }
    >
      <EditProjectModal project={project} opened={editing} onClose={close} />
    </Page>
  )
}

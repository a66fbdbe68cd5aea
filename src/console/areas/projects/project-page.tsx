import { Badge, Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPencil, IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { may, roleIn, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { projects as t } from '../../texts/projects.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { allDeploymentsQuery, allServicesQuery } from '../home/api.ts'
import { isEnabled, isPublished, Published } from '../home/published.tsx'
import { Traffic } from '../home/traffic.tsx'
import { Contents } from './contents.tsx'
import { EditProjectModal } from './edit-project.tsx'

export function ProjectPage() {
  const session = useSession()
  const project = useProject()
  const services = useQuery({ ...allServicesQuery, refetchInterval: 30_000 })
  const deployments = useQuery({ ...allDeploymentsQuery, refetchInterval: 30_000 })
  const isHere = ({ project_id }: { project_id: number }) => project_id === project.project_id
  const own = services.data?.filter(isHere)
  const deployed = deployments.data?.filter(isHere)
  const error = services.error ?? deployments.error
  const hasNone = own && deployed && !own.some(isPublished) && !deployed.some(isEnabled)
  const edits = may(session, 'editor', project.slug)
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
      <ProblemAlert error={error} />
      <Contents services={own?.length} deployments={deployed?.length} />
      {hasNone ? (
        <EmptyState
          icon={IconRocket}
          title={t.nothingTitle}
          text={edits ? t.nothingText : t.nothingViewer}
          action={
            edits && (
              <ButtonLink
                to={own.length > 0 ? '/projects/$project/services' : '/projects/$project/datasets/upload'}
                params={{ project: project.slug }}
              >
                {own.length > 0 ? t.toServices : t.upload}
              </ButtonLink>
            )
          }
        />
      ) : (
        !(error && !(own && deployed)) && (
          <>
            <Traffic project={project} />
            <Published services={own} deployments={deployed} />
          </>
        )
      )}
      <EditProjectModal project={project} opened={editing} onClose={close} />
    </Page>
  )
}

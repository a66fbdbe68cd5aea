import { IconLock, IconTerminal2 } from '@tabler/icons-react'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { logPath, useDeployment } from './api.ts'
import { LogView } from './log-view.tsx'
import { useLog } from './use-log.ts'

export function LogsPage() {
  const session = useSession()
  const project = useProject()
  const { deployment } = useDeployment()
  if (deployment.kind !== 'command') return <EmptyState icon={IconTerminal2} title={t.noLogTitle} text={t.noLogText} />
  if (!may(session, 'editor', project.slug))
    return <EmptyState icon={IconLock} title={t.forEditorsTitle} text={t.forEditors} />
  return <FollowedLog name={deployment.name} path={logPath(project.project_id, deployment.name)} />
}

function FollowedLog({ name, path }: { name: string; path: string }) {
  const { lines, state, problem } = useLog(path)
  return (
    <>
      <ProblemAlert error={problem} />
      <LogView label={t.logOf(name)} lines={lines} state={state} download={{ href: `${path}?lines=10000`, name }} />
    </>
  )
}

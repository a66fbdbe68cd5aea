import { Alert, Badge, Code, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Outlet, useMatchRoute, useParams } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { TextLink } from '../../ui/link.tsx'
import { Page, UnreadPage } from '../../ui/page.tsx'
import { TabLinks } from '../../ui/tab-links.tsx'
import { Actions } from './actions.tsx'
import { type DeploymentRow, deploymentQuery, lastLinesQuery, stateOf } from './api.ts'
import { withClock } from './log-lines.ts'
import { StateBadge } from './status.tsx'

const BASE = '/projects/$project/deployments/$deployment'

/** What stands around every part of a deployment: what it does now, and what can be done about it. */
export function DeploymentPage() {
  const session = useSession()
  const project = useProject()
  const { deployment: name = '' } = useParams({ strict: false })
  const { data, error } = useQuery(deploymentQuery(project.project_id, name))
  if (error instanceof Problem && error.status === 404) throw error
  if (!data) return <UnreadPage title={name} error={error} />
  const deployment = data.value
  const edits = may(session, 'editor', project.slug)
  const hasLog = deployment.kind === 'command' && edits
  return (
    <Page
      title={deployment.name}
      about={t.states[stateOf(deployment)].text}
      badge={
        <>
          <StateBadge of={deployment} />
          {deployment.kind && <Badge color="gray">{t.kinds[deployment.kind].name}</Badge>}
        </>
      }
      actions={edits && <Actions deployment={deployment} />}
    >
      {deployment.reason && <Trouble deployment={deployment} reason={deployment.reason} withLog={hasLog} />}
      <TabLinks
        label={t.tabs}
        params={{ project: project.slug, deployment: deployment.name }}
        tabs={[
          { label: t.overview, to: BASE, exact: true },
          ...(hasLog ? [{ label: t.logs, to: `${BASE}/logs` } as const] : []),
          { label: t.callers, to: `${BASE}/callers` },
          { label: t.settings, to: `${BASE}/settings` },
        ]}
      />
      <Outlet />
    </Page>
  )
}

interface TroubleProps {
  deployment: DeploymentRow
  reason: string
  withLog: boolean
}

/** Why it does not run, in the server's words and in its program's own last ones. */
function Trouble({ deployment: { name }, reason, withLog }: TroubleProps) {
  const project = useProject()
  const isShown = useMatchRoute()({ to: `${BASE}/logs` }) !== false
  const { data } = useQuery({ ...lastLinesQuery(project.project_id, name), enabled: withLog && !isShown })
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={t.failingBecause(reason)}>
      {withLog && !isShown && data && (
        <Stack gap={6}>
          <Text size="xs">{t.lastLines}</Text>
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {withClock(data).trimEnd()}
          </Code>
          <TextLink to={`${BASE}/logs`} params={{ project: project.slug, deployment: name }}>
            {t.readLog}
          </TextLink>
        </Stack>
      )}
    </Alert>
  )
}

import { IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useSession } from '../../api/session.ts'
import { home as t } from '../../texts/home.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { allDeploymentsQuery, allServicesQuery } from './api.ts'
import { FirstSteps } from './first-steps.tsx'
import { HealthCard } from './health-card.tsx'
import { isEnabled, isPublished, Published } from './published.tsx'
import { Traffic } from './traffic.tsx'

/** Whether the server is well, what it answers, and what to do next where that is nothing yet. */
export function HomePage() {
  const session = useSession()
  const { data: services, error } = useQuery({ ...allServicesQuery, refetchInterval: 30_000 })
  const { data: deployments, error: problem } = useQuery({ ...allDeploymentsQuery, refetchInterval: 30_000 })
  const isRead = services && deployments
  const answers = services?.some(isPublished) || deployments?.some(isEnabled)
  const edits = session.is_admin || Object.values(session.roles).some(role => role !== 'viewer')
  return (
    <Page title={t.title} badge={<HealthCard />}>
      <ProblemAlert error={error ?? problem} />
      {services && edits && <FirstSteps services={services} />}
      {answers && <Traffic />}
      {(isRead ? answers : !(error ?? problem)) && <Published services={services} deployments={deployments} />}
      {isRead && !answers && !edits && <EmptyState icon={IconRocket} title={t.noServices} text={t.noServicesViewer} />}
    </Page>
  )
}

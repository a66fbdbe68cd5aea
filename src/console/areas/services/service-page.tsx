import { Alert, Badge, Button, CloseButton, Group, List, Stack } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { Outlet } from '@tanstack/react-router'
import { createContext, useContext, useMemo, useState } from 'react'
import { isMeanwhile, Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { endpointsOf, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { services as t } from '../../texts/services.ts'
import { ButtonLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { TabLinks } from '../../ui/tab-links.tsx'
import { StatusBadge, titleOf } from './status.tsx'
import { SERVICE_TABS } from './tabs.ts'
import { usePublishing } from './use-publishing.tsx'

/** What the last publish was refused for, for the page that shows the endpoint which it names. */
const Refusal = createContext<Problem | undefined>(undefined)

/** The endpoint that the last publish was refused for, and why. */
export function useRefusal(): { endpoint: string; message: string } | undefined {
  const problem = useContext(Refusal)
  const endpoint = problem?.body.endpoint
  return problem && typeof endpoint === 'string' ? { endpoint, message: problem.message } : undefined
}

/** What stands around every page of a service: what it is, its state, publishing, its tabs. */
export function ServicePage() {
  const session = useSession()
  const { slug } = useProject()
  const { service, etag, row } = useService()
  const [refused, setRefused] = useState<{ error: Error; etag: string | undefined }>()
  const [warnings, setWarnings] = useState<string[]>([])
  const { publish, unpublish, busy } = usePublishing()
  const tabs = useMemo(
    () =>
      SERVICE_TABS.map(({ counts, ...tab }) => ({
        ...tab,
        count: counts === 'endpoints' ? endpointsOf(service).length : counts === 'keys' ? row.key_count : undefined,
      })),
    [service, row],
  )
  // of a draft that is another one by now it says nothing
  const refusal = refused && (refused.etag === etag || isMeanwhile(refused.error)) ? refused.error : undefined
  const published = service.status === 'published'
  const params = { project: slug, service: service.asset_key }
  const actions = may(session, 'editor', slug) && (
    <>
      {service.unpublished_changes && (
        <ButtonLink variant="default" to="/projects/$project/services/$service/versions" params={params} search={{}}>
          {t.review}
        </ButtonLink>
      )}
      {published && (
        <Button variant="default" onClick={() => unpublish(service)} disabled={busy}>
          {t.unpublish}
        </Button>
      )}
      {(!published || service.unpublished_changes) && (
        <Button
          loading={busy}
          onClick={() => {
            setRefused(undefined)
            setWarnings([])
            const onRefused = (error: Error) => setRefused({ error, etag })
            publish(service, { ifMatch: etag, onRefused, onWarnings: setWarnings })
          }}
        >
          {published ? t.publishChanges : t.publish}
        </Button>
      )}
    </>
  )
  return (
    <Page
      title={titleOf(service)}
      about={service.description || undefined}
      badge={
        <Group gap={6}>
          <StatusBadge service={service} />
          {service.is_public && <Badge color="orange">{t.public}</Badge>}
        </Group>
      }
      actions={actions}
    >
      {refusal && <ProblemAlert error={refusal} />}
      {warnings.length > 0 && <Warnings warnings={warnings} onClose={() => setWarnings([])} />}
      <Stack gap="lg">
        <TabLinks label={t.tabs} tabs={tabs} params={params} />
        <Refusal.Provider value={refusal instanceof Problem ? refusal : undefined}>
          <Outlet />
        </Refusal.Provider>
      </Stack>
    </Page>
  )
}

const Warnings = ({ warnings, onClose }: { warnings: string[]; onClose: () => void }) => (
  <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={t.warnings} role="status">
    <Group justify="space-between" align="flex-start" wrap="nowrap">
      <List size="sm">
        {warnings.map(warning => (
          <List.Item key={warning}>{warning}</List.Item>
        ))}
      </List>
      <CloseButton aria-label={t.dismiss} onClick={onClose} />
    </Group>
  </Alert>
)

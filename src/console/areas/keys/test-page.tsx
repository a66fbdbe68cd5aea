import { Alert, Select, SimpleGrid, Stack } from '@mantine/core'
import { IconFlask, IconInfoCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { EndpointConfig } from '../../../catalog/service-config.ts'
import { useProject } from '../../api/projects.ts'
import { type ServiceRow, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { services } from '../../texts/services.ts'
import { testPane as t } from '../../texts/test-pane.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Loading } from '../../ui/loading.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { keysQuery, ownerOf, useSurroundings } from './api.ts'
import { shownKey, stateOf } from './key-values.ts'
import { type Surroundings, shapeOf } from './shape.ts'
import { TestRun } from './test-run.tsx'

/** The tab Test of a service. The endpoint, and whom it is run as, are in the URL. */
export function TestPage() {
  const { row: service } = useService()
  const project = useProject()
  const services = useMemo(() => [service], [service])
  const { around, error } = useSurroundings(project.project_id, services)
  if (!around) return error ? <ProblemAlert error={error} /> : <Loading height={320} />
  const endpoints = service.config.endpoints ?? []
  return (
    <Section title={t.title} about={t.about}>
      {endpoints.length === 0 ? (
        <EmptyState icon={IconFlask} title={t.noEndpointTitle} text={t.noEndpoint} />
      ) : (
        <Pane service={service} endpoints={endpoints} around={around} />
      )}
    </Section>
  )
}

interface PaneProps {
  service: ServiceRow
  endpoints: EndpointConfig[]
  around: Surroundings
}

function Pane({ service, endpoints, around }: PaneProps) {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const project = useProject()
  const editor = may(useSession(), 'editor', project.slug)
  const endpoint = endpoints.find(({ id }) => id === search.endpoint) ?? endpoints[0]!
  const as = search.as ?? 'raw'
  const callers = useCallers(service, editor)
  const shape = useMemo(() => shapeOf(endpoint, around), [endpoint, around])
  const mayRun = editor && !shape.isWrite
  const go = (change: { endpoint?: string; as?: string }) =>
    void navigate({ to: '.', search: { ...search, ...change } as never, replace: true })
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Select
          label={t.endpoint}
          data={endpoints.map(({ id, kind }) => ({ value: id, label: `${id} (${services.kinds[kind].name})` }))}
          value={endpoint.id}
          onChange={id => id && go({ endpoint: id })}
          searchable={endpoints.length > 10}
        />
        {editor && (
          <Select
            label={t.as}
            data={callers}
            value={as}
            onChange={value => value && go({ as: value })}
            searchable={callers.flatMap(({ items }) => items).length > 10}
          />
        )}
      </SimpleGrid>
      {!mayRun && (
        <Alert color="blue" icon={<IconInfoCircle size={18} />}>
          {editor ? t.isWrite : t.viewer}
        </Alert>
      )}
      <TestRun key={endpoint.id} service={service} endpoint={endpoint} shape={shape} as={as} mayRun={mayRun} />
    </Stack>
  )
}

/** Whom an endpoint can be run as: what the caller sees, the public, and each key that works. */
function useCallers(service: ServiceRow, editor: boolean) {
  const project = useProject()
  const { data: own = [] } = useQuery({ ...keysQuery(ownerOf(project, service)), enabled: editor })
  const { data: wide = [] } = useQuery({ ...keysQuery(ownerOf(project)), enabled: editor })
  const working = [...own, ...wide].filter(key => stateOf(key) === 'active' || stateOf(key) === 'ending')
  return [
    {
      group: t.asFixed,
      items: [
        { value: 'raw', label: t.asRaw },
        { value: 'public', label: t.asPublic },
      ],
    },
    {
      group: t.asKeys,
      items: working.map(key => ({ value: String(key.id), label: `${key.name} (${shownKey(key)})` })),
    },
  ]
}

import { Badge, Group, Stack, Text } from '@mantine/core'
import { IconPlus, IconServer } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { CodeSample, type Sample } from '../../ui/code-sample.tsx'
import { CopyIcon } from '../../ui/copy.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ButtonLink, TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type DeploymentRow, deploymentsQuery, stateOf } from './api.ts'
import { readySince, StateBadge } from './status.tsx'

export function DeploymentsPage() {
  const project = useProject()
  const { data, error } = useQuery(deploymentsQuery(project.project_id))
  const columns = useMemo(() => columnsFor(project.slug), [project.slug])
  const kinds = data?.kinds.flatMap(({ kind, refusal }) => (refusal === null ? kind : [])) ?? []
  const make = kinds.length > 0 && (
    <ButtonLink
      to="/projects/$project/new-deployment"
      params={{ project: project.slug }}
      leftSection={<IconPlus size={16} />}
    >
      {t.make}
    </ButtonLink>
  )
  const isEmpty = data?.items.length === 0
  return (
    <Page title={t.title} about={t.about} actions={isEmpty ? undefined : make}>
      <ProblemAlert error={error} />
      {isEmpty ? (
        <Stack gap="md">
          <EmptyState
            icon={IconServer}
            title={t.emptyTitle}
            text={make ? t.emptyEditor : t.emptyViewer}
            action={make}
          />
          {make && <CodeSample label={t.samples} samples={samplesFor(project.slug, kinds.includes('command'))} />}
        </Stack>
      ) : (
        <DataTable
          label={t.title}
          columns={columns}
          rows={data?.items}
          error={error}
          rowKey={deployment => deployment.id}
          search={deployment => `${deployment.name} ${deployment.kind}`}
        />
      )}
    </Page>
  )
}

const samplesFor = (project: string, command: boolean): Sample[] => {
  const [fields, set] = command
    ? ['command: [python3, server.py], cwd: /srv/hello', `--set 'command=[python3, server.py]' --set cwd=/srv/hello`]
    : ['model: iris', '--set model=iris']
  return [
    { language: t.commandLine, code: `callgate deployment create hello --project ${project} ${set}` },
    {
      language: t.manifest,
      code: `projects:\n  - slug: ${project}\n    deployments:\n      - { name: hello, ${fields} }`,
    },
  ]
}

const columnsFor = (project: string): Column<DeploymentRow>[] => [
  {
    key: 'name',
    header: t.name,
    sort: deployment => deployment.name,
    cell: ({ name }) => (
      <TextLink to="/projects/$project/deployments/$deployment" params={{ project, deployment: name }} fw={500}>
        {name}
      </TextLink>
    ),
  },
  { key: 'status', header: t.status, sort: stateOf, cell: deployment => <StateBadge of={deployment} /> },
  {
    key: 'kind',
    header: t.kind,
    sort: deployment => deployment.kind,
    cell: ({ kind }) => <Badge color="gray">{kind ? t.kinds[kind].name : common.none}</Badge>,
  },
  {
    key: 'in-flight',
    header: t.inFlight,
    align: 'end',
    sort: deployment => deployment.requests_in_flight,
    cell: ({ requests_in_flight: count }) => <span className="tabular">{count ?? '–'}</span>,
  },
  {
    key: 'since',
    header: t.since,
    sort: readySince,
    cell: deployment =>
      deployment.kind === 'command' ? <RelativeTime at={readySince(deployment)} none={t.notReady} /> : '–',
  },
  {
    key: 'url',
    header: t.url,
    cell: ({ name, endpoint_url }) => (
      <Group gap={4} wrap="nowrap">
        <Text size="xs" ff="monospace" c="dimmed" truncate>
          {new URL(endpoint_url).pathname}
        </Text>
        <CopyIcon value={endpoint_url} what={t.urlOf(name)} />
      </Group>
    ),
  },
]

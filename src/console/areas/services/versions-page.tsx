import { Badge, Box, Button, Group, Select, Text, Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'
import type { VersionRow } from '../../../management/assets.ts'
import { useProject } from '../../api/projects.ts'
import { type Service, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { services as t } from '../../texts/services.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { useRestore, versionQuery } from './api.ts'

const DiffView = lazy(() => import('./diff-view.tsx'))

/** What was saved, by whom; what differs between two of them; and back to one. */
export function VersionsPage() {
  const session = useSession()
  const { slug, project_id } = useProject()
  const { service, etag } = useService()
  const restore = useRestore(service.id)
  const restores = may(session, 'admin', slug)
  const latest = service.versions[0]?.version ?? 0
  const columns = useMemo(() => {
    const ask = (version: number) =>
      confirmDestructive({
        title: t.restoreTitle(version),
        children: <Text size="sm">{t.restoreText}</Text>,
        confirm: t.restore,
        onConfirm: async () => {
          await restore.mutateAsync({ version, ifMatch: etag })
          showDone(t.restoredDone(version))
        },
      })
    return columnsFor(service, latest, restores, ask)
  }, [service, latest, restores, etag, restore.mutateAsync])
  const { versions, published_version: published } = service
  const isListed = published === null || versions.some(({ version }) => version === published)
  const { data: served } = useQuery({ ...versionQuery(project_id, service.id, published ?? 0), enabled: !isListed })
  const rows = useMemo(() => [...versions, ...(served && !isListed ? [served] : [])], [versions, served, isListed])
  const oldest = versions.at(-1)?.version ?? 1
  return (
    <>
      {latest > 1 && <Comparison service={service} latest={latest} />}
      <Section
        title={t.versions}
        about={oldest > 1 ? `${t.versionsAbout} ${t.olderVersions(versions.length)}` : t.versionsAbout}
      >
        <DataTable
          label={t.versions}
          columns={columns}
          rows={rows}
          rowKey={({ version }) => version}
          search={({ version, change_note, published_by }) => `${version} ${change_note} ${published_by}`}
        />
      </Section>
    </>
  )
}

/** Two versions side by side: at first what is served and the draft. */
function Comparison({ service, latest }: { service: Service; latest: number }) {
  const navigate = useNavigate({ from: '/projects/$project/services/$service/versions' })
  const { project_id } = useProject()
  const chosen = useSearch({ from: '/shell/projects/$project/services/$service/versions' })
  const from = chosen.from ?? service.published_version ?? Math.max(1, latest - 1)
  const to = chosen.to ?? latest
  const left = useQuery(versionQuery(project_id, service.id, from))
  const right = useQuery(versionQuery(project_id, service.id, to))
  const listed = service.versions.map(({ version }) => version)
  const older = [service.published_version ?? latest, from, to].filter(version => !listed.includes(version))
  const options = [...listed, ...new Set(older)].map(version => ({
    value: String(version),
    label: [
      t.versionTitle(version),
      ...(version === service.published_version ? [t.served] : []),
      ...(version === latest ? [t.current] : []),
    ].join(' · '),
  }))
  const choose = (change: { from?: number; to?: number }) =>
    void navigate({ search: { from, to, ...change }, replace: true })
  const againstPublished = from === service.published_version && to === latest
  return (
    <Section
      title={againstPublished ? t.draftAgainstPublished : t.compare}
      about={service.published_version === null ? t.neverPublished : undefined}
      actions={
        <Group gap="xs">
          <Select
            label={t.compareFrom}
            data={options}
            value={String(from)}
            onChange={version => choose({ from: Number(version) })}
            searchable={options.length > 10}
            w={270}
          />
          <Select
            label={t.compareTo}
            data={options}
            value={String(to)}
            onChange={version => choose({ to: Number(version) })}
            searchable={options.length > 10}
            w={270}
          />
        </Group>
      }
    >
      <ProblemAlert error={left.error ?? right.error} />
      {left.data && right.data ? (
        <Suspense fallback={<Box aria-busy="true" mih={80} />}>
          <DiffView
            label={t.difference}
            left={left.data.config}
            right={right.data.config}
            same={againstPublished ? t.noChanges : t.same}
          />
        </Suspense>
      ) : (
        <Box aria-busy={left.isFetching || right.isFetching} mih={40} />
      )}
    </Section>
  )
}

const columnsFor = (
  service: Service,
  latest: number,
  restores: boolean,
  onRestore: (version: number) => void,
): Column<VersionRow>[] => [
  {
    key: 'version',
    header: t.version,
    sort: ({ version }) => version,
    cell: ({ version }) => (
      <Group gap={6} wrap="nowrap">
        {version}
        {version === service.published_version && <Badge color="teal">{t.served}</Badge>}
        {version === latest && <Badge color="gray">{t.current}</Badge>}
      </Group>
    ),
  },
  { key: 'by', header: t.savedBy, sort: row => row.published_by, cell: row => row.published_by },
  { key: 'at', header: t.savedAt, sort: row => row.created_at, cell: row => <RelativeTime at={row.created_at} /> },
  {
    key: 'note',
    header: t.note,
    cell: ({ change_note }) => (
      <Text size="sm" c="dimmed" truncate title={change_note}>
        {change_note}
      </Text>
    ),
  },
  {
    key: 'restore',
    header: t.restore,
    cell: ({ version }) =>
      version === latest ? null : restores ? (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => onRestore(version)}
          aria-label={t.restoreVersion(version)}
        >
          {t.restore}
        </Button>
      ) : (
        <Tooltip label={t.restoreNeedsAdmin}>
          <Text size="xs" c="dimmed" span tabIndex={0}>
            {t.adminsOnly}
          </Text>
        </Tooltip>
      ),
  },
]

import { ActionIcon, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { models as t } from '../../texts/models.ts'
import { uploads } from '../../texts/uploads.ts'
import { CallersList } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { TextLink } from '../../ui/link.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type ModelRow, type ModelVersionRow, useModel, useVersionActions } from './api.ts'

/** Which version answers, and which could. */
export function VersionsPage() {
  const project = useProject()
  const session = useSession()
  const model = useModel()
  const actions = useAsking(project.project_id, model)
  const mayEdit = may(session, 'editor', project.slug)
  const columns = useMemo(
    () => columnsFor(project.slug, model, mayEdit ? actions : undefined),
    [project.slug, model, mayEdit, actions],
  )
  return <DataTable label={t.versions} columns={columns} rows={model.versions} rowKey={version => version.model_id} />
}

interface Asking {
  activate: (version: ModelVersionRow) => void
  remove: (version: ModelVersionRow) => void
}

/** Asks before a version takes over or goes; a change that somebody made meanwhile is not overwritten. */
function useAsking(project: number, model: ModelRow): Asking {
  const { read, activate, removeVersion } = useVersionActions(project, model.name)
  return {
    activate: version =>
      void read(version.model_id).then(
        ({ etag }) =>
          confirmDestructive({
            title: t.activateTitle(version.version),
            confirm: version.version < model.version ? t.rollBack : t.activate,
            color: 'teal',
            children: <Text size="sm">{t.activateText(model.name, model.version, version.version)}</Text>,
            onConfirm: async () => {
              await activate(version.model_id, etag)
              showDone(t.activated(version.version))
            },
          }),
        showProblem,
      ),
    remove: version =>
      void read(version.model_id).then(
        ({ etag }) =>
          confirmDestructive({
            title: t.deleteVersionTitle(model.name, version.version),
            confirm: common.remove,
            children: (
              <Stack gap="xs">
                <Text size="sm">{t.deleteVersionText}</Text>
                <Text size="sm">{t.followersBreak}</Text>
                <CallersList called={{ project, model: model.name, version: version.version }} />
              </Stack>
            ),
            onConfirm: async () => {
              await removeVersion(version.model_id, etag)
              showDone(t.deleted(`${t.version} ${version.version}`))
            },
          }),
        showProblem,
      ),
  }
}

const columnsFor = (project: string, model: ModelRow, asking: Asking | undefined): Column<ModelVersionRow>[] => [
  {
    key: 'version',
    header: t.version,
    sort: version => version.version,
    cell: version => (
      <Group gap={8} wrap="nowrap">
        <TextLink
          to="/projects/$project/models/$model"
          params={{ project, model: model.name }}
          search={version.active ? {} : { version: version.version }}
          fw={500}
        >
          {version.version}
        </TextLink>
        {version.active && <Badge>{t.isActive}</Badge>}
      </Group>
    ),
  },
  { key: 'added', header: t.added, cell: version => <RelativeTime at={version.created_at} /> },
  {
    key: 'size',
    header: t.size,
    align: 'end',
    cell: version => <span className="tabular">{uploads.size(version.size)}</span>,
  },
  {
    key: 'sha',
    header: t.sha,
    cell: version => (
      <Text span inherit ff="monospace" title={version.sha256}>
        {version.sha256.slice(0, 12)}
      </Text>
    ),
  },
  ...(asking
    ? [
        {
          key: 'actions',
          header: t.actions,
          align: 'end' as const,
          cell: (version: ModelVersionRow) =>
            version.active ? null : (
              <VersionActions version={version} isOlder={version.version < model.version} asking={asking} />
            ),
        },
      ]
    : []),
]

function VersionActions({ version, isOlder, asking }: { version: ModelVersionRow; isOlder: boolean; asking: Asking }) {
  const { version: number } = version
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => asking.activate(version)}
        aria-label={isOlder ? t.rollBackOf(number) : t.activateOf(number)}
      >
        {isOlder ? t.rollBack : t.activate}
      </Button>
      <ActionIcon onClick={() => asking.remove(version)} aria-label={t.deleteOf(number)} color="red">
        <IconTrash size={16} />
      </ActionIcon>
    </Group>
  )
}

import { Button, Code, Group } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlugConnected, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { common } from '../../texts/common.ts'
import { connections as t } from '../../texts/connections.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { showDone } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { AddConnectionModal } from './add-connection.tsx'
import { type ConnectionRow, connectionsQuery, useRemoveConnection } from './api.ts'
import { TestConnection } from './test-connection.tsx'

export function ConnectionsPage() {
  const { data, error } = useQuery(connectionsQuery)
  const [adding, { open, close }] = useDisclosure()
  const columns = useColumns()
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} about={t.about} actions={data && data.length > 0 ? add : undefined}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState icon={IconPlugConnected} title={t.emptyTitle} text={t.emptyText} action={add} />
      ) : (
        <DataTable label={t.title} columns={columns} rows={data} error={error} rowKey={rowKey} search={searched} />
      )}
      <AddConnectionModal opened={adding} onClose={close} />
    </Page>
  )
}

const rowKey = (connection: ConnectionRow) => connection.name
const searched = (connection: ConnectionRow) => connection.name

function useColumns(): Column<ConnectionRow>[] {
  const remove = useRemoveConnection()
  const askToRemove = ({ name }: ConnectionRow) =>
    confirmDestructive({
      title: t.removeTitle(name),
      children: <Consequences text={t.removeText} called={{ connection: name }} />,
      confirm: common.remove,
      onConfirm: async () => {
        await remove.mutateAsync(name)
        showDone(t.removedDone(name))
      },
    })
  return [
    { key: 'name', header: t.name, sort: ({ name }) => name, cell: ({ name }) => name },
    { key: 'kind', header: t.kind, cell: ({ kind }) => kind },
    {
      key: 'secret',
      header: t.secret,
      cell: ({ url_env, url_file }) => (
        <>
          {url_env === null ? t.fromFile : t.fromVariable} <Code>{url_env ?? url_file}</Code>
        </>
      ),
    },
    {
      key: 'created',
      header: t.created,
      sort: ({ created_at }) => created_at,
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
    {
      key: 'actions',
      header: '',
      align: 'end',
      cell: connection => (
        <Group gap={6} justify="flex-end" wrap="nowrap">
          <TestConnection name={connection.name} />
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => askToRemove(connection)}
            aria-label={t.removeOne(connection.name)}
          >
            {common.remove}
          </Button>
        </Group>
      ),
    },
  ]
}

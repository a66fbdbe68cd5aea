import { Badge, Button, Group, NativeSelect, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus, IconUsers } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useProject } from '../../api/projects.ts'
import { may, type Role, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { members as t } from '../../texts/members.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { AddMemberModal, ROLES } from './add-member.tsx'
import { type MemberRow, membersQuery, useRemoveMember, useSetMember } from './api.ts'

export function MembersPage() {
  const project = useProject()
  const changes = may(useSession(), 'admin', project.slug)
  const { data, error } = useQuery(membersQuery(project.project_id))
  const [adding, { open, close }] = useDisclosure()
  const columns = useColumns(project.project_id, changes)
  const add = changes && (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} about={t.about} actions={data && data.length > 0 ? add : undefined}>
      <ProblemAlert error={error} />
      {data?.length === 0 ? (
        <EmptyState icon={IconUsers} title={t.emptyTitle} text={changes ? t.emptyText : t.emptyViewer} action={add} />
      ) : (
        <DataTable label={t.title} columns={columns} rows={data} error={error} rowKey={rowKey} search={searched} />
      )}
      <AddMemberModal project={project.project_id} opened={adding} onClose={close} />
    </Page>
  )
}

const rowKey = (member: MemberRow) => member.user_id
const searched = (member: MemberRow) => member.username

function useColumns(project: number, changes: boolean): Column<MemberRow>[] {
  const set = useSetMember(project)
  const remove = useRemoveMember(project)
  const setRole = (username: string, role: Role) =>
    set.mutate(
      { username, role },
      { onSuccess: () => showDone(t.changedDone(username, common.roles[role])), onError: showProblem },
    )
  const askToRemove = ({ username }: MemberRow) =>
    confirmDestructive({
      title: t.removeTitle(username),
      children: <Text size="sm">{t.removeText}</Text>,
      confirm: t.remove,
      onConfirm: async () => {
        await remove.mutateAsync(username)
        showDone(t.removedDone(username))
      },
    })
  const named: Column<MemberRow>[] = [
    {
      key: 'name',
      header: t.member,
      sort: member => member.username,
      cell: ({ username, is_active }) => (
        <Group gap="xs" wrap="nowrap">
          {username}
          {!is_active && <Badge color="gray">{t.inactive}</Badge>}
        </Group>
      ),
    },
  ]
  if (!changes)
    return [
      ...named,
      {
        key: 'role',
        header: t.role,
        sort: member => member.role,
        cell: member => <Badge color="gray">{common.roles[member.role]}</Badge>,
      },
    ]
  return [
    ...named,
    {
      key: 'role',
      header: t.role,
      sort: member => member.role,
      cell: ({ username, role }) => (
        <NativeSelect
          size="xs"
          w={120}
          aria-label={t.roleOf(username)}
          data={ROLES}
          // on its way it is shown already
          value={set.isPending && set.variables.username === username ? set.variables.role : role}
          onChange={event => setRole(username, event.currentTarget.value as Role)}
        />
      ),
    },
    {
      key: 'remove',
      header: '',
      align: 'end',
      cell: member => (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => askToRemove(member)}
          aria-label={t.removeMember(member.username)}
        >
          {t.remove}
        </Button>
      ),
    },
  ]
}

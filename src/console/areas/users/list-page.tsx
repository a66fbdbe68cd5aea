import { Badge, Button, Group, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { common } from '../../texts/common.ts'
import { users as t } from '../../texts/users.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { TextLink } from '../../ui/link.tsx'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { type UserRow, usersQuery } from './api.ts'
import { NewUserModal } from './new-user.tsx'

export function UsersPage() {
  const { data, error } = useQuery(usersQuery)
  const [adding, { open, close }] = useDisclosure()
  return (
    <Page
      title={t.title}
      about={t.about}
      actions={
        data && (
          <Button leftSection={<IconPlus size={16} />} onClick={open}>
            {t.newUser}
          </Button>
        )
      }
    >
      <ProblemAlert error={error} />
      <DataTable label={t.title} columns={COLUMNS} rows={data} error={error} rowKey={rowKey} search={searched} />
      <NewUserModal opened={adding} onClose={close} />
    </Page>
  )
}

const rowKey = (user: UserRow) => user.user_id
const searched = (user: UserRow) => `${user.username} ${Object.keys(user.roles).join(' ')}`
const rolesShown = (user: UserRow) => {
  const given = Object.entries(user.roles).map(([project, role]) => `${project}: ${common.roles[role]}`)
  return given.length > 0 ? given.join(', ') : t.noRole
}

const COLUMNS: Column<UserRow>[] = [
  {
    key: 'name',
    header: t.username,
    sort: user => user.username,
    cell: user => (
      <Group gap="xs" wrap="nowrap">
        <TextLink to="/users/$user" params={{ user: String(user.user_id) }} fw={500}>
          {user.username}
        </TextLink>
        {!user.is_active && <Badge color="gray">{t.inactive}</Badge>}
      </Group>
    ),
  },
  {
    key: 'roles',
    header: t.roles,
    sort: user => (user.is_admin ? '' : rolesShown(user)),
    cell: user =>
      user.is_admin ? (
        <Badge>{t.administrator}</Badge>
      ) : (
        <Text size="sm" c="dimmed" truncate>
          {rolesShown(user)}
        </Text>
      ),
  },
  {
    key: 'created',
    header: t.created,
    sort: user => user.created_at,
    cell: user => <RelativeTime at={user.created_at} />,
  },
]

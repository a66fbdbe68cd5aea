import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { forgetAllButSession, type SessionState, sessionQuery, signOut } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'
import { showProblem } from '../ui/notify.ts'

export function AccountMenu({ session }: { session: SessionState }) {
  const client = useQueryClient()
  const leave = async () => {
    try {
      await signOut()
      forgetAllButSession(client)
      client.setQueryData(sessionQuery.queryKey, null)
    } catch (error) {
      showProblem(error)
    }
  }
  return (
    <Menu position="bottom-end" shadow="md" width={220}>
      <Menu.Target>
        <UnstyledButton aria-label={t.account(session.username)} p={4} style={{ borderRadius: 99 }}>
          <Avatar size={28} radius="xl" color="teal" variant="filled" aria-hidden>
            {session.username.slice(0, 1).toUpperCase()}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={500} c="var(--mantine-color-text)" truncate>
            {session.username}
          </Text>
          {session.is_admin && t.administrator}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={leave}>
          {t.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

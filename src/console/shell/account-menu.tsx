import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type SessionState, signOut } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'
import { showProblem } from '../ui/notify.ts'

export function AccountMenu({ session }: { session: SessionState }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    try {
      await signOut()
      await navigate({ to: '/sign-in', search: {} })
      client.clear()
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

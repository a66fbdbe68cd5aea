import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { forgetAllButSession, type SessionState, sessionQuery, signOut } from '../api/session.ts'
import { shell as t } from '../texts/shell.ts'
import { confirmDestructive } from '../ui/confirm.tsx'
import { lossNow } from '../ui/leave-guard.tsx'
import { showProblem } from '../ui/notify.ts'
import { useMenuFocus } from '../ui/use-menu-focus.ts'

export function AccountMenu({ session }: { session: SessionState }) {
  const client = useQueryClient()
  const { button, chosen } = useMenuFocus()
  const leave = async () => {
    await signOut()
    forgetAllButSession(client)
    client.setQueryData(sessionQuery.queryKey, null)
  }
  const askToLeave = () => {
    const loss = lossNow()
    if (!loss) return void leave().catch(showProblem)
    const text = <Text size="sm">{loss.text}</Text>
    confirmDestructive({ title: loss.title, children: text, confirm: t.signOut, onConfirm: leave })
  }
  return (
    <Menu position="bottom-end" shadow="md" width={220}>
      <Menu.Target>
        <UnstyledButton ref={button} aria-label={t.account(session.username)} p={4} style={{ borderRadius: 99 }}>
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
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={chosen(askToLeave)}>
          {t.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

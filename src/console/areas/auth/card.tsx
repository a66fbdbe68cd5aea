import { Box, Center, Paper, Stack, Text, Title } from '@mantine/core'
import { IconTournament } from '@tabler/icons-react'
import { type ReactNode, useEffect } from 'react'
import { SchemeSwitch } from '../../shell/scheme-switch.tsx'
import { shell } from '../../texts/shell.ts'

/** The frame of the pages before one is signed in. */
export function AuthCard({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${shell.product}`
  }, [title])
  return (
    <Center component="main" mih="100dvh" p="md">
      <Box pos="fixed" top={12} right={12}>
        <SchemeSwitch />
      </Box>
      <Stack w="100%" maw={380} gap="lg">
        <Stack align="center" gap={6}>
          <IconTournament size={34} stroke={1.6} color="var(--mantine-color-anchor)" aria-hidden />
          <Title order={1}>{title}</Title>
          {about && (
            <Text c="dimmed" size="sm" ta="center">
              {about}
            </Text>
          )}
        </Stack>
        <Paper p="lg">{children}</Paper>
      </Stack>
    </Center>
  )
}

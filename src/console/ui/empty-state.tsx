import { Paper, Stack, Text, ThemeIcon } from '@mantine/core'
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'

interface EmptyStateProps {
  icon: Icon
  title: string
  /** what to do next */
  text: ReactNode
  action?: ReactNode
}

/** What is shown where a list has nothing: why, and what to do next. */
export function EmptyState({ icon: Picture, title, text, action }: EmptyStateProps) {
  return (
    <Paper py={48} px="md">
      <Stack align="center" gap="xs">
        <ThemeIcon variant="light" size={44} radius="xl" aria-hidden>
          <Picture size={22} stroke={1.6} />
        </ThemeIcon>
        <Text fw={600}>{title}</Text>
        <Text c="dimmed" size="sm" ta="center" maw={440}>
          {text}
        </Text>
        {action}
      </Stack>
    </Paper>
  )
}

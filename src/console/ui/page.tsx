import { Box, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Loading } from './loading.tsx'
import { ProblemAlert } from './problem-alert.tsx'

interface PageProps {
  title: ReactNode
  /** one line under the title */
  about?: ReactNode
  /** beside the title: a status */
  badge?: ReactNode
  /** at the right: what can be done here */
  actions?: ReactNode
  children: ReactNode
}

/** What every page stands in: its title, what can be done, its content. */
export function Page({ title, about, badge, actions, children }: PageProps) {
  return (
    <Stack gap="lg" className="page-enter">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0}>
          <Group gap="xs">
            <Title order={1} style={{ overflowWrap: 'anywhere' }}>
              {title}
            </Title>
            {badge}
          </Group>
          {about && (
            <Text c="dimmed" size="sm" mt={2} maw={720} style={{ overflowWrap: 'anywhere' }}>
              {about}
            </Text>
          )}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  )
}

/** A page whose content is not there: it is being read, or could not be. */
export const UnreadPage = ({ title, error }: { title: string; error: unknown }) => (
  <Page title={title}>
    <ProblemAlert error={error} />
    {!error && <Loading height={200} />}
  </Page>
)

/** A part of a page under a heading of its own. */
export function Section({
  title,
  about,
  actions,
  children,
}: {
  title: string
  about?: ReactNode
  actions?: ReactNode
  children: ReactNode
}) {
  return (
    <Stack gap="sm" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-end" gap="sm">
        <Box>
          <Title order={2}>{title}</Title>
          {about && (
            <Text c="dimmed" size="sm">
              {about}
            </Text>
          )}
        </Box>
        {actions}
      </Group>
      {children}
    </Stack>
  )
}

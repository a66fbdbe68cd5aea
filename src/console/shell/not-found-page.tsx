import { Stack, Text, Title } from '@mantine/core'
import { shell as t } from '../texts/shell.ts'
import { TextLink } from '../ui/link.tsx'

export function NotFoundPage() {
  return (
    <Stack align="center" gap="xs" pt="18vh" px="md" maw={520} mx="auto" ta="center">
      <Title order={1}>{t.notFoundTitle}</Title>
      <Text c="dimmed">{t.notFoundText}</Text>
      <TextLink to="/">{t.goHome}</TextLink>
    </Stack>
  )
}

import { Button, Stack, Text, Title } from '@mantine/core'
import { useQueryErrorResetBoundary } from '@tanstack/react-query'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { onComeback } from '../api/connection.ts'
import { ConnectionLost, Problem } from '../api/http.ts'
import { common } from '../texts/common.ts'
import { shell as t } from '../texts/shell.ts'
import { TextLink } from '../ui/link.tsx'
import { ProblemAlert } from '../ui/problem-alert.tsx'
import { NotFoundPage } from './not-found-page.tsx'

/** What a page shows that could not be shown. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  const { reset: forget } = useQueryErrorResetBoundary()
  const isLost = error instanceof ConnectionLost
  const again = () => {
    forget()
    reset()
    void router.invalidate()
  }
  useEffect(() => (isLost ? onComeback(again) : undefined))
  if (error instanceof Problem && error.status === 404) return <NotFoundPage />
  // a link that somebody else sent, e.g.: trying again would be refused again
  if (error instanceof Problem && error.status === 403)
    return (
      <Stack align="flex-start" gap="md" py="xl" maw={640}>
        <Title order={1}>{t.refusedTitle}</Title>
        <ProblemAlert error={error} />
        <TextLink to="/">{t.goHome}</TextLink>
      </Stack>
    )
  return (
    <Stack align="flex-start" gap="md" py="xl" maw={640}>
      <Title order={1}>{isLost ? t.lostTitle : t.errorTitle}</Title>
      <Text c="dimmed">{isLost ? t.lostText : t.errorText}</Text>
      <ProblemAlert error={error} />
      <Button variant="default" onClick={again}>
        {common.retry}
      </Button>
    </Stack>
  )
}

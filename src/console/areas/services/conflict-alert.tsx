import { Alert, Box, Button, Group, Stack, Text } from '@mantine/core'
import { IconGitMerge } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { relative } from '../../ui/relative-time.tsx'
import type { Conflict } from './use-draft.ts'

const DiffView = lazy(() => import('./diff-view.tsx'))

interface ConflictAlertProps {
  conflict: Conflict
  mine: EndpointConfig
  onSave: () => void
  onTake: () => void
}

/** Somebody saved the service since this endpoint was opened: what they changed, and what can be done. */
export function ConflictAlert({ conflict: { service, theirs, here }, mine, onSave, onTake }: ConflictAlertProps) {
  const [latest] = service.versions
  return (
    <Alert color="yellow" role="alert" icon={<IconGitMerge size={18} />} title={t.conflictTitle}>
      <Stack gap="sm">
        {latest && <Text size="sm">{t.conflictBy(latest.published_by, relative(latest.created_at, Date.now()))}</Text>}
        <Text size="sm">{here ? (theirs ? t.conflictHere : t.conflictGone) : t.conflictElsewhere}</Text>
        {here && theirs && (
          <Suspense fallback={<Box aria-busy="true" mih={120} />}>
            <DiffView label={t.difference} left={theirs} right={mine} />
          </Suspense>
        )}
        <Group gap="xs">
          <Button size="xs" onClick={onSave}>
            {here ? t.saveMine : t.keepBoth}
          </Button>
          {here && theirs && (
            <Button size="xs" variant="default" onClick={onTake}>
              {t.takeTheirs}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  )
}

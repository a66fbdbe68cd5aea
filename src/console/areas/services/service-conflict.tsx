import { Box, Text } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { ConflictAlert } from '../../ui/conflict-alert.tsx'
import { relative } from '../../ui/relative-time.tsx'
import type { Conflict } from './use-draft.ts'

const DiffView = lazy(() => import('./diff-view.tsx'))

interface ServiceConflictProps {
  conflict: Conflict
  mine: EndpointConfig
  onSave: () => void
  onTake: () => void
}

/** Somebody saved the service since this endpoint was opened. */
export function ServiceConflict({ conflict: { service, theirs, here }, mine, onSave, onTake }: ServiceConflictProps) {
  const [latest] = service.versions
  return (
    <ConflictAlert
      title={t.conflictTitle}
      saveMine={here ? t.saveMine : t.keepBoth}
      onSave={onSave}
      takeTheirs={t.takeTheirs}
      onTake={here && theirs ? onTake : undefined}
    >
      {latest && <Text size="sm">{t.conflictBy(latest.published_by, relative(latest.created_at, Date.now()))}</Text>}
      <Text size="sm">{here ? (theirs ? t.conflictHere : t.conflictGone) : t.conflictElsewhere}</Text>
      {here && theirs && (
        <Suspense fallback={<Box aria-busy="true" mih={120} />}>
          <DiffView label={t.difference} left={theirs} right={mine} />
        </Suspense>
      )}
    </ConflictAlert>
  )
}

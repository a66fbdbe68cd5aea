import { ActionIcon, Button, Group, Paper, Stack, Text } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { UploadItem } from '../api/upload-queue.ts'
import { uploads as t } from '../texts/uploads.ts'
import { UploadState } from './upload-state.tsx'

/** What can be done with one file of a list. */
export interface UploadActions<Fields> {
  onEdit: (fields: Fields) => void
  onRemove: () => void
  onRetry: () => void
}

interface UploadCardProps<Fields, Result> extends Omit<UploadActions<Fields>, 'onEdit'> {
  item: UploadItem<Fields, Result>
  /** why the file is none that is taken */
  refused?: string
  /** what becomes of it, shown before it is sent and after it was refused */
  fields: ReactNode
  /** said while the server is at work on it */
  working: { text: string; share?: number | null }
  done: (result: Result) => ReactNode
}

/** One file: what becomes of it, how far it is, what came of it. */
export function UploadCard<Fields, Result>(props: UploadCardProps<Fields, Result>) {
  const { item, refused, fields, working, done, onRemove, onRetry } = props
  const { file, state } = item
  return (
    <Paper component="section" aria-label={file.name}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Text fw={500} style={{ overflowWrap: 'anywhere' }}>
            {file.name}{' '}
            <Text span size="sm" c="dimmed" className="tabular">
              {t.size(file.size)}
            </Text>
          </Text>
          <Group gap={4} wrap="nowrap">
            {state === 'failed' && (
              <Button size="xs" variant="default" onClick={onRetry}>
                {t.again}
              </Button>
            )}
            {state === 'sending' || state === 'working' ? (
              <Button size="xs" variant="default" onClick={onRemove}>
                {t.giveUp}
              </Button>
            ) : (
              <ActionIcon onClick={onRemove} aria-label={t.takeAway(file.name)}>
                <IconX size={16} />
              </ActionIcon>
            )}
          </Group>
        </Group>
        {refused && (
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {refused}
          </Text>
        )}
        {!refused && (state === 'chosen' || state === 'failed') && fields}
        <UploadState item={item} working={working} done={done} />
      </Stack>
    </Paper>
  )
}

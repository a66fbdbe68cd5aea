import { Button, Group, Stack } from '@mantine/core'
import { Fragment, type ReactNode } from 'react'
import type { UploadItem, UploadQueue } from '../api/upload-queue.ts'
import { uploads as t } from '../texts/uploads.ts'
import { FileDrop } from './file-drop.tsx'
import { LeaveGuard } from './leave-guard.tsx'
import type { UploadActions } from './upload-card.tsx'

interface UploadListProps<Fields, Result> {
  queue: UploadQueue<Fields, Result>
  drop: string
  dropHint: string
  /** one file at a time, where it is the next of something */
  several: boolean
  /** whether it could be sent as it stands */
  isReady: (item: UploadItem<Fields, Result>) => boolean
  /** what the button says, for so many files */
  start: (count: number) => string
  card: (item: UploadItem<Fields, Result>, actions: UploadActions<Fields>) => ReactNode
}

/** Files are dropped or chosen, looked over, and sent one after the other; leaving before that is done asks first. */
export function UploadList<Fields, Result>(props: UploadListProps<Fields, Result>) {
  const { queue, drop, dropHint, several, isReady, start, card } = props
  const ready = queue.items.filter(item => item.state === 'chosen' && isReady(item))
  const [title, text] = queue.busy ? [t.leaveTitle, t.leaveText] : [t.unsentTitle, t.unsentText]
  return (
    <>
      <FileDrop label={drop} text={drop} hint={dropHint} several={several} onFiles={queue.add} />
      <Stack gap="sm">
        {queue.items.map(item => (
          <Fragment key={item.id}>
            {card(item, {
              onEdit: fields => queue.edit(item.id, fields),
              onRemove: () => queue.remove(item.id),
              onRetry: () => queue.start(({ id }) => id === item.id),
            })}
          </Fragment>
        ))}
      </Stack>
      {ready.length > 0 && (
        <Group>
          <Button onClick={() => queue.start(({ id }) => ready.some(item => item.id === id))}>
            {start(ready.length)}
          </Button>
        </Group>
      )}
      <LeaveGuard when={queue.busy || ready.length > 0} title={title} text={text} />
    </>
  )
}

import { Group, Loader, Progress, Stack, Text } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { UploadItem } from '../api/upload-queue.ts'
import { uploads as t } from '../texts/uploads.ts'
import { ProblemAlert } from './problem-alert.tsx'

/** How far one upload is, or what came of it. `working` is said while the server is at work on what it has received. */
export function UploadState<Fields, Result>({
  item,
  working,
  done,
}: {
  item: UploadItem<Fields, Result>
  working: { text: string; share?: number | null }
  done: (result: Result) => ReactNode
}) {
  switch (item.state) {
    case 'chosen':
      return null
    case 'waiting':
      return <Line text={t.waiting} />
    case 'sending':
      return <Line text={t.sending(item.share)} share={item.share} />
    case 'working':
      return <Line text={working.text} share={working.share ?? undefined} />
    case 'failed':
      return <ProblemAlert error={item.error} />
    case 'done':
      return (
        <Group gap={6} role="status" wrap="nowrap">
          <IconCircleCheck size={18} color="var(--mantine-color-anchor)" aria-hidden />
          <Text size="sm" component="div">
            {done(item.result!)}
          </Text>
        </Group>
      )
  }
}

function Line({ text, share }: { text: string; share?: number }) {
  return (
    <Stack gap={4} role="status">
      <Group gap={8}>
        {share === undefined && <Loader size={14} aria-hidden />}
        <Text size="sm" className="tabular">
          {text}
        </Text>
      </Group>
      {share !== undefined && <Progress value={share * 100} aria-label={text} size="sm" />}
    </Stack>
  )
}

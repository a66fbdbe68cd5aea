import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import { useEffect } from 'react'
import { common } from '../texts/common.ts'
import { leaving as t } from '../texts/leaving.ts'

interface LeaveGuardProps {
  /** whether something would be lost */
  when: boolean
  /** default: that what was changed is not saved */
  title?: string
  text?: string
}

interface Loss {
  title: string
  text: string
}

const losses = new Set<Loss>()

/** What would be lost where the page is left now. */
export const lossNow = (): Loss | undefined => [...losses].at(-1)

let questions = 0

/** Whether it is asked now: what closes the question, as Escape does, is not to close the dialog behind it. */
export const isAsked = (): boolean => questions > 0

/** Asks before another page is opened, and before the window is closed, while something would be lost by that. */
export function LeaveGuard({ when, title = t.title, text = t.text }: LeaveGuardProps) {
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname,
    enableBeforeUnload: () => when,
    withResolver: true,
  })
  useEffect(() => {
    if (!when) return
    const loss = { title, text }
    losses.add(loss)
    return () => void losses.delete(loss)
  }, [when, title, text])
  useEffect(() => {
    if (status !== 'blocked') return
    questions++
    return () => void questions--
  }, [status])
  return (
    <Modal
      opened={status === 'blocked'}
      onClose={() => reset?.()}
      title={title}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <Stack gap="md">
        <Text size="sm">{text}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => proceed?.()}>
            {t.leave}
          </Button>
          <Button onClick={() => reset?.()} data-autofocus>
            {t.stay}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

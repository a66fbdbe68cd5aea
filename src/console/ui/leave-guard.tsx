import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import { common } from '../texts/common.ts'

interface LeaveGuardProps {
  /** whether something would be lost */
  when: boolean
  title: string
  text: string
  leave: string
  stay: string
}

/** Asks before another page is opened, and before the window is closed, while something would be lost by that. */
export function LeaveGuard({ when, title, text, leave, stay }: LeaveGuardProps) {
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname,
    enableBeforeUnload: () => when,
    withResolver: true,
  })
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
            {leave}
          </Button>
          <Button onClick={() => reset?.()} data-autofocus>
            {stay}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useBlocker, useRouter } from '@tanstack/react-router'
import { useEffect, useMemo, useRef } from 'react'
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
  const { history } = useRouter()
  const loss = useMemo<Loss>(() => ({ title, text }), [title, text])
  const latest = useRef<{ proceed?: () => void; reset?: () => void }>({})
  const question = useBlocker({
    shouldBlockFn: ({ current, next }) => {
      const isHere = current.pathname === next.pathname
      // Forward, after Back was asked about: the browser is where it was
      if (isHere) latest.current.proceed?.()
      // where several would lose the same, one asks
      return when && !isHere && [...losses].filter(other => other.title === title).at(-1) === loss
    },
    enableBeforeUnload: () => when,
    withResolver: true,
  })
  const { status, proceed, reset } = question
  latest.current = question
  const isOpen = status === 'blocked' && when
  useEffect(() => {
    if (!when) return
    losses.add(loss)
    return () => void losses.delete(loss)
  }, [when, loss])
  useEffect(() => {
    if (!isOpen) return
    const asked = history.location
    questions++
    return () => {
      questions--
      // where what was sent is saved meanwhile, nobody answers: one stays, but where that has opened another page. Unanswered,
      // the browser would be at the page that Back led to, and this page would still be seen
      if (history.location === asked) latest.current.reset?.()
      else latest.current.proceed?.()
    }
  }, [isOpen, history])
  return (
    <Modal opened={isOpen} onClose={() => reset?.()} title={title} closeButtonProps={{ 'aria-label': common.close }}>
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

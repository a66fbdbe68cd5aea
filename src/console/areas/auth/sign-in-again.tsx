import { Button, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { forgetAllButSession, type SessionState, sessionQuery, signIn } from '../../api/session.ts'
import { auth as t } from '../../texts/auth.ts'
import { SignInForm } from './sign-in-form.tsx'

/** Above a dialog that is open, and what is said of anything. */
const ABOVE_ALL = 1000

/**
 * Gives the focus back to what had it; where that can have none, as a button that had sent something, to the dialog or the page
 * that is in sight again.
 */
function useFocusBack() {
  const before = useRef(document.activeElement)
  useEffect(
    () => () => {
      const dialogs = document.querySelectorAll<HTMLElement>('[role="dialog"]')
      const around = [...dialogs].at(-1) ?? document.querySelector<HTMLElement>('main')
      for (const place of [before.current, around])
        if (place instanceof HTMLElement && document.activeElement === document.body)
          place.focus({ preventScroll: true })
    },
    [],
  )
}

/**
 * Stands before the page of somebody whose session has ended, and is gone when they have signed in again: what they typed is
 * still there. Where somebody else does, what the first was shown is forgotten.
 */
export function SignInAgain({ session }: { session: SessionState }) {
  const client = useQueryClient()
  const router = useRouter()
  useFocusBack()
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: async begun => {
      if (begun.user_id !== session.user_id) forgetAllButSession(client)
      client.setQueryData(sessionQuery.queryKey, begun)
      await Promise.all([client.invalidateQueries(), router.invalidate()])
    },
  })
  const leave = () => {
    forgetAllButSession(client)
    client.setQueryData(sessionQuery.queryKey, null)
  }
  return (
    <Modal
      opened
      onClose={leave}
      title={t.endedTitle}
      zIndex={ABOVE_ALL}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
    >
      <Stack gap="md">
        <Text size="sm">{t.endedText}</Text>
        <SignInForm enter={enter} username={session.username} />
        <Button variant="subtle" color="gray" onClick={leave}>
          {t.leave}
        </Button>
      </Stack>
    </Modal>
  )
}

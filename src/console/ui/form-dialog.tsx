import { Modal, Stack } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import { common } from '../texts/common.ts'
import { FormActions } from './form-actions.tsx'
import { isAsked, LeaveGuard } from './leave-guard.tsx'
import { ProblemAlert } from './problem-alert.tsx'

/** Closes a dialog that is empty when it is opened again. */
export function closing(form: { reset(): void }, mutation: { reset(): void }, onClose: () => void): () => void {
  return () => {
    form.reset()
    mutation.reset()
    onClose()
  }
}

interface FormDialogProps {
  title: string | undefined
  opened: boolean
  onClose: () => void
  onSubmit: (event: FormEvent<HTMLFormElement>) => void
  /** what the button that submits says */
  submit: string
  busy: boolean
  /** whether something was typed, which is asked about before the page is left */
  dirty: boolean
  /** what the server refused, where it is not said beside a field */
  error: unknown
  /** the fields */
  children: ReactNode
}

/** Of a dialog that shows what came of its form: it stays while that is under way. */
export const closingUnless = (busy: boolean, onClose: () => void) => () => {
  if (!busy && !isAsked()) onClose()
}

/** A dialog that is one form. A click beside it, and another page that is opened unasked, lose nothing that was typed. */
export function FormDialog({
  title,
  opened,
  onClose,
  onSubmit,
  submit,
  busy,
  dirty,
  error,
  children,
}: FormDialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={closingUnless(busy, onClose)}
      title={title}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <form onSubmit={onSubmit}>
        <LeaveGuard when={dirty} />
        <Stack gap="md">
          {children}
          <ProblemAlert error={error} />
          <FormActions onCancel={onClose} submit={submit} busy={busy} />
        </Stack>
      </form>
    </Modal>
  )
}

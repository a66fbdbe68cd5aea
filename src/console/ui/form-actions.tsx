import { Button, Group } from '@mantine/core'
import { common } from '../texts/common.ts'

interface FormActionsProps {
  onCancel: () => void
  /** what the button that submits says */
  submit: string
  busy: boolean
  disabled?: boolean
  color?: string
}

/** The end of a form in a dialog. What is under way is not taken back by Cancel, which waits for it. */
export function FormActions({ onCancel, submit, busy, disabled, color }: FormActionsProps) {
  return (
    <Group justify="flex-end" gap="xs">
      <Button variant="default" onClick={onCancel} disabled={busy}>
        {common.cancel}
      </Button>
      <Button type="submit" color={color} loading={busy} disabled={disabled}>
        {submit}
      </Button>
    </Group>
  )
}

import { notifications } from '@mantine/notifications'
import { common } from '../texts/common.ts'

const closeButtonProps = { 'aria-label': common.close }

/** That something was done: a sentence that goes away by itself. */
export function showDone(message: string): void {
  notifications.show({ message, color: 'teal', autoClose: 4000, closeButtonProps })
}

/** That something was refused, where no form is there to say it in. */
export function showProblem(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  notifications.show({ message, color: 'red', autoClose: 10_000, role: 'alert', closeButtonProps })
}

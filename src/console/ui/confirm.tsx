import { Stack, TextInput } from '@mantine/core'
import { modals } from '@mantine/modals'
import { type FormEvent, type ReactNode, type RefObject, useState } from 'react'
import { common } from '../texts/common.ts'
import { FormActions } from './form-actions.tsx'
import { showProblem } from './notify.ts'
import { ProblemAlert } from './problem-alert.tsx'

interface Confirmation {
  title: string
  /** what will break */
  children: ReactNode
  confirm: string
  /** default: red */
  color?: string
  /** a word that has to be typed first, for what cannot be taken back and is large */
  word?: string
  /**
   * Runs while the dialog waits; what it throws is shown in the dialog.
   * @param isThere false once another page was opened: there is none to go on to
   */
  onConfirm: (isThere: RefObject<boolean>) => Promise<unknown>
}

/** Asks before something is destroyed: once, however often the same is asked meanwhile. */
export function confirmDestructive(confirmation: Confirmation): void {
  const { title } = confirmation
  const onExitTransitionEnd = backNear(document.activeElement)
  // false as soon as it begins to close, which takes a moment
  const isThere = { current: true }
  const onClose = () => {
    isThere.current = false
  }
  const children = <Body {...confirmation} isThere={isThere} />
  modals.open({ modalId: title, title, onClose, onExitTransitionEnd, children })
}

/** The dialog gives the focus back to what asked; where that is destroyed, it goes to what it stood in: the table, or the page. */
function backNear(asked: Element | null): () => void {
  const around: HTMLElement[] = []
  for (
    let at = asked?.closest<HTMLElement>('[tabindex]');
    at;
    at = at.parentElement?.closest<HTMLElement>('[tabindex]')
  )
    around.push(at)
  return () => {
    const isLost = document.activeElement === document.body || document.activeElement?.closest('[role="dialog"]')
    if (isLost && !asked?.isConnected) around.find(({ isConnected }) => isConnected)?.focus({ preventScroll: true })
  }
}

/** It stays while what was confirmed is under way, as that may be refused. */
const hold = (modalId: string, isHeld: boolean) =>
  modals.updateModal({
    modalId,
    closeOnEscape: !isHeld,
    closeOnClickOutside: !isHeld,
    closeButtonProps: { 'aria-label': common.close, disabled: isHeld },
  })

interface BodyProps extends Confirmation {
  isThere: RefObject<boolean>
}

function Body({ title, children, confirm, color = 'red', word, onConfirm, isThere }: BodyProps) {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const onEnd = () => modals.close(title)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    hold(title, true)
    try {
      await onConfirm(isThere)
      onEnd()
    } catch (thrown) {
      if (!isThere.current) return showProblem(thrown)
      setError(thrown)
      setBusy(false)
      hold(title, false)
    }
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <div>{children}</div>
        {word && (
          <TextInput
            label={common.typeToConfirm(word)}
            value={typed}
            onChange={event => setTyped(event.currentTarget.value)}
            autoComplete="off"
            data-autofocus
          />
        )}
        <ProblemAlert error={error} />
        <FormActions
          onCancel={onEnd}
          submit={confirm}
          busy={busy}
          color={color}
          disabled={word !== undefined && typed !== word}
        />
      </Stack>
    </form>
  )
}

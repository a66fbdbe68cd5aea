import { Stack, TextInput } from '@mantine/core'
import { modals } from '@mantine/modals'
import { type FormEvent, type ReactNode, useState } from 'react'
import { common } from '../texts/common.ts'
import { FormActions } from './form-actions.tsx'
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
  /** runs while the dialog waits; what it throws is shown in the dialog */
  onConfirm: () => Promise<unknown>
}

/** Asks before something is destroyed. */
export function confirmDestructive(confirmation: Confirmation): void {
  const id = modals.open({
    title: confirmation.title,
    children: <Body {...confirmation} onEnd={() => modals.close(id)} />,
  })
}

function Body({ children, confirm, color = 'red', word, onConfirm, onEnd }: Confirmation & { onEnd: () => void }) {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      await onConfirm()
      onEnd()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
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

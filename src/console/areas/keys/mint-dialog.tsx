import { Modal } from '@mantine/core'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import { closingUnless } from '../../ui/form-dialog.tsx'
import { Loading } from '../../ui/loading.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { type KeyOwner, type MintedKey, useMint } from './api.ts'
import { type KeyChoices, useKeyChoices } from './key-choices.ts'
import { KeyFields } from './key-form.tsx'
import { newValues, wireOf } from './key-values.ts'
import { useFullScreen } from './use-full-screen.ts'
import { placeProblem, useKeyForm } from './use-key-form.ts'

interface MintDialogProps {
  owner: KeyOwner
  opened: boolean
  onClose: () => void
  onMinted: (key: MintedKey) => void
}

/** It closes by its buttons only: a click beside it loses nothing that was typed, nor a key that is on its way. */
export function MintDialog({ owner, opened, onClose, onMinted }: MintDialogProps) {
  const fullScreen = useFullScreen()
  const mint = useMint(owner)
  const close = () => {
    mint.reset()
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={closingUnless(mint.isPending, close)}
      title={t.mintTitle}
      size={720}
      fullScreen={fullScreen}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <Body owner={owner} mint={mint} onClose={close} onMinted={onMinted} />
    </Modal>
  )
}

interface BodyProps extends Omit<MintDialogProps, 'opened'> {
  mint: ReturnType<typeof useMint>
}

function Body({ owner, ...on }: BodyProps) {
  const { choices, error } = useKeyChoices(owner)
  if (!choices) return error ? <ProblemAlert error={error} /> : <Loading height={320} />
  return <Form owner={owner} choices={choices} {...on} />
}

function Form({ owner, choices, mint, onClose, onMinted }: BodyProps & { choices: KeyChoices }) {
  const form = useKeyForm(newValues())
  const placed = mint.error !== null && Object.keys(form.errors).length > 0
  return (
    <KeyFields
      form={form}
      choices={choices}
      busy={mint.isPending}
      error={placed ? null : mint.error}
      submitText={t.mint}
      onCancel={onClose}
      onSubmit={values =>
        mint.mutate(wireOf(values, !owner.service), {
          onSuccess: minted => {
            onClose()
            onMinted(minted)
          },
          onError: error => placeProblem(form, error),
        })
      }
    />
  )
}

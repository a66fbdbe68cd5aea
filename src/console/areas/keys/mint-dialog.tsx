import { Modal } from '@mantine/core'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import { Loading } from '../../ui/loading.tsx'
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

/** It closes by its buttons only: a click beside it loses nothing that was typed. */
export function MintDialog({ owner, opened, onClose, onMinted }: MintDialogProps) {
  const fullScreen = useFullScreen()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t.mintTitle}
      size={720}
      fullScreen={fullScreen}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <Body owner={owner} onClose={onClose} onMinted={onMinted} />
    </Modal>
  )
}

function Body({ owner, ...on }: Omit<MintDialogProps, 'opened'>) {
  const choices = useKeyChoices(owner)
  if (!choices) return <Loading height={320} />
  return <Form owner={owner} choices={choices} {...on} />
}

function Form({ owner, choices, onClose, onMinted }: Omit<MintDialogProps, 'opened'> & { choices: KeyChoices }) {
  const form = useKeyForm(newValues())
  const mint = useMint(owner)
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

import { Alert, Select, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { keys as t } from '../../texts/keys.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { type KeyOwner, type KeyRow, type MintedKey, useRotate } from './api.ts'

const ONE_DAY = '86400'

interface RotateDialogProps {
  owner: KeyOwner
  /** undefined: the dialog is closed */
  of: KeyRow | undefined
  onClose: () => void
  onMinted: (key: MintedKey) => void
}

export function RotateDialog({ owner, of, onClose, onMinted }: RotateDialogProps) {
  const [overlap, setOverlap] = useState(ONE_DAY)
  const rotate = useRotate(owner)
  const close = () => {
    rotate.reset()
    setOverlap(ONE_DAY)
    onClose()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!of) return
    rotate.mutate(
      { id: of.id, overlap_seconds: Number(overlap) },
      {
        onSuccess: minted => {
          close()
          onMinted(minted)
        },
      },
    )
  }
  return (
    <FormDialog
      title={of && t.rotateTitle(of.name)}
      opened={of !== undefined}
      onClose={close}
      onSubmit={submit}
      submit={t.rotate}
      busy={rotate.isPending}
      dirty={overlap !== ONE_DAY}
      error={rotate.error}
    >
      <Text size="sm">{t.rotateText}</Text>
      <Select
        label={t.overlap}
        data={Object.entries(t.overlaps).map(([value, label]) => ({ value, label }))}
        value={overlap}
        onChange={value => setOverlap(value ?? ONE_DAY)}
        data-autofocus
      />
      {overlap === '0' && (
        <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
          {t.overlapNone}
        </Alert>
      )}
    </FormDialog>
  )
}

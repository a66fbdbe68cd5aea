import { Alert, Button, Group, List, Modal, Stack, Text } from '@mantine/core'
import { IconArrowsDiff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { isMeanwhile } from '../../api/http.ts'
import { common } from '../../texts/common.ts'
import { keys as t } from '../../texts/keys.ts'
import { closingUnless } from '../../ui/form-dialog.tsx'
import { Loading } from '../../ui/loading.tsx'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { type KeyOwner, type KeyRow, readKey, useChangeKey } from './api.ts'
import { type KeyChoices, useKeyChoices } from './key-choices.ts'
import { KeyFields } from './key-form.tsx'
import { type KeyValues, patchOf, valuesOf } from './key-values.ts'
import { useFullScreen } from './use-full-screen.ts'
import { placeProblem, useKeyForm } from './use-key-form.ts'

interface EditDialogProps {
  owner: KeyOwner
  /** undefined: the dialog is closed */
  id: number | undefined
  onClose: () => void
}

export function EditDialog({ owner, id, onClose }: EditDialogProps) {
  const fullScreen = useFullScreen()
  const { choices, error: problem } = useKeyChoices(owner)
  const change = useChangeKey(owner)
  const close = () => {
    change.reset()
    onClose()
  }
  const { data, error: refusal } = useQuery({
    queryKey: ['keys', owner.path, id, 'to edit'],
    queryFn: () => readKey(owner, id!),
    enabled: id !== undefined,
    // what is in the form is not changed under who types in it
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const error = refusal ?? (choices ? null : problem)
  return (
    <Modal
      opened={id !== undefined}
      onClose={closingUnless(change.isPending, close)}
      title={data ? t.editTitle(data.value.name) : t.edit}
      size={720}
      fullScreen={fullScreen}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': common.close }}
    >
      <ProblemAlert error={error} />
      {data && choices ? (
        <Form owner={owner} choices={choices} change={change} read={data} onClose={close} />
      ) : (
        !error && <Loading height={320} />
      )}
    </Modal>
  )
}

interface Version {
  value: KeyRow
  etag: string | undefined
}

interface FormProps {
  owner: KeyOwner
  choices: KeyChoices
  change: ReturnType<typeof useChangeKey>
  read: Version
  onClose: () => void
}

function Form({ owner, choices, change, read, onClose }: FormProps) {
  const [base, setBase] = useState(read)
  /** the version that somebody else saved after this form was opened */
  const [theirs, setTheirs] = useState<Version>()
  const [isUnread, setUnread] = useState(false)
  const form = useKeyForm(valuesOf(read.value))
  const placed = change.error !== null && Object.keys(form.errors).length > 0
  const meanwhile = isMeanwhile(change.error)
  const save = (values: KeyValues, over: Version) => {
    const input = patchOf(valuesOf(over.value), values, !owner.service)
    if (Object.keys(input).length === 0) return onClose()
    setUnread(false)
    change.mutate(
      { id: over.value.id, input, ifMatch: over.etag },
      {
        onSuccess: ({ name }) => {
          onClose()
          showDone(t.saved(name))
        },
        onError: async error => {
          if (!isMeanwhile(error)) return placeProblem(form, error)
          try {
            setTheirs(await readKey(owner, over.value.id))
          } catch {
            setUnread(true) // the refusal is shown, and saving again reads again
          }
        },
      },
    )
  }
  const takeTheirs = () => {
    if (!theirs) return
    form.setValues(valuesOf(theirs.value))
    setBase(theirs)
    setTheirs(undefined)
    change.reset()
  }
  return (
    <KeyFields
      form={form}
      choices={choices}
      busy={change.isPending}
      error={placed || (meanwhile && !isUnread) ? null : change.error}
      submitText={theirs ? t.saveMine : common.save}
      onCancel={onClose}
      onSubmit={values => save(values, theirs ?? base)}
      notice={
        theirs && (
          <Changed mine={form.values} theirs={valuesOf(theirs.value)} project={!owner.service} onTake={takeTheirs} />
        )
      }
    />
  )
}

interface ChangedProps {
  mine: KeyValues
  theirs: KeyValues
  project: boolean
  onTake: () => void
}

/** What the other version says where it differs from what is typed here. */
function Changed({ mine, theirs, project, onTake }: ChangedProps) {
  const differences = Object.entries(patchOf(mine, theirs, project))
  return (
    <Alert color="yellow" role="alert" icon={<IconArrowsDiff size={18} />} title={t.changedTitle}>
      <Stack gap="xs">
        <Text size="sm">{differences.length > 0 ? t.changedText : t.changedNothing}</Text>
        <List size="sm">
          {differences.map(([field, value]) => (
            <List.Item key={field}>{t.changedField(field, JSON.stringify(value))}</List.Item>
          ))}
        </List>
        <Group>
          <Button size="xs" variant="default" onClick={onTake}>
            {t.takeTheirs}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}

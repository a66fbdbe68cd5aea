import { SegmentedControl, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { connections as t } from '../../texts/connections.ts'
import { fieldErrors } from '../../ui/field-errors.ts'
import { closing, FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
import { useAddConnection } from './api.ts'

/** Where the database's address is kept is told, the address never: it does not pass through the browser. */
export function AddConnectionModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [from, setFrom] = useState<'url_env' | 'url_file'>('url_env')
  const form = useForm({ initialValues: { name: '', url_env: '', url_file: '' } })
  const add = useAddConnection()
  const close = closing(form, add, () => {
    setFrom('url_env')
    onClose()
  })
  const submit = form.onSubmit(({ name, ...kept }) =>
    add.mutate(
      { name, [from]: kept[from] },
      {
        onSuccess: ({ server }) => {
          close()
          showDone(t.addedDone(name, server))
        },
        onError: error => form.setErrors(fieldErrors(error, ['name', from])),
      },
    ),
  )
  const isPlaced = Object.keys(form.errors).length > 0
  return (
    <FormDialog
      title={t.add}
      opened={opened}
      onClose={close}
      onSubmit={submit}
      submit={t.add}
      busy={add.isPending}
      dirty={form.isDirty()}
      error={isPlaced ? null : add.error}
    >
      <TextInput
        label={t.name}
        description={t.nameHint}
        required
        data-autofocus
        maxLength={200}
        spellCheck={false}
        {...form.getInputProps('name')}
      />
      <SegmentedControl
        aria-label={t.secret}
        value={from}
        onChange={value => setFrom(value as typeof from)}
        data={[
          { value: 'url_env', label: t.fromVariable },
          { value: 'url_file', label: t.fromFile },
        ]}
      />
      <TextInput
        key={from}
        label={from === 'url_env' ? t.variable : t.file}
        description={from === 'url_env' ? t.variableHint : t.fileHint}
        required
        spellCheck={false}
        autoCapitalize="none"
        {...form.getInputProps(from)}
      />
      <Text size="xs" c="dimmed">
        {t.checkedFirst}
      </Text>
    </FormDialog>
  )
}

import { Checkbox, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { common } from '../../texts/common.ts'
import { users as t } from '../../texts/users.ts'
import { fieldErrors } from '../../ui/field-errors.ts'
import { closing, FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
import { SecretInput } from '../../ui/secret-input.tsx'
import { useAddUser } from './api.ts'

/** The user's page is opened next: there the roles are given. */
export function NewUserModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { username: '', password: '', is_admin: false } })
  const navigate = useNavigate()
  const add = useAddUser()
  const close = closing(form, add, onClose)
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async user => {
        close()
        showDone(t.createdDone(user.username))
        await navigate({ to: '/users/$user', params: { user: String(user.user_id) }, ignoreBlocker: true })
      },
      onError: error => form.setErrors(fieldErrors(error, ['username', 'password'])),
    }),
  )
  const isPlaced = Object.keys(form.errors).length > 0
  return (
    <FormDialog
      title={t.newUser}
      opened={opened}
      onClose={close}
      onSubmit={submit}
      submit={common.create}
      busy={add.isPending}
      dirty={form.isDirty()}
      error={isPlaced ? null : add.error}
    >
      <TextInput
        label={t.username}
        description={t.usernameHint}
        required
        data-autofocus
        maxLength={64}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps('username')}
      />
      <SecretInput
        label={t.password}
        description={t.passwordHint}
        required
        autoComplete="new-password"
        {...form.getInputProps('password')}
      />
      <Checkbox
        label={t.administrator}
        description={t.administratorHint}
        {...form.getInputProps('is_admin', { type: 'checkbox' })}
      />
    </FormDialog>
  )
}

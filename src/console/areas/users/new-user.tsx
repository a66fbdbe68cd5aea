import { Button, Checkbox, Group, Modal, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { common } from '../../texts/common.ts'
import { users as t } from '../../texts/users.ts'
import { fieldErrors } from '../../ui/field-errors.ts'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { useAddUser } from './api.ts'

/** The user's page is opened next: there the roles are given. */
export function NewUserModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { username: '', password: '', is_admin: false } })
  const navigate = useNavigate()
  const add = useAddUser()
  const close = () => {
    form.reset()
    add.reset()
    onClose()
  }
  const submit = form.onSubmit(values =>
    add.mutate(values, {
      onSuccess: async user => {
        close()
        showDone(t.createdDone(user.username))
        await navigate({ to: '/users/$user', params: { user: String(user.user_id) } })
      },
      onError: error => form.setErrors(fieldErrors(error, ['username', 'password'])),
    }),
  )
  const isPlaced = Object.keys(form.errors).length > 0
  return (
    <Modal opened={opened} onClose={close} title={t.newUser} closeButtonProps={{ 'aria-label': common.close }}>
      <form onSubmit={submit}>
        <Stack gap="md">
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
          <PasswordInput
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
          <ProblemAlert error={isPlaced ? null : add.error} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {common.cancel}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {common.create}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

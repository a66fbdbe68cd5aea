import { Button, Group, Paper, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { users as t } from '../../texts/users.ts'
import { fieldErrors } from '../../ui/field-errors.ts'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { SecretInput } from '../../ui/secret-input.tsx'
import { type UserRow, useChangeUser } from './api.ts'

/** Another password for a user who has lost theirs. */
export function PasswordForm({ user }: { user: UserRow }) {
  const form = useForm({ initialValues: { password: '' } })
  const change = useChangeUser(user.user_id)
  const submit = form.onSubmit(input =>
    change.mutate(
      { input },
      {
        onSuccess: () => {
          form.reset()
          showDone(t.passwordDone)
        },
        onError: error => form.setErrors(fieldErrors(error, ['password'])),
      },
    ),
  )
  return (
    <form onSubmit={submit}>
      <LeaveGuard when={form.isDirty()} />
      <Paper>
        <Section title={t.newPassword} about={t.passwordAbout}>
          <Stack gap="md" maw={420}>
            <SecretInput
              label={t.password}
              description={t.passwordHint}
              autoComplete="new-password"
              required
              {...form.getInputProps('password')}
            />
            <ProblemAlert error={form.errors.password ? null : change.error} />
            <Group gap="xs">
              <Button type="submit" variant="default" loading={change.isPending}>
                {t.setPassword}
              </Button>
            </Group>
          </Stack>
        </Section>
      </Paper>
    </form>
  )
}

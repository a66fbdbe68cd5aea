import { Button, Group, Paper, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { Problem } from '../../api/http.ts'
import { useSession } from '../../api/session.ts'
import { account as t } from '../../texts/account.ts'
import { fieldErrors } from '../../ui/field-errors.ts'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { SecretInput } from '../../ui/secret-input.tsx'
import { useChangePassword } from './api.ts'

export function OwnPassword() {
  const { username, has_password } = useSession()
  const form = useForm({ initialValues: { current_password: '', password: '' } })
  const change = useChangePassword()
  const submit = form.onSubmit(values =>
    change.mutate(values, {
      onSuccess: () => {
        form.reset()
        showDone(t.passwordDone)
      },
      onError: error =>
        form.setErrors(
          error instanceof Problem && error.code === 'sign_in_failed'
            ? { current_password: error.message }
            : fieldErrors(error, ['password', 'current_password']),
        ),
    }),
  )
  const isPlaced = Object.keys(form.errors).length > 0
  return (
    <form onSubmit={submit}>
      <LeaveGuard when={form.isDirty()} />
      <Section title={t.passwordTitle} about={has_password ? t.passwordAbout : t.passwordNone}>
        <Paper>
          <Stack gap="md" maw={420}>
            <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
            {has_password && (
              <SecretInput
                label={t.currentPassword}
                autoComplete="current-password"
                required
                {...form.getInputProps('current_password')}
              />
            )}
            <SecretInput
              label={t.newPassword}
              description={t.newPasswordHint}
              autoComplete="new-password"
              required
              {...form.getInputProps('password')}
            />
            <ProblemAlert error={isPlaced ? null : change.error} />
            <Group>
              <Button type="submit" loading={change.isPending}>
                {has_password ? t.changePassword : t.setPassword}
              </Button>
            </Group>
          </Stack>
        </Paper>
      </Section>
    </form>
  )
}

import { Button, PasswordInput, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { signIn } from '../../api/session.ts'
import { auth as t } from '../../texts/auth.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { AuthCard } from './card.tsx'
import { useEnter } from './use-enter.ts'

export function SignInPage() {
  const [by, setBy] = useState<'password' | 'token'>('password')
  const form = useForm({ initialValues: { username: '', password: '', token: '' } })
  const enter = useEnter(signIn)
  const submit = form.onSubmit(({ username, password, token }) =>
    enter.mutate(by === 'token' ? { token: token.trim() } : { username, password }),
  )
  return (
    <AuthCard title={t.signInTitle}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <SegmentedControl
            fullWidth
            aria-label={t.signInTitle}
            value={by}
            onChange={value => {
              setBy(value as typeof by)
              enter.reset()
            }}
            data={[
              { value: 'password', label: t.withPassword },
              { value: 'token', label: t.withToken },
            ]}
          />
          {by === 'password' ? (
            <>
              <TextInput
                label={t.username}
                autoComplete="username"
                autoCapitalize="none"
                spellCheck={false}
                required
                autoFocus
                {...form.getInputProps('username')}
              />
              <PasswordInput
                label={t.password}
                autoComplete="current-password"
                required
                {...form.getInputProps('password')}
              />
            </>
          ) : (
            <PasswordInput
              label={t.token}
              description={t.tokenHint}
              autoComplete="off"
              required
              autoFocus
              {...form.getInputProps('token')}
            />
          )}
          <ProblemAlert error={enter.error} />
          <Button type="submit" loading={enter.isPending} fullWidth>
            {t.signIn}
          </Button>
        </Stack>
      </form>
    </AuthCard>
  )
}

import { Button, SegmentedControl, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { UseMutationResult } from '@tanstack/react-query'
import { useState } from 'react'
import type { SessionState, SignInInput } from '../../api/session.ts'
import { auth as t } from '../../texts/auth.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { SecretInput } from '../../ui/secret-input.tsx'
import { UsernameInput } from './username-input.tsx'

interface SignInFormProps {
  enter: UseMutationResult<SessionState, Error, SignInInput>
  /** who is expected: only the password is to be typed */
  username?: string
}

export function SignInForm({ enter, username = '' }: SignInFormProps) {
  const [by, setBy] = useState<'password' | 'token'>('password')
  const form = useForm({ initialValues: { username, password: '', token: '' } })
  const submit = form.onSubmit(({ username, password, token }) =>
    enter.mutate(by === 'token' ? { token: token.trim() } : { username, password }),
  )
  return (
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
            <UsernameInput autoFocus={username === ''} {...form.getInputProps('username')} />
            <SecretInput
              label={t.password}
              autoComplete="current-password"
              required
              data-autofocus={username !== '' || undefined}
              {...form.getInputProps('password')}
            />
          </>
        ) : (
          <SecretInput
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
  )
}

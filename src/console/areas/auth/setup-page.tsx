import { Anchor, Button, Center, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { setUp, signIn } from '../../api/session.ts'
import { auth as t } from '../../texts/auth.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { SecretInput } from '../../ui/secret-input.tsx'
import { AuthCard } from './card.tsx'
import { useEnter } from './use-enter.ts'
import { UsernameInput } from './username-input.tsx'

/** The first start: the printed token shows that it is the operator, who makes the administrator or signs in with it only. */
export function SetupPage() {
  const [tokenOnly, setTokenOnly] = useState(false)
  const form = useForm({ initialValues: { token: '', username: 'admin', password: '' } })
  const enter = useEnter((input: typeof form.values) => {
    const token = input.token.trim()
    return tokenOnly ? signIn({ token }) : setUp({ ...input, token })
  })
  return (
    <AuthCard title={t.setupTitle} about={t.setupText}>
      <form onSubmit={form.onSubmit(values => enter.mutate(values))}>
        <Stack gap="md">
          <SecretInput
            label={t.setupToken}
            description={t.setupTokenHint}
            autoComplete="off"
            required
            autoFocus
            {...form.getInputProps('token')}
          />
          {!tokenOnly && (
            <>
              <UsernameInput {...form.getInputProps('username')} />
              <SecretInput
                label={t.password}
                description={t.setupPasswordHint}
                autoComplete="new-password"
                required
                minLength={10}
                {...form.getInputProps('password')}
              />
            </>
          )}
          <ProblemAlert error={enter.error} />
          <Button type="submit" loading={enter.isPending} fullWidth>
            {tokenOnly ? t.signIn : t.createAdministrator}
          </Button>
          <Center>
            <Anchor component="button" type="button" size="sm" onClick={() => setTokenOnly(!tokenOnly)}>
              {tokenOnly ? t.setupInstead : t.tokenInstead}
            </Anchor>
          </Center>
        </Stack>
      </form>
    </AuthCard>
  )
}

import { signIn } from '../../api/session.ts'
import { auth as t } from '../../texts/auth.ts'
import { AuthCard } from './card.tsx'
import { SignInForm } from './sign-in-form.tsx'
import { useEnter } from './use-enter.ts'

export function SignInPage() {
  const enter = useEnter(signIn)
  return (
    <AuthCard title={t.signInTitle}>
      <SignInForm enter={enter} />
    </AuthCard>
  )
}

import { useSession } from '../../api/session.ts'
import { account as t } from '../../texts/account.ts'
import { Page } from '../../ui/page.tsx'
import { OwnPassword } from './own-password.tsx'
import { Sessions } from './sessions.tsx'

/** One's own password, and the browsers that are signed in. */
export function AccountPage() {
  const { username } = useSession()
  return (
    <Page title={t.title} about={username}>
      <Sessions />
      <OwnPassword />
    </Page>
  )
}

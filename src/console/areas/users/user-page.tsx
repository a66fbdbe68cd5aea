import { Badge, Button } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Problem } from '../../api/http.ts'
import { useSession } from '../../api/session.ts'
import { users as t } from '../../texts/users.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { Loading } from '../../ui/loading.tsx'
import { showDone } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { removeUser, type UserRow, userQuery } from './api.ts'
import { PasswordForm } from './password-form.tsx'
import { UserForm } from './user-form.tsx'

export function UserPage() {
  const { user: id } = useParams({ from: '/shell/users/$user' })
  const { data, error, refetch } = useQuery(userQuery(id))
  // also who has just given up being an administrator
  if (error && (!data || isForbidden(error))) throw error
  if (!data) return <Loading height={320} />
  const { value: user, etag } = data
  return (
    <Page title={user.username} badge={<State user={user} />} actions={<Remove user={user} />}>
      <UserForm
        key={user.user_id}
        user={user}
        etag={etag}
        onReload={async () => (await refetch({ throwOnError: true })).data}
      />
      <PasswordForm user={user} />
    </Page>
  )
}

const isForbidden = (error: Error) => error instanceof Problem && error.status === 403

function State({ user }: { user: UserRow }) {
  const session = useSession()
  return (
    <>
      {user.user_id === session.user_id && <Badge color="gray">{t.you}</Badge>}
      {user.is_admin && <Badge>{t.administrator}</Badge>}
      {!user.is_active && <Badge color="gray">{t.inactive}</Badge>}
    </>
  )
}

function Remove({ user }: { user: UserRow }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const ask = () =>
    confirmDestructive({
      title: t.removeTitle(user.username),
      children: t.removeText,
      confirm: t.removeUser,
      onConfirm: async isThere => {
        await removeUser(user.user_id)
        showDone(t.removedDone(user.username))
        if (isThere.current) await navigate({ to: '/users', ignoreBlocker: true })
        client.removeQueries({ queryKey: userQuery(String(user.user_id)).queryKey })
        await client.invalidateQueries({ queryKey: ['users'] })
      },
    })
  return (
    <Button color="red" variant="outline" onClick={ask}>
      {t.removeUser}
    </Button>
  )
}

import { Autocomplete, NativeSelect } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { type Role, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { members as t } from '../../texts/members.ts'
import { closing, FormDialog } from '../../ui/form-dialog.tsx'
import { showDone } from '../../ui/notify.ts'
import { usersQuery } from '../users/api.ts'
import { membersQuery, useSetMember } from './api.ts'

export const ROLES = (['viewer', 'editor', 'admin'] as const).map(role => ({ value: role, label: common.roles[role] }))

interface AddMemberProps {
  project: number
  opened: boolean
  onClose: () => void
}

/** Administrators of the installation choose among the users; others know whom they mean. */
export function AddMemberModal({ project, opened, onClose }: AddMemberProps) {
  const { is_admin } = useSession()
  const { data: users = [] } = useQuery({ ...usersQuery, enabled: opened && is_admin })
  const { data: members = [] } = useQuery({ ...membersQuery(project), enabled: opened })
  // administrators have every role already
  const others = users.filter(user => !user.is_admin && !members.some(({ username }) => username === user.username))
  const form = useForm<{ username: string; role: Role }>({ initialValues: { username: '', role: 'viewer' } })
  const set = useSetMember(project)
  const close = closing(form, set, onClose)
  const submit = form.onSubmit(values =>
    set.mutate(values, {
      onSuccess: ({ username }) => {
        close()
        showDone(t.addedDone(username))
      },
    }),
  )
  return (
    <FormDialog
      title={t.add}
      opened={opened}
      onClose={close}
      onSubmit={submit}
      submit={t.add}
      busy={set.isPending}
      dirty={form.isDirty()}
      error={set.error}
    >
      <Autocomplete
        label={t.username}
        size="sm"
        required
        data-autofocus
        data={others.map(user => user.username)}
        limit={20}
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps('username')}
      />
      <NativeSelect
        label={t.role}
        data={ROLES}
        description={common.roleMeanings[form.values.role]}
        {...form.getInputProps('role')}
      />
    </FormDialog>
  )
}

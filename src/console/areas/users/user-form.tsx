import { Button, Group, NativeSelect, Paper, SimpleGrid, Stack, Switch, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useRef } from 'react'
import { projectsQuery } from '../../api/projects.ts'
import type { Role } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { users as t } from '../../texts/users.ts'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone, showProblem } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { type UserRow, useChangeUser } from './api.ts'

interface UserFormProps {
  user: UserRow
  etag: string | undefined
  /** reads the user again; throws where they cannot be read */
  onReload: () => Promise<{ value: UserRow; etag: string | undefined } | undefined>
}

const ROLES = [
  { value: '', label: t.noRole },
  ...(['viewer', 'editor', 'admin'] as const).map(role => ({ value: role, label: common.roles[role] })),
]

const valuesOf = ({ is_admin, is_active, roles }: UserRow) => ({ is_admin, is_active, roles })

/** What the user may do. It is saved whole, over the version that it began with, and over no other. */
export function UserForm({ user, etag, onReload }: UserFormProps) {
  const { data: projects = [] } = useQuery(projectsQuery)
  const form = useForm({ initialValues: valuesOf(user) })
  const base = useRef(etag)
  const change = useChangeUser(user.user_id)
  /** @param saved what was sent: what was typed since then stays */
  const begin = async (saved?: typeof form.values) => {
    const read = await onReload()
    if (!read) return
    const values = valuesOf(read.value)
    base.current = read.etag
    form.setInitialValues(values)
    if (!saved || JSON.stringify(form.getValues()) === JSON.stringify(saved)) form.setValues(values)
    form.resetDirty(values)
    change.reset()
  }
  const submit = form.onSubmit(values =>
    change.mutate(
      { input: values, ifMatch: base.current },
      {
        onSuccess: async () => {
          showDone(common.saved)
          await begin(values).catch(showProblem)
        },
      },
    ),
  )
  const setRole = (slug: string, role: string) => {
    const { [slug]: _before, ...others } = form.values.roles
    form.setFieldValue('roles', role === '' ? others : { ...others, [slug]: role as Role })
  }
  return (
    <form onSubmit={submit}>
      <Paper>
        <Stack gap="lg">
          <Section title={t.access}>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Switch
                label={t.administrator}
                description={t.administratorHint}
                {...form.getInputProps('is_admin', { type: 'checkbox' })}
              />
              <Switch
                label={t.mayWork}
                description={t.mayWorkHint}
                {...form.getInputProps('is_active', { type: 'checkbox' })}
              />
            </SimpleGrid>
          </Section>
          <Section title={t.roles} about={form.values.is_admin ? t.allProjects : t.rolesAbout}>
            {projects.length === 0 && <Text size="sm">{t.noProjects}</Text>}
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              {projects.map(({ slug, name }) => (
                <NativeSelect
                  key={slug}
                  label={name}
                  labelProps={{ style: { overflowWrap: 'anywhere' } }}
                  aria-label={t.roleIn(name)}
                  data={ROLES}
                  value={form.values.roles[slug] ?? ''}
                  onChange={event => setRole(slug, event.currentTarget.value)}
                />
              ))}
            </SimpleGrid>
          </Section>
          <ProblemAlert error={change.error} onReload={() => void begin().catch(showProblem)} />
          <Group gap="xs">
            <Button type="submit" loading={change.isPending} disabled={!form.isDirty()}>
              {common.save}
            </Button>
          </Group>
        </Stack>
      </Paper>
      <LeaveGuard when={form.isDirty()} />
    </form>
  )
}

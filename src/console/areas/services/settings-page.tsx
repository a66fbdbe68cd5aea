import { Button, Group, Paper, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { isMeanwhile } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { type Service, useForgetService, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { services as t } from '../../texts/services.ts'
import { Consequences } from '../../ui/callers.tsx'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { ConflictAlert } from '../../ui/conflict-alert.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { removeService, useSaveService } from './api.ts'

export function SettingsPage() {
  const session = useSession()
  const { slug } = useProject()
  const { service, etag } = useService()
  const edits = may(session, 'editor', slug)
  return (
    <Stack gap="xl" maw={720}>
      <General service={service} etag={etag} edits={edits} />
      <PublicAccess service={service} edits={edits} />
      {edits && <Deletion service={service} />}
    </Stack>
  )
}

/** Title and description, which act at once. */
function General({ service, etag, edits }: { service: Service; etag: string | undefined; edits: boolean }) {
  const { title, description } = service
  const [base, setBase] = useState({ title, description, etag })
  const [typed, setTyped] = useState({ title, description })
  const save = useSaveService(service.id)
  const dirty = typed.title !== base.title || typed.description !== base.description
  const untouched = title === base.title && description === base.description
  if (etag !== base.etag && (!dirty || untouched)) {
    setBase({ title, description, etag })
    if (!dirty) setTyped({ title, description })
  }
  const isStale = dirty && !untouched && !save.isPending
  const submit = (ifMatch: string | undefined) =>
    save.mutate(
      { ...typed, change_note: t.noteSettings, ifMatch },
      {
        onSuccess: () => {
          setBase({ ...typed, etag: undefined })
          showDone(common.saved)
        },
      },
    )
  return (
    <Section title={t.general}>
      <Paper
        component="form"
        onSubmit={event => {
          event.preventDefault()
          submit(base.etag)
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t.name}
            value={typed.title}
            onChange={event => setTyped({ ...typed, title: event.currentTarget.value })}
            maxLength={500}
            disabled={!edits}
            required
          />
          <TextInput label={t.key} description={t.keyFixed} value={service.asset_key} readOnly />
          <Textarea
            label={t.description}
            value={typed.description}
            onChange={event => setTyped({ ...typed, description: event.currentTarget.value })}
            maxLength={10_000}
            disabled={!edits}
          />
          {isStale ? (
            <ConflictAlert
              title={t.conflictTitle}
              saveMine={t.saveMine}
              onSave={() => submit(etag)}
              takeTheirs={t.takeTheirs}
              onTake={() => {
                save.reset()
                setBase({ title, description, etag })
                setTyped({ title, description })
              }}
            >
              <Text size="sm">{t.theirTitle(title, description)}</Text>
            </ConflictAlert>
          ) : (
            <ProblemAlert error={isMeanwhile(save.error) && !dirty ? undefined : save.error} />
          )}
          {edits && (
            <Group justify="flex-end">
              <Button type="submit" loading={save.isPending} disabled={!dirty || isStale}>
                {common.save}
              </Button>
            </Group>
          )}
        </Stack>
      </Paper>
      <LeaveGuard when={edits && dirty} />
    </Section>
  )
}

function PublicAccess({ service, edits }: { service: Service; edits: boolean }) {
  const { project_id } = useProject()
  const save = useSaveService(service.id)
  const set = (isPublic: boolean) =>
    save.mutateAsync({ is_public: isPublic, change_note: isPublic ? t.notePublic : t.noteWithKey })
  const toggle = () => {
    if (service.is_public)
      confirmDestructive({
        title: t.endPublicTitle(service.title),
        children: (
          <Consequences
            text={t.endPublicText}
            called={{ project: project_id, service: service.asset_key, key: 'public' }}
          />
        ),
        confirm: t.endPublic,
        onConfirm: () => set(false),
      })
    else
      confirmDestructive({
        title: t.makePublicTitle(service.title),
        children: <Text size="sm">{t.makePublicText}</Text>,
        confirm: t.makePublic,
        onConfirm: () => set(true),
      })
  }
  return (
    <Section title={t.access}>
      <Switch
        label={t.isPublic}
        description={t.isPublicText}
        checked={service.is_public}
        onChange={toggle}
        disabled={!edits || save.isPending}
      />
    </Section>
  )
}

function Deletion({ service }: { service: Service }) {
  const navigate = useNavigate()
  const { slug, project_id } = useProject()
  const forget = useForgetService()
  const ask = () =>
    confirmDestructive({
      title: t.deleteTitle(service.title),
      children: <Consequences text={t.dangerText} called={{ project: project_id, service: service.asset_key }} />,
      confirm: t.deleteService,
      word: service.asset_key,
      onConfirm: async isThere => {
        await removeService(service.id)
        showDone(t.deletedDone(service.title))
        if (isThere.current)
          await navigate({ to: '/projects/$project/services', params: { project: slug }, ignoreBlocker: true })
        await forget(service.id)
      },
    })
  return (
    <Section title={t.danger} about={t.dangerText}>
      <Group>
        <Button color="red" variant="outline" onClick={ask}>
          {t.deleteService}
        </Button>
      </Group>
    </Section>
  )
}

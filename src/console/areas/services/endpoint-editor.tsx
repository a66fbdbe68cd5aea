import { Badge, Button, Fieldset, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { CatchBoundary, useNavigate } from '@tanstack/react-router'
import { lazy, useState } from 'react'
import { useProject } from '../../api/projects.ts'
import { type EndpointConfig, useService } from '../../api/services.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { services as t } from '../../texts/services.ts'
import { useFormOrJson } from '../../ui/form-or-json.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { ReadFields, UnreadNote, useUnread } from '../../ui/unread.tsx'
import { useIsThere } from '../../ui/use-is-there.ts'
import { Checked } from './checked.tsx'
import { EndpointForm } from './endpoint-form.tsx'
import { EndpointMenu } from './endpoint-menu.tsx'
import { KIND_ICONS } from './kinds.ts'
import { Preview } from './preview.tsx'
import { ServiceConflict } from './service-conflict.tsx'
import { useDraft } from './use-draft.ts'

const JsonView = lazy(() => import('./json-view.tsx'))

/** An endpoint of the draft as a form or as JSON, with what it would answer. `id` undefined: it is a new one. */
export function EndpointEditor({ id, fresh }: { id?: string; fresh: EndpointConfig }) {
  const session = useSession()
  const navigate = useNavigate()
  const { slug } = useProject()
  const { service } = useService()
  const editing = useDraft(id, fresh)
  const { draft, setDraft, conflict, saving } = editing
  const reading = useUnread()
  const { unread, anew } = reading
  const dirty = editing.dirty || unread
  const { view, viewSwitch, asJson } = useFormOrJson(t.view, reading.stays)
  const [leaving, setLeaving] = useState(false)
  const isThere = useIsThere()
  const edits = may(session, 'editor', slug)
  const Picture = KIND_ICONS[draft.kind]

  const save = async (write: () => Promise<boolean>) => {
    if (saving || unread) return
    let isAll: boolean
    try {
      isAll = await write()
    } catch {
      return // it is shown, and what was typed stays
    }
    showDone(t.savedDraft)
    if (draft.id === id || !isAll || !isThere.current) return
    setLeaving(true)
    await navigate({
      to: '/projects/$project/services/$service/endpoints/$endpoint',
      params: { project: slug, service: service.asset_key, endpoint: draft.id },
      ignoreBlocker: true,
      replace: true,
    })
  }
  useHotkeys([['mod+S', () => edits && dirty && void save(editing.save)]], [], true)

  const form = (
    <CatchBoundary getResetKey={() => view + JSON.stringify(draft)} errorComponent={UnfitForForm}>
      <EndpointForm endpoint={draft} onChange={setDraft} />
    </CatchBoundary>
  )
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="sm">
        <Group gap="xs" wrap="nowrap" miw={0}>
          <Picture size={20} stroke={1.6} aria-hidden style={{ flex: 'none' }} />
          <Title order={2} style={{ overflowWrap: 'anywhere' }}>
            {id ?? t.newEndpoint}
          </Title>
          <Badge color="gray" flex="none">
            {t.kinds[draft.kind].name}
          </Badge>
          {dirty && edits && (
            <Badge color="yellow" flex="none">
              {t.unsaved}
            </Badge>
          )}
        </Group>
        <Group gap="xs">
          {viewSwitch}
          {edits && id !== undefined && <EndpointMenu endpoint={fresh} />}
        </Group>
      </Group>
      {!edits && (
        <Text size="sm" c="dimmed">
          {t.readOnly}
        </Text>
      )}
      {conflict && !leaving && (
        <ServiceConflict
          conflict={conflict}
          mine={draft}
          onSave={() => void save(editing.saveOver)}
          onTake={() => anew(editing.takeTheirs)}
        />
      )}
      <Checked endpoint={draft}>
        <div className={edits ? 'editor-columns' : undefined}>
          <Fieldset variant="unstyled" disabled={!edits} m={0} miw={0} aria-label={t.kinds[draft.kind].name}>
            <ReadFields of={reading}>
              {view === 'form' && form}
              {asJson(<JsonView endpoint={draft} onChange={setDraft} readOnly={!edits} />, 300)}
            </ReadFields>
          </Fieldset>
          {edits && (
            <CatchBoundary getResetKey={() => JSON.stringify(draft)} errorComponent={() => null}>
              <Preview endpoint={draft} />
            </CatchBoundary>
          )}
        </div>
      </Checked>
      {edits && !conflict && <ProblemAlert error={editing.error} />}
      {edits && (dirty || id === undefined) && (
        <Paper p="xs" className="save-bar">
          <Group justify="flex-end" gap="xs">
            <UnreadNote of={reading} />
            {dirty && id !== undefined && (
              <Button variant="default" onClick={() => anew(editing.discard)}>
                {t.discard}
              </Button>
            )}
            <Button onClick={() => void save(editing.save)} loading={saving} disabled={draft.id === '' || unread}>
              {id === undefined ? t.addToDraft : t.saveDraft}
            </Button>
          </Group>
        </Paper>
      )}
      <LeaveGuard when={edits && dirty && !leaving} />
    </Stack>
  )
}

const UnfitForForm = () => <ProblemAlert error={common.unfitForForm} />

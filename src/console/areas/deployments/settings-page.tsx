import { Box, Button, Group, Paper, Stack, Text } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { isMeanwhile } from '../../api/http.ts'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { ConflictAlert } from '../../ui/conflict-alert.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { UnreadNote, useUnread } from '../../ui/unread.tsx'
import { useRefusal } from './api.ts'
import { DefinitionEditor } from './definition-editor.tsx'
import { DeleteDeployment } from './delete-deployment.tsx'
import { useDefinition } from './use-definition.ts'

const DiffView = lazy(() => import('../services/diff-view.tsx'))

/** What it is declared to be, and its end. */
export function SettingsPage() {
  const editing = useDefinition()
  const { deployment, draft, conflict, error, saving } = editing
  const reading = useUnread()
  const { unread, anew } = reading
  const dirty = editing.dirty || unread
  const refusal = useRefusal(deployment.kind)
  const edits = refusal === null
  const save = async (write: () => Promise<void>) => {
    try {
      await write()
      showDone(t.savedDone)
    } catch {
      // it is shown, and what was typed stays
    }
  }
  return (
    <Stack gap="xl" maw={760}>
      <Section title={t.settings} about={deployment.kind === 'command' ? t.settingsAbout : t.settingsPlain}>
        {refusal && <Text size="sm">{t.notYours(refusal)}</Text>}
        {conflict && (
          <ConflictAlert
            title={t.conflictTitle}
            saveMine={t.saveMine}
            onSave={() => void save(editing.saveOver)}
            takeTheirs={t.takeTheirs}
            onTake={() => anew(editing.takeTheirs)}
          >
            <Text size="sm">{t.conflictText}</Text>
            <Suspense fallback={<Box aria-busy="true" mih={120} />}>
              <DiffView label={t.conflictText} left={conflict.theirs} right={draft} />
            </Suspense>
          </ConflictAlert>
        )}
        <form
          onSubmit={event => {
            event.preventDefault()
            if (editing.dirty && !unread && !saving) void save(editing.save)
          }}
        >
          <Stack gap="md">
            <Paper>
              <DefinitionEditor
                definition={draft}
                onChange={editing.setDraft}
                envNames={editing.envNames}
                name={deployment.name}
                error={isMeanwhile(error) && conflict ? undefined : error}
                readOnly={!edits}
                reading={reading}
              />
            </Paper>
            {edits && dirty && (
              <Paper p="xs" className="save-bar">
                <Group justify="flex-end" gap="xs">
                  <UnreadNote of={reading} />
                  <Button variant="default" onClick={() => anew(editing.discard)}>
                    {t.discard}
                  </Button>
                  <Button type="submit" loading={saving} disabled={conflict !== undefined || unread}>
                    {common.save}
                  </Button>
                </Group>
              </Paper>
            )}
          </Stack>
        </form>
      </Section>
      <DeleteDeployment deployment={deployment} />
      <LeaveGuard when={edits && dirty} />
    </Stack>
  )
}

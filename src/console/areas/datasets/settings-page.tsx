import {
  Alert,
  Button,
  Code,
  Group,
  List,
  Paper,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { isMeanwhile } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { common } from '../../texts/common.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { confirmDestructive } from '../../ui/confirm.tsx'
import { Facts } from '../../ui/facts.tsx'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { showDone } from '../../ui/notify.ts'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { WhatBreaks } from '../../ui/used-by.tsx'
import { type DatasetRow, datasetsQuery, useBase, useChangeDataset, useDataset, useDeleteDataset } from './api.ts'
import { patchOf, ruleOf, type SettingsDraft, settingsOf } from './settings.ts'

export function SettingsPage() {
  const project = useProject()
  const session = useSession()
  const { dataset, etag } = useDataset()
  const mayEdit = may(session, 'editor', project.slug)
  return (
    <Stack gap="xl" maw={720}>
      <SettingsForm dataset={dataset} etag={etag} mayEdit={mayEdit} />
      <Section title={t.keyAndIndexes} about={t.keyAndIndexesText}>
        <Facts
          facts={{
            [t.primaryKey]: dataset.primary_key ? <Code>{dataset.primary_key.join(', ')}</Code> : t.noKey,
            [t.indexes]: <Indexes indexes={dataset.indexes} />,
          }}
        />
      </Section>
      <Section title={t.details}>
        <Facts
          facts={{
            [t.origin]: t.origins[dataset.origin],
            [t.source]: dataset.table ? `${dataset.connection}: ${dataset.table}` : (dataset.source ?? common.none),
            [t.generation]: dataset.generation,
            [t.created]: <RelativeTime at={dataset.created_at} />,
            [t.changed]: <RelativeTime at={dataset.updated_at} />,
          }}
        />
      </Section>
      {mayEdit && <Danger dataset={dataset} />}
    </Stack>
  )
}

type Field = keyof SettingsDraft

/** What was edited stays while somebody else's change comes in: only what differs from what was there is sent. */
function SettingsForm({ dataset, etag, mayEdit }: { dataset: DatasetRow; etag: string | undefined; mayEdit: boolean }) {
  const project = useProject()
  const session = useSession()
  const change = useChangeDataset(project.project_id, dataset.name)
  const [edited, setEdited] = useState<Partial<SettingsDraft>>({})
  const values = { ...settingsOf(dataset), ...edited }
  const patch = patchOf(dataset, values)
  const isChanged = Object.keys(patch).length > 0
  const differs = (before: DatasetRow, now: DatasetRow) =>
    Object.keys(edited).some(field => settingsOf(before)[field as Field] !== settingsOf(now)[field as Field])
  const base = useBase(dataset, etag, differs, change.error)
  const edit = (changed: Partial<SettingsDraft>) => setEdited(before => ({ ...before, ...changed }))
  const save = () =>
    change.mutate(
      { patch, etag: base },
      {
        onSuccess: () => {
          setEdited({})
          showDone(common.saved)
        },
      },
    )
  const isTable = dataset.engine === 'postgres'
  const isElsewhere = dataset.origin === 'file' || dataset.origin === 'files' || dataset.origin === 'table'
  const state = dataset.refresh_state
  return (
    <Paper
      component="form"
      onSubmit={event => {
        event.preventDefault()
        save()
      }}
    >
      <Stack gap="md">
        <Textarea
          label={t.description}
          description={t.descriptionHint}
          maxLength={10_000}
          readOnly={!mayEdit}
          value={values.description}
          onChange={event => edit({ description: event.currentTarget.value })}
        />
        {dataset.engine !== 'duckdb' && (
          <Switch
            label={t.writableLabel}
            description={isTable ? t.writableHintOfTable : t.writableHint}
            disabled={!mayEdit || (isTable && !dataset.writable && !session.is_admin)}
            checked={values.writable}
            onChange={event => edit({ writable: event.currentTarget.checked })}
          />
        )}
        {isElsewhere && (
          <Group align="flex-start" gap="sm" grow preventGrowOverflow={false}>
            <Select
              label={t.refresh}
              description={t.refreshHints[dataset.origin as keyof typeof t.refreshHints]}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              readOnly={!mayEdit}
              data={[
                { value: 'never', label: t.refreshNever },
                ...(dataset.origin === 'table' ? [] : [{ value: 'change', label: t.refreshOnChange }]),
                { value: 'every', label: t.refreshEvery },
              ]}
              value={values.refresh}
              onChange={value => value && edit({ refresh: value })}
            />
            {values.refresh === 'every' && (
              <TextInput
                label={t.every}
                description={t.everyHint}
                inputWrapperOrder={['label', 'input', 'description', 'error']}
                readOnly={!mayEdit}
                required
                value={values.every}
                onChange={event => edit({ every: event.currentTarget.value })}
              />
            )}
          </Group>
        )}
        {state && (
          <Alert color={state.outcome === 'failed' ? 'red' : 'gray'}>
            <Text size="sm">
              {t.lastRefresh} <RelativeTime at={state.at} />: {t.outcomes[state.outcome]}
            </Text>
            {state.error && <Text size="sm">{state.error}</Text>}
          </Alert>
        )}
        <Refusal error={change.error} dataset={dataset} />
        {mayEdit && (
          <Group justify="flex-end" gap="xs">
            {isChanged && (
              <Button
                variant="default"
                onClick={() => {
                  setEdited({})
                  change.reset()
                }}
              >
                {t.discard}
              </Button>
            )}
            <Button type="submit" loading={change.isPending} disabled={!isChanged}>
              {common.save}
            </Button>
          </Group>
        )}
      </Stack>
      <LeaveGuard when={isChanged} />
    </Paper>
  )
}

function Refusal({ error, dataset }: { error: unknown; dataset: DatasetRow }) {
  if (!isMeanwhile(error)) return <ProblemAlert error={error} />
  return (
    <Alert color="yellow" role="alert" title={t.changedMeanwhile}>
      <Text size="sm">{t.changedMeanwhileText}</Text>
      <List size="sm" mt={4}>
        <List.Item>{t.theirDescription(dataset.description)}</List.Item>
        <List.Item>{dataset.writable ? t.theyWrite : t.theyDoNotWrite}</List.Item>
        {dataset.refresh && <List.Item>{t.theirRefresh(ruleOf(dataset))}</List.Item>}
      </List>
    </Alert>
  )
}

const Indexes = ({ indexes }: { indexes: string[][] }) =>
  indexes.length === 0 ? (
    t.noIndexes
  ) : (
    <Group gap={6}>
      {indexes.map(index => (
        <Code key={index.join()}>{index.join(', ')}</Code>
      ))}
    </Group>
  )

function Danger({ dataset }: { dataset: DatasetRow }) {
  const project = useProject()
  const navigate = useNavigate()
  const client = useQueryClient()
  const remove = useDeleteDataset(project.project_id, dataset.name)
  const ask = () =>
    confirmDestructive({
      title: t.deleteTitle(dataset.name),
      confirm: t.delete,
      word: dataset.name,
      children: (
        <Stack gap="xs">
          <Text size="sm">{t.dangerText}</Text>
          <WhatBreaks uses={dataset.used_by} called={{ project: project.project_id, dataset: dataset.name }} />
        </Stack>
      ),
      onConfirm: async isThere => {
        await remove()
        showDone(t.deleted(dataset.name))
        if (isThere.current)
          await navigate({ to: '/projects/$project/datasets', params: { project: project.slug }, ignoreBlocker: true })
        await client.invalidateQueries({ queryKey: datasetsQuery(project.project_id).queryKey })
      },
    })
  return (
    <Section title={t.dangerTitle} about={t.dangerText}>
      <Group>
        <Button color="red" variant="outline" onClick={ask}>
          {t.delete}
        </Button>
      </Group>
    </Section>
  )
}

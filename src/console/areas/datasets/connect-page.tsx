import { Button, Group, Paper, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useProject } from '../../api/projects.ts'
import { useSession } from '../../api/session.ts'
import { datasets as t } from '../../texts/datasets.ts'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { TextLink } from '../../ui/link.tsx'
import { showDone } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { connectionNamesQuery, namesIn, useAddInPlace } from './api.ts'

/** Rows that stay where they are: files of the server's, or a table of a database. */
export function ConnectPage() {
  const session = useSession()
  return (
    <Page title={t.connectTitle} about={t.connectAbout}>
      {session.is_admin ? <ConnectForm /> : <Text size="sm">{t.adminsOnly}</Text>}
    </Page>
  )
}

function ConnectForm() {
  const project = useProject()
  const navigate = useNavigate()
  const { data: connections, error: noConnections } = useQuery(connectionNamesQuery)
  const add = useAddInPlace(project.project_id)
  const form = useForm({
    initialValues: {
      engine: 'duckdb' as 'duckdb' | 'postgres',
      name: '',
      from: '',
      connection: '',
      table: '',
      primaryKey: '',
    },
  })
  const isTable = form.values.engine === 'postgres'
  const submit = form.onSubmit(({ engine, name, from, connection, table, primaryKey }) =>
    add.mutate(
      {
        name: name.trim(),
        engine,
        ...(engine === 'postgres' ? { connection, table: table.trim() } : { from: from.trim() }),
        ...(namesIn(primaryKey).length > 0 ? { primary_key: namesIn(primaryKey) } : {}),
      },
      {
        onSuccess: async ({ name }) => {
          showDone(t.connectDone(name))
          await navigate({
            to: '/projects/$project/datasets/$dataset',
            params: { project: project.slug, dataset: name },
            ignoreBlocker: true,
          })
        },
      },
    ),
  )
  return (
    <Paper component="form" onSubmit={submit} maw={560}>
      <LeaveGuard when={form.isDirty()} />
      <Stack gap="md">
        <SegmentedControl
          aria-label={t.origin}
          data={[
            { value: 'duckdb', label: t.files },
            { value: 'postgres', label: t.table },
          ]}
          {...form.getInputProps('engine')}
        />
        <TextInput
          label={t.datasetName}
          description={t.nameHint}
          required
          spellCheck={false}
          {...form.getInputProps('name')}
        />
        {isTable ? (
          <>
            <Select
              label={t.connection}
              description={
                connections?.length === 0 && (
                  <>
                    {t.noConnections} <TextLink to="/connections">{t.addConnection}</TextLink>
                  </>
                )
              }
              required
              data={connections ?? []}
              disabled={connections?.length === 0}
              {...form.getInputProps('connection')}
            />
            <TextInput
              label={t.databaseTable}
              description={t.databaseTableHint}
              required
              spellCheck={false}
              {...form.getInputProps('table')}
            />
          </>
        ) : (
          <TextInput
            label={t.from}
            description={t.fromHint}
            required
            spellCheck={false}
            {...form.getInputProps('from')}
          />
        )}
        <TextInput
          label={t.primaryKey}
          description={isTable ? t.keyOfTable : t.keyOfFiles}
          spellCheck={false}
          {...form.getInputProps('primaryKey')}
        />
        <ProblemAlert error={add.error ?? (isTable ? noConnections : undefined)} />
        <Group justify="flex-end">
          <Button type="submit" loading={add.isPending}>
            {t.add}
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}

import { Button, Group, Paper, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useProject } from '../../api/projects.ts'
import { common } from '../../texts/common.ts'
import { deployments as t } from '../../texts/deployments.ts'
import { LeaveGuard } from '../../ui/leave-guard.tsx'
import { ButtonLink } from '../../ui/link.tsx'
import { Loading } from '../../ui/loading.tsx'
import { showDone } from '../../ui/notify.ts'
import { Page } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { UnreadNote, useUnread } from '../../ui/unread.tsx'
import { type DeclarableKind, deploymentsQuery, type Kind, useAddDeployment } from './api.ts'
import { blank, type Definition, isSame, nameError } from './definition.ts'
import { DefinitionEditor } from './definition-editor.tsx'

const MOST_OF_A_NAME = 63

export function NewDeploymentPage() {
  const { project_id } = useProject()
  const { data, error } = useQuery(deploymentsQuery(project_id))
  const first = data?.kinds.find(({ refusal }) => refusal === null)
  return (
    <Page title={t.make} about={t.about}>
      <ProblemAlert error={error ?? (data && !first ? data.kinds[0]?.refusal : undefined)} />
      {data && first && <NewDeployment kinds={data.kinds} first={first.kind} />}
      {!data && !error && <Loading height={300} />}
    </Page>
  )
}

function NewDeployment({ kinds, first }: { kinds: DeclarableKind[]; first: Kind }) {
  const navigate = useNavigate()
  const { slug } = useProject()
  const add = useAddDeployment()
  const [name, setName] = useState('')
  // what was typed for one kind is there again when it is chosen again
  const [drafts, setDrafts] = useState<Partial<Record<Kind, Definition>>>({})
  const [kind, setKind] = useState(first)
  const [created, setCreated] = useState(false)
  const reading = useUnread()
  const { unread } = reading
  const definition = drafts[kind] ?? blank(kind)
  const errorOfName = nameError(add.error)
  const mine = kinds.filter(({ refusal }) => refusal === null)
  const refusals = [...new Set(kinds.flatMap(({ refusal }) => refusal ?? []))]
  const isTyped = Object.entries(drafts).some(([of, draft]) => !isSame(draft, blank(of as Kind)))
  const isDirty = unread || name !== '' || isTyped
  const submit = () =>
    add.mutate(
      { name, definition },
      {
        onSuccess: async () => {
          setCreated(true)
          showDone(t.createdDone(name))
          await navigate({
            to: '/projects/$project/deployments/$deployment',
            params: { project: slug, deployment: name },
            ignoreBlocker: true,
          })
        },
      },
    )
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="lg" maw={760}>
        <Paper>
          <Stack gap="md">
            <TextInput
              label={t.name}
              description={t.nameHint}
              value={name}
              onChange={event => setName(event.currentTarget.value)}
              error={errorOfName}
              maxLength={MOST_OF_A_NAME}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              data-autofocus
              required
            />
            <div>
              {mine.length > 1 && (
                <SegmentedControl
                  aria-label={t.kind}
                  data={mine.map(({ kind: value }) => ({ value, label: t.kinds[value].name }))}
                  value={kind}
                  onChange={value => {
                    setKind(value as Kind)
                    add.reset()
                  }}
                  mb={6}
                />
              )}
              <Text size="sm" c="dimmed">
                {t.kinds[kind].text}
              </Text>
              {refusals.map(refusal => (
                <Text key={refusal} size="sm" c="dimmed" mt={4}>
                  {refusal}
                </Text>
              ))}
            </div>
          </Stack>
        </Paper>
        <Paper>
          <DefinitionEditor
            key={kind}
            definition={definition}
            onChange={changed => setDrafts({ ...drafts, [kind]: changed })}
            envNames={NONE}
            name={name}
            error={errorOfName ? undefined : add.error}
            reading={reading}
          />
        </Paper>
        <Group gap="xs">
          <Button type="submit" loading={add.isPending} disabled={unread}>
            {t.create}
          </Button>
          <ButtonLink to="/projects/$project/deployments" params={{ project: slug }} variant="default">
            {common.cancel}
          </ButtonLink>
          <UnreadNote of={reading} />
        </Group>
      </Stack>
      <LeaveGuard when={isDirty && !created} />
    </form>
  )
}

const NONE: string[] = []

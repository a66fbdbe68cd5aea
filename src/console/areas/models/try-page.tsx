import { Alert, Button, Group, NativeSelect, Paper, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { isJson } from '../../api/exact-json.ts'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { may, useSession } from '../../api/session.ts'
import { models as t } from '../../texts/models.ts'
import { ViewSwitch } from '../../ui/form-or-json.tsx'
import { Loading } from '../../ui/loading.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { AnswerView } from './answer-view.tsx'
import { type FeatureRow, type ModelRow, useShownVersion, useTry } from './api.ts'
import { bodyOf, emptyRow, type FormRow, isBoolean, isFloat, isList, MOST_FIELDS, rowOf } from './rows.ts'
import { shapeText } from './shape.ts'

/** Predictions of one version, whatever is published of it. */
export function TryPage() {
  const project = useProject()
  const session = useSession()
  const { shown, error } = useShownVersion()
  if (!may(session, 'editor', project.slug)) return <Text size="sm">{t.editorsTry}</Text>
  if (shown) return <TryVersion key={shown.model_id} model={shown} />
  return error ? <ProblemAlert error={error} /> : <Loading height={200} />
}

function TryVersion({ model }: { model: ModelRow }) {
  const project = useProject()
  const { features } = model
  const fits = features.length <= MOST_FIELDS
  const [isForm, setIsForm] = useState(fits)
  const [row, setRow] = useState<FormRow>(() => emptyRow(features))
  const [text, setText] = useState(() => bodyOf(features, emptyRow(features)))
  const [cannotShow, setCannotShow] = useState(false)
  const attempt = useTry(project.project_id)
  const body = isForm ? bodyOf(features, row) : text
  const choose = (form: boolean) => {
    const shown = form ? rowOf(features, text) : undefined
    setCannotShow(form && !shown)
    if (form && !shown) return
    if (shown) setRow(shown)
    else setText(bodyOf(features, row))
    setIsForm(form)
  }
  const problem = attempt.error instanceof Problem ? attempt.error : undefined
  const wrong = new Map(problem?.errors.map(({ feature, field, message }) => [feature ?? field, message]))
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" style={{ alignItems: 'start' }}>
      <Paper
        component="form"
        onSubmit={event => {
          event.preventDefault()
          attempt.mutate({ modelId: model.model_id, json: body })
        }}
      >
        <Stack gap="md">
          {fits && (
            <Group justify="space-between" gap="sm">
              <ViewSwitch label={t.tryAs} view={isForm ? 'form' : 'json'} onChange={view => choose(view === 'form')} />
            </Group>
          )}
          {cannotShow && (
            <Alert color="yellow" role="alert">
              {t.onlyOneRow}
            </Alert>
          )}
          {isForm ? (
            <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="sm">
              {features.map(feature => (
                <FeatureField
                  key={feature.name}
                  feature={feature}
                  value={row[feature.name] ?? ''}
                  error={wrong.get(feature.name)}
                  onChange={value => setRow(before => ({ ...before, [feature.name]: value }))}
                />
              ))}
            </SimpleGrid>
          ) : (
            <Textarea
              label={t.body}
              description={t.bodyHint}
              spellCheck={false}
              maxRows={24}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
              error={isJson(text) ? undefined : t.notJson}
              value={text}
              onChange={event => {
                setText(event.currentTarget.value)
                setCannotShow(false)
              }}
            />
          )}
          <ProblemAlert error={attempt.error} />
          <Group justify="flex-end" gap="xs">
            <Button
              variant="default"
              onClick={() => {
                setRow(emptyRow(features))
                setText(bodyOf(features, emptyRow(features)))
                attempt.reset()
              }}
            >
              {t.clear}
            </Button>
            <Button type="submit" loading={attempt.isPending} disabled={!isForm && !isJson(text)}>
              {t.predict}
            </Button>
          </Group>
        </Stack>
      </Paper>
      <div>
        {attempt.data ? (
          <AnswerView answer={attempt.data} />
        ) : (
          <Text size="sm" c="dimmed">
            {t.nothingYet}
          </Text>
        )}
      </div>
    </SimpleGrid>
  )
}

interface FeatureFieldProps {
  feature: FeatureRow
  value: string
  error: string | undefined
  onChange: (value: string) => void
}

function FeatureField({ feature, value, error, onChange }: FeatureFieldProps) {
  if (isBoolean(feature))
    return (
      <NativeSelect
        label={feature.name}
        description={feature.type}
        data={['false', 'true']}
        error={error}
        value={value}
        onChange={event => onChange(event.currentTarget.value)}
      />
    )
  const about = isList(feature) ? `${feature.type}, ${t.listHint(shapeText(feature.shape))}` : feature.type
  return (
    <TextInput
      label={feature.name}
      description={about}
      inputMode={feature.type === 'string' || isList(feature) ? 'text' : 'decimal'}
      placeholder={isFloat(feature) && !isList(feature) ? t.empty : undefined}
      spellCheck={false}
      error={error}
      value={value}
      onChange={event => onChange(event.currentTarget.value)}
    />
  )
}

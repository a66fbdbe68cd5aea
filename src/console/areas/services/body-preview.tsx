import { Alert, Badge, Button, Group, List, Stack, Text, Textarea } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { FunctionEndpoint, ModelEndpoint } from '../../../catalog/service-config.ts'
import { isJson } from '../../api/exact-json.ts'
import { Problem } from '../../api/http.ts'
import { useProject } from '../../api/projects.ts'
import { useService } from '../../api/services.ts'
import { parts } from '../../texts/endpoint-parts.ts'
import { services as t } from '../../texts/services.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { exampleOf } from '../keys/shape.ts'
import { type ModelRow, modelsQuery } from '../models/api.ts'
import { tryEndpoint } from './api.ts'
import { useCheck } from './checked.tsx'

/** A call with a body, made when it is asked for: what came back, and what a function logged. */
export function BodyPreview({ endpoint }: { endpoint: ModelEndpoint | FunctionEndpoint }) {
  const { service } = useService()
  const { project_id } = useProject()
  const { data: models } = useQuery({ ...modelsQuery(project_id), enabled: endpoint.kind === 'model' })
  const [typed, setTyped] = useState<string>()
  const text = typed ?? exampleFor(endpoint, models)
  const [trouble, setTrouble] = useState<string>()
  const run = useMutation({
    mutationFn: (input: string) => tryEndpoint(service.id, { ...endpoint, id: endpoint.id || 'preview' }, input),
  })
  const start = () => {
    const input = text.trim() === '' ? '{}' : text
    setTrouble(isJson(input) ? undefined : t.inputNotJson)
    if (isJson(input)) run.mutate(input)
  }
  const failure = run.error instanceof Problem ? run.error : undefined
  const log = run.data?.log ?? (Array.isArray(failure?.body.log) ? (failure.body.log as string[]) : undefined)
  return (
    <Stack gap="sm">
      <CheckResult />
      <Textarea
        label={t.inputOf[endpoint.kind]}
        value={text}
        onChange={event => setTyped(event.currentTarget.value)}
        error={trouble}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
        minRows={4}
        spellCheck={false}
      />
      <Group>
        <Button leftSection={<IconPlayerPlay size={15} />} onClick={start} loading={run.isPending} variant="light">
          {t.run}
        </Button>
        {run.data && <Badge color={run.data.status < 400 ? 'teal' : 'orange'}>{t.answerStatus(run.data.status)}</Badge>}
      </Group>
      <Stack gap="sm" aria-live="polite">
        {run.error && <ProblemAlert error={run.error} />}
        {failure && <HandlerFailure failure={failure.body.handler} />}
        {run.data && (
          <CodeSample label={t.answer} samples={[{ language: 'JSON', code: JSON.stringify(run.data.body, null, 2) }]} />
        )}
        {log && (endpoint.kind === 'function' || log.length > 0) && <Log lines={log} />}
      </Stack>
    </Stack>
  )
}

/** Whether the endpoint as it stands could be published. */
function CheckResult() {
  const { accepted, refusal } = useCheck()
  return (
    <div aria-live="polite">
      {refusal && (
        <Alert color="yellow" icon={<IconAlertTriangle size={18} />} title={parts.refusedAsItStands}>
          {refusal.message}
        </Alert>
      )}
      {accepted && (
        <Group gap={6}>
          <IconCircleCheck size={16} color="var(--mantine-color-anchor)" aria-hidden />
          <Text size="sm">{parts.acceptable}</Text>
        </Group>
      )}
    </div>
  )
}

/** What a handler threw, and where; and what caused that. */
function HandlerFailure({ failure, isCause = false }: { failure: unknown; isCause?: boolean }) {
  if (typeof failure !== 'object' || failure === null) return null
  const { cause, ...error } = failure as { cause?: unknown }
  const { name, message, line, column, stack } = error as Record<string, string | number | undefined>
  const title = `${name}: ${message}`
  return (
    <Alert color="red" variant="outline" title={isCause ? t.causedBy(title) : title}>
      {typeof line === 'number' && (
        <Text size="sm">{t.handlerFailed(t.line(line, typeof column === 'number' ? column : undefined))}</Text>
      )}
      {stack && (
        <Text size="xs" ff="monospace" style={{ whiteSpace: 'pre-wrap' }}>
          {stack}
        </Text>
      )}
      <HandlerFailure failure={cause} isCause />
    </Alert>
  )
}

const Log = ({ lines }: { lines: string[] }) => (
  <div>
    <Text size="sm" fw={500} mb={4}>
      {t.log}
    </Text>
    {lines.length === 0 ? (
      <Text size="sm" c="dimmed">
        {t.emptyLog}
      </Text>
    ) : (
      <List size="sm" ff="monospace" aria-label={t.log}>
        {lines.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines of a log may be alike
          <List.Item key={i}>{line}</List.Item>
        ))}
      </List>
    )}
  </div>
)

/** A body to begin with: every feature of the model with a value of its type. */
function exampleFor(endpoint: ModelEndpoint | FunctionEndpoint, models: ModelRow[] | undefined): string {
  if (endpoint.kind === 'function') return '{\n  "name": "Ada"\n}'
  const model = models?.find(({ name, versions }) =>
    endpoint.model_id === undefined ? name === endpoint.model : versions.some(v => v.model_id === endpoint.model_id),
  )
  const features = Object.fromEntries((model?.features ?? []).map(feature => [feature.name, exampleOf(feature)]))
  return JSON.stringify({ features }, null, 2)
}

import { Alert, Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconInfoCircle, IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { EndpointConfig } from '../../../catalog/service-config.ts'
import type { ServiceRow } from '../../api/services.ts'
import { sessionQuery } from '../../api/session.ts'
import { testPane as t } from '../../texts/test-pane.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { Section } from '../../ui/page.tsx'
import { ProblemAlert } from '../../ui/problem-alert.tsx'
import { runTest } from './api.ts'
import { KEY_VARIABLE, samplesOf } from './samples.ts'
import type { CallShape } from './shape.ts'
import { problemIn, TestAnswer } from './test-answer.tsx'
import { InputFields } from './test-fields.tsx'
import { beginning, bodyOf, pairsOf, parsed, type TestInput } from './test-input.ts'

interface TestRunProps {
  service: ServiceRow
  endpoint: EndpointConfig
  shape: CallShape
  as: string
  mayRun: boolean
}

/** One endpoint's form, its answer, and the same call as code. */
export function TestRun({ service, endpoint, shape, as, mayRun }: TestRunProps) {
  const [input, setInput] = useState<TestInput>(() => beginning(shape))
  const client = useQueryClient()
  const run = useMutation({
    mutationFn: (call: { as: string; json: string; query: string }) => runTest(service.id, endpoint.id, call),
    // an answer of the endpoint, or that nobody is signed in any more
    onSuccess: ({ status }) => status === 401 && client.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  })
  // what one caller is answered says nothing of another
  const { data: answer, error } = run.variables?.as === as ? run : { data: undefined, error: null }
  const json = bodyOf(shape, input)
  const body = json === undefined ? undefined : parsed(json)
  const unusable = json !== undefined && body === undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (mayRun && !unusable)
      run.mutate({
        as,
        json: json ?? JSON.stringify(asObject(pairsOf(shape, input))),
        query: shape.takesBody ? input.query : '',
      })
  }
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Paper component="form" onSubmit={submit} aria-label={t.parameters}>
          <Stack gap="md">
            <Group gap="xs" wrap="nowrap">
              <Badge color="gray" flex="none">
                {shape.method}
              </Badge>
              <Code style={{ overflowWrap: 'anywhere' }}>{`/api/service/${service.asset_key}/${endpoint.id}`}</Code>
            </Group>
            <InputFields
              kind={endpoint.kind}
              shape={shape}
              input={input}
              problem={answer && problemIn(answer)}
              unusable={unusable}
              onChange={change => setInput(before => ({ ...before, ...change }))}
            />
            {mayRun && (
              <Group>
                <Button
                  type="submit"
                  leftSection={<IconPlayerPlay size={16} />}
                  loading={run.isPending}
                  disabled={unusable}
                >
                  {t.run}
                </Button>
              </Group>
            )}
          </Stack>
        </Paper>
        {mayRun && (
          <Paper component="section" aria-label={t.result} aria-live="polite" aria-busy={run.isPending} miw={0}>
            <ProblemAlert error={error} />
            {answer ? (
              <TestAnswer result={answer} />
            ) : (
              <Text size="sm" c="dimmed">
                {t.resultNone}
              </Text>
            )}
          </Paper>
        )}
      </SimpleGrid>
      <Section title={t.code} about={t.codeHint(KEY_VARIABLE)}>
        {(service.status !== 'published' || service.unpublished_changes) && (
          <Alert color="yellow" icon={<IconInfoCircle size={18} />}>
            {service.status === 'published' ? t.draftDiffers : t.draftOnly}
          </Alert>
        )}
        <CodeSample
          label={t.samples}
          samples={samplesOf({
            origin: location.origin,
            service: service.asset_key,
            serviceId: service.id,
            endpoint: endpoint.id,
            method: shape.method,
            answersText: shape.answersText,
            query: pairsOf(shape, input),
            ...(shape.takesBody ? { body: body ?? {} } : {}),
          })}
        />
      </Section>
    </Stack>
  )
}

/** As the dry-run takes parameters: one that is given several times is a list. */
function asObject(pairs: [string, string][]): Record<string, string | string[]> {
  const names = new Set(pairs.map(([name]) => name))
  return Object.fromEntries(
    [...names].map(name => {
      const values = pairs.filter(pair => pair[0] === name).map(([, value]) => value)
      return [name, values.length > 1 ? values : values[0]!]
    }),
  )
}

import { Box, Checkbox, Group, Stack, TagsInput, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { Method } from '../../../catalog/grant.ts'
import type { FunctionEndpoint } from '../../../catalog/service-config.ts'
import { endpointsOf, useService } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { handlerTypesQuery } from './api.ts'
import CodeEditor from './code-editor.tsx'
import { type FormProps, having, NumberField, unlessEmpty } from './fields.tsx'
import { JsonField } from './json-field.tsx'

type Limits = NonNullable<FunctionEndpoint['limits']>
type Grants = NonNullable<FunctionEndpoint['grants']>
const LIMITS: { name: keyof Limits; usual: number }[] = [
  { name: 'cpu_ms', usual: 200 },
  { name: 'wall_ms', usual: 5000 },
  { name: 'memory_mb', usual: 32 },
  { name: 'output_kb', usual: 1024 },
  { name: 'host_calls', usual: 100 },
]
const METHODS = Object.keys(t.methodMeanings) as Method[]

/** In a chunk of its own, for the code editor is. */
export default function FunctionForm({ endpoint, onChange }: FormProps<FunctionEndpoint>) {
  const { service } = useService()
  const { data: types } = useQuery(handlerTypesQuery)
  const set = (change: Partial<FunctionEndpoint>) => onChange(having(endpoint, change))
  const filled = <T extends object>(object: T): T | undefined => (Object.keys(object).length > 0 ? object : undefined)
  const grant = (change: Grants) => set({ grants: filled(having(endpoint.grants ?? {}, change)) })
  const limit = (change: Limits) => set({ limits: filled(having(endpoint.limits ?? {}, change)) })
  const methods = endpoint.methods ?? ['POST']
  const others = endpointsOf(service).filter(({ id }) => id !== endpoint.id)
  const allow = (method: Method, allowed: boolean) => {
    const chosen = METHODS.filter(m => (m === method ? allowed : methods.includes(m)))
    if (chosen.length > 0) set({ methods: chosen })
  }
  return (
    <Stack gap="md">
      <div>
        <Text size="sm" fw={500} mb={4}>
          {t.handler}
        </Text>
        <CodeEditor
          label={t.handler}
          language="typescript"
          value={endpoint.handler ?? ''}
          onChange={handler => set({ handler })}
          minHeight={260}
        />
      </div>
      <details>
        <summary>{t.types}</summary>
        <Box mt="xs" mah={320} className="code-block" tabIndex={0} role="region" aria-label={t.typesLabel}>
          <pre>
            <code>{types}</code>
          </pre>
        </Box>
      </details>
      <Checkbox.Group label={t.methods} value={methods}>
        <Group gap="md" mt={6}>
          {METHODS.map(method => (
            <Checkbox
              key={method}
              value={method}
              label={method}
              checked={methods.includes(method)}
              onChange={event => allow(method, event.currentTarget.checked)}
            />
          ))}
        </Group>
      </Checkbox.Group>
      <details>
        <summary>{t.grants}</summary>
        <Stack gap="sm" mt="xs">
          <TagsInput
            label={t.grantEndpoints}
            description={t.grantEndpointsHint}
            data={['*', ...others.map(({ id }) => id)]}
            value={endpoint.grants?.endpoints ?? []}
            onChange={endpoints => grant({ endpoints: unlessEmpty(endpoints) })}
          />
          <TagsInput
            label={t.grantFetch}
            description={t.grantFetchHint}
            value={endpoint.grants?.fetch ?? []}
            onChange={hosts => grant({ fetch: unlessEmpty(hosts) })}
          />
        </Stack>
      </details>
      <details>
        <summary>{t.limits}</summary>
        <Group gap="sm" mt="xs">
          {LIMITS.map(({ name, usual }) => (
            <NumberField
              key={name}
              label={t.limitNames[name]}
              placeholder={String(usual)}
              value={endpoint.limits?.[name]}
              onChange={value => limit({ [name]: value })}
              min={name === 'host_calls' ? 0 : 1}
              w={120}
            />
          ))}
        </Group>
      </details>
      <details>
        <summary>{t.schemas}</summary>
        <Stack gap="sm" mt="xs">
          <JsonField
            label={t.requestSchema}
            value={endpoint.request_schema}
            onChange={schema => set({ request_schema: schema as FunctionEndpoint['request_schema'] })}
          />
          <JsonField
            label={t.responseSchema}
            value={endpoint.response_schema}
            onChange={schema => set({ response_schema: schema as FunctionEndpoint['response_schema'] })}
          />
        </Stack>
      </details>
    </Stack>
  )
}

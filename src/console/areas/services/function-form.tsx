import { Checkbox, Group, Stack } from '@mantine/core'
import type { Method } from '../../../catalog/grant.ts'
import type { FunctionEndpoint } from '../../../catalog/service-config.ts'
import { parts } from '../../texts/endpoint-parts.ts'
import { services as t } from '../../texts/services.ts'
import { type FormProps, having } from './fields.tsx'
import { Fold } from './fold.tsx'
import { HandlerFields } from './handler-fields.tsx'
import { JsonField } from './json-field.tsx'
import { PorterForm } from './porter-form.tsx'

const METHODS = Object.keys(t.methodMeanings) as Method[]

export function FunctionForm({ endpoint, onChange }: FormProps<FunctionEndpoint>) {
  const set = (change: Partial<FunctionEndpoint>) => onChange(having(endpoint, change))
  const methods = endpoint.methods ?? ['POST']
  const allow = (method: Method, allowed: boolean) => {
    const chosen = METHODS.filter(m => (m === method ? allowed : methods.includes(m)))
    if (chosen.length > 0) set({ methods: chosen })
  }
  return (
    <Stack gap="md">
      <HandlerFields
        label={parts.handler}
        member="handler"
        handler={endpoint}
        onChange={set}
        endpoint={endpoint.id}
        minHeight={260}
      />
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
      <Fold title={t.schemas} filled={(endpoint.request_schema ?? endpoint.response_schema) !== undefined}>
        <Stack gap="sm">
          <JsonField
            label={t.requestSchema}
            member="request_schema"
            value={endpoint.request_schema}
            onChange={schema => set({ request_schema: schema as FunctionEndpoint['request_schema'] })}
          />
          <JsonField
            label={t.responseSchema}
            member="response_schema"
            value={endpoint.response_schema}
            onChange={schema => set({ response_schema: schema as FunctionEndpoint['response_schema'] })}
          />
        </Stack>
      </Fold>
      <PorterForm route={endpoint.porter} onChange={porter => set({ porter })} id={endpoint.id} features={[]} />
    </Stack>
  )
}

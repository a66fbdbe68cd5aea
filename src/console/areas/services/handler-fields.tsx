import { Box, Group, Stack, TagsInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { HandlerConfig } from '../../../catalog/handler.ts'
import { endpointsOf, useService } from '../../api/services.ts'
import { parts as t } from '../../texts/endpoint-parts.ts'
import { handlerTypesQuery } from './api.ts'
import { useTrouble } from './checked.tsx'
import { CodeField } from './code-field.tsx'
import { having, NumberField, unlessBare, unlessEmpty } from './fields.tsx'
import { Fold } from './fold.tsx'

type Limits = NonNullable<HandlerConfig['limits']>
type Grants = NonNullable<HandlerConfig['grants']>

const LIMITS: { name: keyof Limits; usual: number; least: number; most: number }[] = [
  { name: 'cpu_ms', usual: 200, least: 1, most: 10_000 },
  { name: 'wall_ms', usual: 5000, least: 1, most: 120_000 },
  { name: 'memory_mb', usual: 32, least: 4, most: 256 },
  { name: 'output_kb', usual: 1024, least: 1, most: 16_384 },
  { name: 'host_calls', usual: 100, least: 0, most: 1000 },
]

interface HandlerFieldsProps {
  /** what a screen reader calls the code */
  label: string
  /** of the endpoint, as refusals name it */
  member: string
  handler: HandlerConfig
  onChange: (change: HandlerConfig) => void
  /** of the endpoint that it is in */
  endpoint: string
  /** px */
  minHeight: number
}

/** Code of an author's: its source, what it may reach, its limits. */
export function HandlerFields({ label, member, handler, onChange, endpoint, minHeight }: HandlerFieldsProps) {
  const { service } = useService()
  const refused = useTrouble(member)
  const { handler: source = '', grants = {}, limits = {} } = handler
  const grant = (change: Grants) => onChange({ grants: unlessBare(having(grants, change)) })
  const limit = (change: Limits) => onChange({ limits: unlessBare(having(limits, change)) })
  const others = endpointsOf(service).filter(({ id }) => id !== endpoint)
  return (
    <Stack gap="xs">
      <CodeField
        label={label}
        language="typescript"
        value={source}
        onChange={text => onChange({ handler: text })}
        error={refused}
        minHeight={minHeight}
      />
      <Fold title={t.types} filled={false}>
        <Types />
      </Fold>
      <Fold title={t.grants} filled={handler.grants !== undefined}>
        <Stack gap="sm">
          <TagsInput
            label={t.grantEndpoints}
            description={t.grantEndpointsHint}
            data={['*', ...others.map(({ id }) => id)]}
            value={grants.endpoints ?? []}
            onChange={endpoints => grant({ endpoints: unlessEmpty(endpoints) })}
          />
          <TagsInput
            label={t.grantFetch}
            description={t.grantFetchHint}
            value={grants.fetch ?? []}
            onChange={hosts => grant({ fetch: unlessEmpty(hosts) })}
          />
        </Stack>
      </Fold>
      <Fold title={t.limits} filled={handler.limits !== undefined}>
        <Group gap="sm">
          {LIMITS.map(({ name, usual, least, most }) => (
            <NumberField
              key={name}
              label={t.limitNames[name]}
              placeholder={String(usual)}
              value={limits[name]}
              onChange={value => limit({ [name]: value })}
              min={least}
              max={most}
              w={120}
            />
          ))}
        </Group>
      </Fold>
    </Stack>
  )
}

function Types() {
  const { data } = useQuery(handlerTypesQuery)
  return (
    <Box mah={320} className="code-block" tabIndex={0} role="region" aria-label={t.typesLabel}>
      <pre>
        <code>{data}</code>
      </pre>
    </Box>
  )
}

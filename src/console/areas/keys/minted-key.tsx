import { Alert, Button, Group, Paper, Select, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { useState } from 'react'
import type { EndpointConfig, ServiceRow } from '../../api/services.ts'
import { keys as t } from '../../texts/keys.ts'
import { CodeSample } from '../../ui/code-sample.tsx'
import { CopyOnce } from '../../ui/copy.tsx'
import type { KeyRow, MintedKey } from './api.ts'
import { exampleCall } from './example-call.ts'
import { samplesOf } from './samples.ts'
import { type Surroundings, shapeOf } from './shape.ts'

interface MintedKeyProps {
  minted: MintedKey
  /** the services that the key may reach some of */
  services: ServiceRow[]
  around: Surroundings | undefined
  onDone: () => void
}

/** The key, this once, and a call with it that runs as it stands. */
export function MintedKeyBanner({ minted, services, around, onDone }: MintedKeyProps) {
  const reached = services.flatMap(service =>
    (service.config.endpoints ?? [])
      .filter(({ id }) => reaches(minted, service, id))
      .map(endpoint => allowedOf(minted, endpoint))
      .filter(endpoint => endpoint.kind !== 'table' || ONCE.some(method => endpoint.methods?.includes(method)))
      .map(endpoint => ({ name: `${service.asset_key}.${endpoint.id}`, service, endpoint })),
  )
  const [name, setName] = useState<string>()
  const chosen = reached.find(entry => entry.name === name) ?? reached[0]
  const call = chosen && around && exampleCall(chosen.service, chosen.endpoint.id, shapeOf(chosen.endpoint, around))
  return (
    <Paper p="md" aria-label={t.mintedTitle(minted.name)} component="section">
      <Stack gap="md">
        <CopyOnce label={t.mintedTitle(minted.name)} secret={minted.key} />
        {call && (
          <>
            <Group justify="space-between" align="flex-end" gap="xs">
              <Text size="sm">{t.mintedLine}</Text>
              {reached.length > 1 && (
                <Select
                  label={t.endpoint}
                  data={reached.map(entry => ({
                    value: entry.name,
                    label: services.length > 1 ? entry.name : entry.endpoint.id,
                  }))}
                  value={chosen.name}
                  onChange={value => setName(value ?? undefined)}
                  searchable={reached.length > 10}
                  w={240}
                />
              )}
            </Group>
            {(chosen.service.status !== 'published' || chosen.service.unpublished_changes) && (
              <Alert color="yellow" icon={<IconAlertTriangle size={18} />}>
                {chosen.service.status === 'published' ? t.draftDiffers : t.notPublished}
              </Alert>
            )}
            <CodeSample label={t.samples} samples={samplesOf({ ...call, key: minted.key })} />
            {(call.query.length > 0 || call.body !== undefined) && (
              <Text size="xs" c="dimmed">
                {t.examplesAdvice}
              </Text>
            )}
          </>
        )}
        <Group justify="flex-end">
          <Button variant="default" leftSection={<IconCheck size={16} />} onClick={onDone}>
            {t.copiedIt}
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}

/** What a table takes that names no row. */
const ONCE = ['GET', 'POST'] as const

/** A table with the methods that the key has there: it reads, where none is named. */
function allowedOf({ allowed_methods }: KeyRow, endpoint: EndpointConfig): EndpointConfig {
  if (endpoint.kind !== 'table') return endpoint
  const allowed = allowed_methods?.length ? allowed_methods : ['GET']
  return { ...endpoint, methods: (endpoint.methods ?? ['GET']).filter(method => allowed.includes(method)) }
}

const reaches = (key: KeyRow, service: ServiceRow, endpoint: string): boolean => {
  const [endpoints, services] = [key.allowed_endpoints ?? [], key.allowed_services ?? []]
  if (key.manage_models === undefined) return endpoints.length === 0 || endpoints.includes(endpoint)
  const all = endpoints.length + services.length + (key.allowed_deployments ?? []).length === 0
  return all || services.includes(service.asset_key) || endpoints.includes(`${service.asset_key}.${endpoint}`)
}

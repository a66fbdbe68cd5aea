import { Code, Group, SimpleGrid, Stack, Switch, TagsInput, Text } from '@mantine/core'
import { useRef } from 'react'
import type { PorterRoute } from '../../../catalog/porter.ts'
import { parts as t } from '../../texts/endpoint-parts.ts'
import { useCheck, useTrouble } from './checked.tsx'
import { having, TextField, unlessEmpty } from './fields.tsx'
import { Fold } from './fold.tsx'
import { JsonField } from './json-field.tsx'
import { Part } from './part.tsx'

interface PorterFormProps {
  /** undefined: it has none */
  route: PorterRoute | undefined
  onChange: (route: PorterRoute | undefined) => void
  /** the endpoint's id, which the route is called by where it has no name of its own */
  id: string
  /** columns to choose from */
  features: string[]
}

/** A route for porter's clients. */
export function PorterForm({ route, onChange, id, features }: PorterFormProps) {
  // what was filled in comes back when it is switched on again
  const last = useRef(route)
  if (route) last.current = route
  return (
    <Part title={t.porter} about={t.porterAbout}>
      <Switch
        label={t.porterOn}
        checked={route !== undefined}
        onChange={event => onChange(event.currentTarget.checked ? (last.current ?? {}) : undefined)}
      />
      {route && <RouteFields route={route} onChange={onChange} id={id} features={features} />}
    </Part>
  )
}

function RouteFields({ route, onChange, id, features }: PorterFormProps & { route: PorterRoute }) {
  const { accepted } = useCheck()
  const ofPath = useTrouble('porter.path')
  const ofColumns = useTrouble('porter.feature_columns')
  const ofSchemaName = useTrouble('porter.schema_name')
  const set = (change: Partial<PorterRoute>) => onChange(having(route, change))
  const text = (member: 'namespace' | 'name' | 'version' | 'action') => ({
    label: t[member],
    value: route[member],
    onChange: (value: string | undefined) => set({ [member]: value }),
  })
  const hasMore =
    [route.meta, route.prediction_schema, route.schema_name, route.status, route.feature_columns].some(
      member => member !== undefined,
    ) || [route.batch, route.validate].includes(false)
  return (
    <Stack gap="sm">
      {accepted?.porter_path && (
        <Text size="sm">
          <Code>{t.porterAt(accepted.porter_path)}</Code>
        </Text>
      )}
      {route.path === undefined && (
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
          <TextField {...text('namespace')} placeholder="–" />
          <TextField {...text('name')} placeholder={id} />
          <TextField {...text('version')} placeholder="v1" />
          <TextField {...text('action')} placeholder="prediction" />
        </SimpleGrid>
      )}
      <TextField
        label={t.path}
        description={t.pathHint}
        placeholder="/flowers/<species>"
        value={route.path}
        onChange={path => set({ path })}
        error={ofPath}
      />
      <Fold title={t.more} filled={hasMore}>
        <Stack gap="sm">
          <Group gap="lg">
            <Switch
              label={t.batch}
              checked={route.batch ?? true}
              onChange={event => set({ batch: event.currentTarget.checked ? undefined : false })}
            />
            <Switch
              label={t.validate}
              checked={route.validate ?? true}
              onChange={event => set({ validate: event.currentTarget.checked ? undefined : false })}
            />
          </Group>
          <TagsInput
            label={t.featureColumns}
            description={t.featureColumnsHint}
            data={features}
            value={route.feature_columns ?? []}
            onChange={columns => set({ feature_columns: unlessEmpty(columns) })}
            error={ofColumns}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
            <TextField
              label={t.status}
              description={t.statusHint}
              placeholder="READY"
              value={route.status}
              onChange={status => set({ status })}
            />
            <TextField
              label={t.schemaName}
              value={route.schema_name}
              onChange={schema_name => set({ schema_name })}
              error={ofSchemaName}
            />
          </SimpleGrid>
          <JsonField
            label={t.meta}
            description={t.metaHint}
            member="porter.meta"
            value={route.meta}
            onChange={meta => set({ meta: meta as PorterRoute['meta'] })}
          />
          <JsonField
            label={t.predictionSchema}
            description={t.predictionSchemaHint}
            member="porter.prediction_schema"
            value={route.prediction_schema}
            onChange={schema => set({ prediction_schema: schema as PorterRoute['prediction_schema'] })}
          />
        </Stack>
      </Fold>
    </Stack>
  )
}

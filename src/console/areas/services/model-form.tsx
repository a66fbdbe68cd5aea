import { Alert, Group, Select, Stack, Switch, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ModelEndpoint } from '../../../catalog/service-config.ts'
import { useProject } from '../../api/projects.ts'
import { services as t } from '../../texts/services.ts'
import { modelsQuery } from './api.ts'
import { type FormProps, having, NumberField } from './fields.tsx'
import { JsonField } from './json-field.tsx'
import { withKnown } from './lookup-form.tsx'

const FOLLOW = 'active'
const DEFAULT_OUTPUT = ''

export function ModelForm({ endpoint, onChange }: FormProps<ModelEndpoint>) {
  const { project_id } = useProject()
  const { data: models } = useQuery(modelsQuery(project_id))
  const model = models?.find(({ name, versions }) =>
    endpoint.model_id === undefined ? name === endpoint.model : versions.some(v => v.model_id === endpoint.model_id),
  )
  const set = (change: Partial<ModelEndpoint>) => onChange(having(endpoint, change))
  const outputs = model?.outputs.map(({ name }) => name) ?? []
  return (
    <Stack gap="md">
      {endpoint.model_id !== undefined && (
        <Alert color="blue" title={t.modelById(endpoint.model_id)}>
          {t.modelByIdText}
        </Alert>
      )}
      <Group gap="sm" align="flex-start" grow preventGrowOverflow={false}>
        <Select
          label={t.model}
          data={withKnown(models?.map(({ name }) => name) ?? [], endpoint.model ?? '')}
          value={endpoint.model || null}
          onChange={name => name && set({ model: name, model_id: undefined, version: undefined, output: undefined })}
          error={models && endpoint.model && !model ? t.noSuchModel : undefined}
          searchable
          required={endpoint.model_id === undefined}
          w={220}
        />
        {endpoint.model_id === undefined && (
          <Select
            label={t.version}
            data={[
              { value: FOLLOW, label: t.activeVersion(model?.version ?? null) },
              ...(model?.versions ?? []).map(({ version }) => ({
                value: String(version),
                label: t.versionOf(version),
              })),
            ]}
            value={endpoint.version === undefined ? FOLLOW : String(endpoint.version)}
            onChange={version => set({ version: version === FOLLOW || !version ? undefined : Number(version) })}
            w={220}
          />
        )}
      </Group>
      {models?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.noModels}
        </Text>
      )}
      <Select
        label={t.output}
        data={[
          { value: DEFAULT_OUTPUT, label: t.outputDefault },
          { value: 'probabilities', label: t.probabilities },
          ...withKnown(outputs, endpoint.output ?? '')
            .filter(name => name !== 'probabilities')
            .map(name => ({ value: name, label: t.tensor(name) })),
        ]}
        value={endpoint.output ?? DEFAULT_OUTPUT}
        onChange={output => set({ output: output || undefined })}
      />
      <Stack gap="xs">
        <Switch
          label={t.allOutputs}
          checked={endpoint.outputs === 'all'}
          onChange={event => set({ outputs: event.currentTarget.checked ? 'all' : undefined })}
        />
        <Switch
          label={t.strict}
          checked={endpoint.strict ?? false}
          onChange={event => set({ strict: event.currentTarget.checked || undefined })}
        />
      </Stack>
      <NumberField
        label={t.maxDelay}
        description={t.maxDelayHint}
        value={endpoint.max_delay_ms}
        onChange={max_delay_ms => set({ max_delay_ms })}
        min={0}
        max={10_000}
        w={320}
      />
      {model && (
        <div>
          <Text size="sm" fw={500} mb={4}>
            {t.takes}
          </Text>
          <Table.ScrollContainer minWidth={280} maxHeight={240}>
            <Table aria-label={t.takes}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t.feature}</Table.Th>
                  <Table.Th>{t.type}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {model.features.map(({ name, type, shape }) => (
                  <Table.Tr key={name}>
                    <Table.Td>{name}</Table.Td>
                    <Table.Td>
                      {type + (shape.length > 0 ? `[${shape.map(size => size ?? '?').join(', ')}]` : '')}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </div>
      )}
      <JsonField
        label={t.schema}
        description={t.schemaHint}
        value={endpoint.schema}
        onChange={schema => set({ schema: schema as ModelEndpoint['schema'] })}
      />
    </Stack>
  )
}

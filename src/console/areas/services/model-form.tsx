import { Select, SimpleGrid, Stack, Switch, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ModelEndpoint } from '../../../catalog/service-config.ts'
import { useProject } from '../../api/projects.ts'
import { services as t } from '../../texts/services.ts'
import { type ModelRow, modelsQuery } from '../models/api.ts'
import { type FormProps, having, NumberField, withKnown } from './fields.tsx'
import { Fold } from './fold.tsx'
import { HooksForm } from './hooks-form.tsx'
import { JsonField } from './json-field.tsx'
import { PorterForm } from './porter-form.tsx'
import { VersionSelect } from './version-select.tsx'

const DEFAULT_OUTPUT = ''

export function ModelForm({ endpoint, onChange }: FormProps<ModelEndpoint>) {
  const { project_id } = useProject()
  const { data: models, error } = useQuery(modelsQuery(project_id))
  const model = models?.find(({ name, versions }) =>
    endpoint.model_id === undefined ? name === endpoint.model : versions.some(v => v.model_id === endpoint.model_id),
  )
  const set = (change: Partial<ModelEndpoint>) => onChange(having(endpoint, change))
  const name = endpoint.model ?? model?.name ?? ''
  const outputs = model?.outputs.map(output => output.name) ?? []
  return (
    <Stack gap="xl">
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
          <Select
            label={t.model}
            description={models?.length === 0 ? t.noModels : undefined}
            data={withKnown(models?.map(known => known.name) ?? [], name)}
            value={name || null}
            onChange={chosen =>
              chosen && set({ model: chosen, model_id: undefined, version: undefined, output: undefined })
            }
            error={models ? endpoint.model && !model && t.noSuchModel : error?.message}
            searchable
            required
          />
          <VersionSelect endpoint={endpoint} model={model} isRead={models !== undefined} onChange={set} />
        </SimpleGrid>
        <Select
          label={t.output}
          data={[
            { value: DEFAULT_OUTPUT, label: t.outputDefault },
            { value: 'probabilities', label: t.probabilities },
            ...withKnown(outputs, endpoint.output ?? '')
              .filter(output => output !== 'probabilities')
              .map(output => ({ value: output, label: t.tensor(output) })),
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
          <Fold title={t.takesAndGives(model.features.length, model.outputs.length)} filled>
            <Signature model={model} />
          </Fold>
        )}
        <Fold title={t.schema} filled={endpoint.schema !== undefined}>
          <JsonField
            label={t.schema}
            description={t.schemaHint}
            member="schema"
            value={endpoint.schema}
            onChange={schema => set({ schema: schema as ModelEndpoint['schema'] })}
          />
        </Fold>
      </Stack>
      <HooksForm endpoint={endpoint} onChange={onChange} />
      <PorterForm
        route={endpoint.porter}
        onChange={porter => set({ porter })}
        id={endpoint.id}
        features={model?.features.map(feature => feature.name) ?? []}
      />
    </Stack>
  )
}

/** What a model takes of a row, and gives. */
function Signature({ model }: { model: ModelRow }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
      <Tensors
        label={t.takes}
        head={t.feature}
        tensors={model.features.map(({ name, type, shape }) => ({ name, type, dims: shape }))}
      />
      <Tensors label={t.gives} head={t.outputName} tensors={model.outputs} />
    </SimpleGrid>
  )
}

interface TensorsProps {
  label: string
  head: string
  tensors: readonly { name: string; type: string; dims: readonly (number | null)[] }[]
}

const Tensors = ({ label, head, tensors }: TensorsProps) => (
  <Table.ScrollContainer minWidth={0} maxHeight={240}>
    <Table aria-label={label} verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{head}</Table.Th>
          <Table.Th>{t.type}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tensors.map(({ name, type, dims }) => (
          <Table.Tr key={name}>
            <Table.Td>{name}</Table.Td>
            <Table.Td>
              <Text span inherit c="dimmed">
                {type + (dims.length > 0 ? `[${dims.map(size => size ?? '?').join(', ')}]` : '')}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  </Table.ScrollContainer>
)

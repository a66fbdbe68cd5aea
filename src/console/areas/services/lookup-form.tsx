import { Group, Select, Stack } from '@mantine/core'
import type { LookupEndpoint } from '../../../catalog/service-config.ts'
import { services as t } from '../../texts/services.ts'
import { DatasetSelect, useDatasets } from './dataset-select.tsx'
import { ColumnsField, type FormProps, having, NumberField, TextField, withKnown } from './fields.tsx'
import { ExampleField } from './query/note-fields.tsx'

export function LookupForm({ endpoint, onChange }: FormProps<LookupEndpoint>) {
  const dataset = useDatasets()?.find(({ name }) => name === endpoint.dataset)
  const columns = dataset?.columns.map(({ name }) => name) ?? []
  const set = (change: Partial<LookupEndpoint>) => onChange(having(endpoint, change))
  const choose = (name: string) => set({ dataset: name, key_column: '', columns: undefined })
  return (
    <Stack gap="md">
      <DatasetSelect value={endpoint.dataset} onChange={choose} />
      <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
        <Select
          label={t.keyColumn}
          data={withKnown(columns, endpoint.key_column)}
          value={endpoint.key_column || null}
          onChange={column => column && set({ key_column: column })}
          searchable
          required
          w={220}
        />
        <TextField
          label={t.keyParam}
          description={t.keyParamHint}
          value={endpoint.key_param}
          onChange={key_param => set({ key_param })}
          w={220}
        />
      </Group>
      <ColumnsField columns={columns} value={endpoint.columns} onChange={chosen => set({ columns: chosen })} />
      <Group gap="sm" align="flex-start" grow preventGrowOverflow={false}>
        <NumberField
          label={t.maxResults}
          description={t.maxResultsHint}
          value={endpoint.max_results}
          onChange={max_results => set({ max_results })}
          w={180}
        />
        <NumberField
          label={t.cacheSeconds}
          description={t.cacheHint}
          value={endpoint.cache?.ttl_seconds}
          onChange={seconds => set({ cache: seconds === undefined ? undefined : { ttl_seconds: seconds } })}
          min={0}
          max={86_400}
          w={180}
        />
      </Group>
      <Group gap="sm" align="flex-end">
        <TextField
          label={t.keyDescription}
          value={endpoint.key_description}
          onChange={key_description => set({ key_description })}
          flex="3 1 240px"
        />
        <ExampleField
          example={endpoint.key_example}
          onChange={key_example => set({ key_example })}
          type={dataset?.columns.find(({ name }) => name === endpoint.key_column)?.data_type}
        />
      </Group>
    </Stack>
  )
}

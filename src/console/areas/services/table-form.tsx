import { Alert, Checkbox, Group, Stack, Switch } from '@mantine/core'
import type { Method } from '../../../catalog/grant.ts'
import type { TableEndpoint } from '../../../catalog/service-config.ts'
import { services as t } from '../../texts/services.ts'
import { DatasetSelect, useDatasets } from './dataset-select.tsx'
import { ColumnsField, type FormProps, having, NumberField, unlessBare } from './fields.tsx'

const METHODS = Object.keys(t.methodMeanings) as Method[]

export function TableForm({ endpoint, onChange }: FormProps<TableEndpoint>) {
  const dataset = useDatasets()?.find(({ name }) => name === endpoint.dataset)
  const columns = dataset?.columns.map(({ name }) => name) ?? []
  const set = (change: Partial<TableEndpoint>) => onChange(having(endpoint, change))
  const methods = endpoint.methods ?? ['GET']
  const writes = methods.some(method => method !== 'GET')
  const allow = (method: Method, allowed: boolean) => {
    const chosen = METHODS.filter(m => (m === method ? allowed : methods.includes(m)))
    if (chosen.length > 0) set({ methods: chosen })
  }
  const page = (change: NonNullable<TableEndpoint['pagination']>) =>
    set({ pagination: unlessBare(having(endpoint.pagination ?? {}, change)) })
  return (
    <Stack gap="md">
      <DatasetSelect value={endpoint.dataset} onChange={name => set({ dataset: name, columns: undefined })} />
      <Checkbox.Group label={t.allowedMethods} value={methods}>
        <Stack gap={6} mt={6}>
          {METHODS.map(method => (
            <Checkbox
              key={method}
              value={method}
              label={`${method}: ${t.methodMeanings[method]}`}
              checked={methods.includes(method)}
              onChange={event => allow(method, event.currentTarget.checked)}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      {writes && dataset && !dataset.writable && <Alert color="yellow" title={t.notWritable} />}
      <ColumnsField columns={columns} value={endpoint.columns} onChange={chosen => set({ columns: chosen })} />
      <PagingFields pagination={endpoint.pagination} onChange={page} />
    </Stack>
  )
}

interface PagingProps {
  pagination: TableEndpoint['pagination']
  onChange: (change: NonNullable<TableEndpoint['pagination']>) => void
}

export function PagingFields({ pagination = {}, onChange }: PagingProps) {
  return (
    <Group gap="sm" align="flex-end">
      <NumberField
        label={t.defaultLimit}
        placeholder="100"
        value={pagination.default_limit}
        onChange={default_limit => onChange({ default_limit })}
        w={150}
      />
      <NumberField
        label={t.maxLimit}
        placeholder="1000"
        value={pagination.max_limit}
        onChange={max_limit => onChange({ max_limit })}
        w={150}
      />
      <Switch
        label={t.total}
        checked={pagination.total ?? false}
        onChange={event => onChange({ total: event.currentTarget.checked || undefined })}
        mb={6}
      />
    </Group>
  )
}

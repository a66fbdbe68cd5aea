import { Box, Group, Stack } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { EndpointConfig } from '../../api/services.ts'
import { services as t } from '../../texts/services.ts'
import { type FormProps, having, LongTextField, TextField } from './fields.tsx'
import { LookupForm } from './lookup-form.tsx'
import { ModelForm } from './model-form.tsx'
import { TableForm } from './table-form.tsx'

const QueryForm = lazy(() => import('./query/query-form.tsx'))
const FunctionForm = lazy(() => import('./function-form.tsx'))

/** What all kinds have, and what the kind has. */
export function EndpointForm({ endpoint, onChange }: FormProps<EndpointConfig>) {
  return (
    <Stack gap="lg">
      <Group gap="sm" align="flex-start" grow preventGrowOverflow={false}>
        <TextField
          label={t.endpointId}
          description={t.endpointIdHint}
          value={endpoint.id}
          onChange={(id = '') => onChange(having(endpoint, { id }))}
          required
          w={220}
        />
        <LongTextField
          label={t.description}
          description={t.descriptionHint}
          value={endpoint.description}
          onChange={description => onChange(having(endpoint, { description }))}
          w={220}
        />
      </Group>
      <Suspense fallback={<Box aria-busy="true" mih={200} />}>
        <OfKind endpoint={endpoint} onChange={onChange} />
      </Suspense>
    </Stack>
  )
}

function OfKind({ endpoint, onChange }: FormProps<EndpointConfig>) {
  switch (endpoint.kind) {
    case 'sql':
      return <QueryForm endpoint={endpoint} onChange={onChange} />
    case 'lookup':
      return <LookupForm endpoint={endpoint} onChange={onChange} />
    case 'table':
      return <TableForm endpoint={endpoint} onChange={onChange} />
    case 'model':
      return <ModelForm endpoint={endpoint} onChange={onChange} />
    case 'function':
      return <FunctionForm endpoint={endpoint} onChange={onChange} />
  }
}

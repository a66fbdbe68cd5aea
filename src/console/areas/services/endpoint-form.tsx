import { Box, SimpleGrid, Stack } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { EndpointConfig } from '../../api/services.ts'
import { parts } from '../../texts/endpoint-parts.ts'
import { services as t } from '../../texts/services.ts'
import { type FormProps, having, LongTextField, TextField } from './fields.tsx'
import { FunctionForm } from './function-form.tsx'
import { LookupForm } from './lookup-form.tsx'
import { ModelForm } from './model-form.tsx'
import { TableForm } from './table-form.tsx'

const QueryForm = lazy(() => import('./query/query-form.tsx'))

/** What all kinds have, and what the kind has. */
export function EndpointForm({ endpoint, onChange }: FormProps<EndpointConfig>) {
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextField
          label={t.endpointId}
          description={t.endpointIdHint}
          value={endpoint.id}
          onChange={(id = '') => onChange(having(endpoint, { id }))}
          required
        />
        <TextField
          label={parts.title}
          description={parts.titleHint}
          value={endpoint.title}
          onChange={title => onChange(having(endpoint, { title }))}
        />
      </SimpleGrid>
      <LongTextField
        label={t.description}
        description={t.descriptionHint}
        value={endpoint.description}
        onChange={description => onChange(having(endpoint, { description }))}
        minRows={1}
      />
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

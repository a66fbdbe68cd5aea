/** The kinds of endpoints: what a new one begins as, and what it is called by. */
import { type Icon, IconBrain, IconCode, IconFilterSearch, IconKey, IconTable } from '@tabler/icons-react'
import type { EndpointConfig } from '../../../catalog/service-config.ts'

export type Kind = EndpointConfig['kind']

export const KINDS = ['sql', 'lookup', 'table', 'model', 'function'] as const satisfies readonly Kind[]

export const KIND_ICONS: Record<Kind, Icon> = {
  sql: IconFilterSearch,
  lookup: IconKey,
  table: IconTable,
  model: IconBrain,
  function: IconCode,
}

const HANDLER = `import type { Host, Request } from 'callgate'

export default async ({ body }: Request<{ name?: string }>, host: Host) => {
  host.log('called with', body)
  return { hello: body?.name ?? 'world' }
}
`

/** What a new endpoint begins as: its shape is acceptable once its names are filled in. */
export function blank(kind: Kind): EndpointConfig {
  switch (kind) {
    case 'sql':
      return { id: '', kind, query: { source: { schema: '', table: '' } } }
    case 'lookup':
      return { id: '', kind, dataset: '', key_column: '' }
    case 'table':
      return { id: '', kind, dataset: '' }
    case 'model':
      return { id: '', kind, model: '' }
    case 'function':
      return { id: '', kind, handler: HANDLER }
  }
}

/** What it works on, in few words. */
export function subjectOf(endpoint: EndpointConfig): string {
  switch (endpoint.kind) {
    case 'sql':
      return [endpoint.query.source, ...(endpoint.query.joins ?? [])]
        .map(({ schema, table }) => `${schema}.${table}`)
        .join(', ')
    case 'lookup':
      return `${endpoint.dataset} · ${endpoint.key_column}`
    case 'table':
      return endpoint.dataset
    case 'model':
      return endpoint.model === undefined
        ? `#${endpoint.model_id}`
        : `${endpoint.model}${endpoint.version ? ` · ${endpoint.version}` : ''}`
    case 'function':
      return ''
  }
}

/** Of a kind that takes GET its method, else what it is called with. */
export const methodsOf = (endpoint: EndpointConfig): string[] => {
  if (endpoint.kind === 'model') return ['POST']
  if (endpoint.kind === 'function') return endpoint.methods ?? ['POST']
  if (endpoint.kind === 'table') return endpoint.methods ?? ['GET']
  return ['GET']
}

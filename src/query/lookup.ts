import type { QueryDefinition } from '../catalog/query-definition.ts'
import type { LookupEndpoint } from '../catalog/service-config.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'

/** A lookup is the same query with one required equality filter; `max_results` is both its page and its maximum. */
export function lookupQuery(endpoint: LookupEndpoint): QueryDefinition {
  const dot = endpoint.dataset.indexOf('.')
  if (dot < 1) throw unprocessable(`${shown(endpoint.dataset)} is not a dataset's name (schema.table).`)
  const limit = endpoint.max_results ?? 100
  const { key_description: description, key_example: example, cache } = endpoint
  return {
    source: { schema: endpoint.dataset.slice(0, dot), table: endpoint.dataset.slice(dot + 1) },
    ...(endpoint.columns?.length ? { columns: endpoint.columns } : {}),
    filters: [
      {
        column: endpoint.key_column,
        op: 'eq',
        param: endpoint.key_param ?? 'id',
        required: true,
        description,
        example,
      },
    ],
    pagination: { default_limit: limit, max_limit: limit },
    cache,
  }
}

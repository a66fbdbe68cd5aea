import { join } from 'node:path'
import { findDataset } from '../catalog/datasets.ts'
import { adminGrant } from '../catalog/grant.ts'
import type { LookupEndpoint, QueryDefinition, SqlEndpoint } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { compileQuery } from '../query/compile.ts'
import { lookupQuery } from '../query/lookup.ts'
import { PreparedQuery } from '../query/prepared.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointRuntime } from './runtime.ts'

/**
 * @param check whether the engine is asked to accept it: a file is opened for that
 * @throws Fault 422 what does not fit the project's datasets; checking it, 503 `data_missing`
 */
export function compileQueryEndpoint(
  endpoint: SqlEndpoint | LookupEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  check = true,
): Endpoint {
  const definition: QueryDefinition = endpoint.kind === 'sql' ? endpoint.query : lookupQuery(endpoint)
  const query = compileQuery(definition, name => {
    const dataset = findDataset(store, projectId, name)
    return dataset && { ...dataset, file: join(runtime.warehouseDir, dataset.file) }
  })
  const prepared = new PreparedQuery(
    query,
    runtime.queries,
    runtime.secret,
    JSON.stringify([projectId, endpoint.id, definition]),
  )
  const admin = adminGrant(projectId)
  if (check) prepared.check(admin)
  return {
    id: endpoint.id,
    kind: endpoint.kind,
    methods: ['GET'],
    takesBody: false,
    files: query.tables.map(t => t.dataset.file),
    // the engine's plan is asked for, which opens the files
    ...(check ? { warnings: prepared.advice(admin).map(({ message }) => message) } : {}),
    run: (call, grant) => prepared.run(grant, call.params, call.deadline, call),
  }
}

import { type Dataset, findDataset } from '../catalog/datasets.ts'
import { adminGrant } from '../catalog/grant.ts'
import type { QueryDefinition } from '../catalog/query-definition.ts'
import type { LookupEndpoint, SqlEndpoint } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { QueryAnswers } from '../query/answers.ts'
import { compileQuery } from '../query/compile.ts'
import { lookupQuery } from '../query/lookup.ts'
import { PreparedQuery } from '../query/prepared.ts'
import type { DatasetResolver } from '../query/tables.ts'
import type { Endpoint, Surroundings } from './endpoint.ts'
import { type EndpointRuntime, placed } from './runtime.ts'

export interface Compiling {
  /** The engine is not asked to accept it, for which a file would be opened: it was when it was published. */
  unchecked?: boolean
  /** Datasets of this store that were found already, by project and name: many services are compiled in a row. */
  datasets?: Map<string, Dataset | undefined>
  /** The service that the endpoint is in; a single endpoint that is compiled by itself has none. */
  surroundings?: Surroundings
  /** Handlers are not held up to have been checked: they were when this was published. */
  published?: boolean
}

/** Finds the project's datasets by name, each once. */
export function resolverOf(
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  datasets: NonNullable<Compiling['datasets']>,
): DatasetResolver {
  return name => {
    const known = `${projectId}/${name}`
    if (!datasets.has(known)) datasets.set(known, findDataset(store, projectId, name))
    const dataset = datasets.get(known)
    return dataset && placed(dataset, runtime)
  }
}

/** @throws Fault 422 what does not fit the project's datasets; checking it, 503 `data_missing` */
export function compileQueryEndpoint(
  endpoint: SqlEndpoint | LookupEndpoint,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
  { unchecked, datasets = new Map() }: Compiling = {},
): Endpoint {
  const definition: QueryDefinition = endpoint.kind === 'sql' ? endpoint.query : lookupQuery(endpoint)
  const query = compileQuery(definition, resolverOf(store, projectId, runtime, datasets))
  const prepared = new PreparedQuery(
    query,
    runtime.queries,
    runtime.secret,
    JSON.stringify([projectId, endpoint.id, definition]),
  )
  const admin = adminGrant(projectId)
  if (!unchecked) prepared.check(admin)
  return {
    id: endpoint.id,
    kind: endpoint.kind,
    methods: ['GET'],
    takesBody: false,
    files: query.tables.flatMap(t => t.dataset.file || []),
    // the engine's plan is asked for, which opens the files
    ...(unchecked ? {} : { warnings: prepared.advice(admin) }),
    answers: new QueryAnswers(prepared, runtime.answers, definition.cache?.ttl_seconds ?? 0),
    run: (call, grant) => prepared.run(grant, call.params, call.deadline, call.caller),
  }
}

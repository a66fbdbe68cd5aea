/**
 * The shape of a service's config: what is checked when a draft is saved. What it refers to (datasets, columns, models)
 * is compiled when it is published or dry-run.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { conflict, Fault, reworded, unprocessable } from '../lib/fault.ts'
import { checkShape, closed, literals, Name, Title } from '../lib/shape.ts'
import { METHODS } from './grant.ts'
import { HandlerConfig, HOOKS, handlerFields, MAX_SOURCE } from './handler.ts'
import { checkEndpointId } from './names.ts'
import { checkPorterRoute, PorterRoute } from './porter.ts'
import { Cache, checkQuery, MAX_LIMIT, Pagination, QueryDefinition } from './query-definition.ts'

const id = Name
const common = { id, title: Type.Optional(Title(500)), description: Type.Optional(Type.String()) }

const SqlEndpoint = Type.Object({ ...common, kind: Type.Literal('sql'), query: QueryDefinition }, closed)
export type SqlEndpoint = Static<typeof SqlEndpoint>

const LookupEndpoint = Type.Object(
  {
    ...common,
    kind: Type.Literal('lookup'),
    dataset: Name,
    key_column: Name,
    key_param: Type.Optional(Name),
    columns: Type.Optional(Type.Array(Name, { maxItems: 500 })),
    max_results: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT })),
    /** what callers are told of the key's parameter */
    key_description: Type.Optional(Type.String()),
    key_example: Type.Optional(Type.Unknown()),
    cache: Type.Optional(Cache),
  },
  closed,
)
export type LookupEndpoint = Static<typeof LookupEndpoint>

const TableEndpoint = Type.Object(
  {
    ...common,
    kind: Type.Literal('table'),
    dataset: Name,
    /** what may be done with its rows, by keys that may; GET when it is left out */
    methods: Type.Optional(Type.Array(literals(METHODS), { minItems: 1, uniqueItems: true })),
    /** the columns that there are at this endpoint; all when it is left out */
    columns: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 500 })),
    /** of the list */
    pagination: Type.Optional(Pagination),
  },
  closed,
)
export type TableEndpoint = Static<typeof TableEndpoint>

const JsonSchema = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Boolean()])
/** A JSON Schema (2020-12) of an author's, which may be none. */
export type JsonSchema = Static<typeof JsonSchema>

const ModelEndpoint = Type.Object(
  {
    ...common,
    kind: Type.Literal('model'),
    /** one version, pinned */
    model_id: Type.Optional(Type.Integer({ minimum: 1 })),
    /** a name: its active version, or the `version` beside it */
    model: Type.Optional(Name),
    version: Type.Optional(Type.Integer({ minimum: 1 })),
    /** `probabilities` or a tensor's name, instead of the label or first output */
    output: Type.Optional(Name),
    /** `all`: every output by its name, beside the predictions */
    outputs: Type.Optional(Type.Literal('all')),
    /** extra features are refused */
    strict: Type.Optional(Type.Boolean()),
    /** how long a call may wait for others to be scored with, even when a process is idle */
    max_delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    /** a JSON Schema that each row must satisfy, at every door */
    schema: Type.Optional(JsonSchema),
    /** code that looks at the rows and may refuse them, makes the model's rows of them, and makes answers of its predictions */
    check: Type.Optional(HandlerConfig),
    before: Type.Optional(HandlerConfig),
    after: Type.Optional(HandlerConfig),
    porter: Type.Optional(PorterRoute),
  },
  closed,
)
export type ModelEndpoint = Static<typeof ModelEndpoint>

/** What says which model is served, and how: of an endpoint's fields, those that a deployment has too. */
export const ModelReference = Type.Pick(
  ModelEndpoint,
  ['model_id', 'model', 'version', 'strict', 'output', 'outputs', 'schema', 'max_delay_ms'],
  closed,
)
export type ModelReference = Static<typeof ModelReference>

const FunctionEndpoint = Type.Object(
  {
    ...common,
    kind: Type.Literal('function'),
    ...handlerFields,
    methods: Type.Optional(Type.Array(literals(METHODS), { minItems: 1, uniqueItems: true })),
    /** JSON Schemas of the request's body and of the answer */
    request_schema: Type.Optional(JsonSchema),
    response_schema: Type.Optional(JsonSchema),
    porter: Type.Optional(PorterRoute),
  },
  closed,
)
export type FunctionEndpoint = Static<typeof FunctionEndpoint>

export type EndpointConfig = SqlEndpoint | LookupEndpoint | TableEndpoint | ModelEndpoint | FunctionEndpoint
/** Other members of a config are kept as they were saved and mean nothing here. */
export type ServiceConfig = { endpoints?: EndpointConfig[] } & Record<string, unknown>

const KINDS: Record<string, TSchema> = {
  sql: SqlEndpoint,
  lookup: LookupEndpoint,
  table: TableEndpoint,
  model: ModelEndpoint,
  function: FunctionEndpoint,
}

const Endpoints = Type.Object({
  endpoints: Type.Optional(
    Type.Array(Type.Object({ id, kind: literals(['sql', 'lookup', 'table', 'model', 'function']) }), {
      maxItems: 1000,
    }),
  ),
})

/** @throws Fault 422 the shape, naming the endpoint; 409 two endpoints with one id */
export function checkServiceConfig(config: unknown): asserts config is ServiceConfig {
  checkShape(Endpoints, config, 'config')
  const seen = new Set<string>()
  for (const endpoint of config.endpoints ?? []) {
    checkEndpointId(endpoint.id)
    if (seen.has(endpoint.id))
      throw conflict(`Two endpoints have the id ${endpoint.id}; an id is unique within its service.`)
    seen.add(endpoint.id)
    naming(endpoint.id, () => checkEndpoint(endpoint as EndpointConfig))
  }
}

function checkEndpoint(endpoint: EndpointConfig): void {
  const where = `endpoint ${endpoint.id}`
  if (endpoint.kind === 'sql' && typeof endpoint.query === 'string')
    throw unprocessable(`${where}: query is an object ({source, columns, filters, ...}), not a text of SQL.`)
  checkShape(KINDS[endpoint.kind]!, endpoint, where)
  if (endpoint.kind === 'model') {
    if ((endpoint.model_id === undefined) === (endpoint.model === undefined))
      throw unprocessable(`${where}: a model endpoint names either model or model_id.`)
    if (endpoint.version !== undefined && endpoint.model === undefined)
      throw unprocessable(`${where}: version goes with model, not with model_id.`)
  }
  if ((endpoint.kind === 'model' || endpoint.kind === 'function') && endpoint.porter)
    checkPorterRoute(endpoint.porter, endpoint.id)
  if (endpoint.kind === 'sql') checkQuery(endpoint.query, where)
}

/** Runs `work` so that a refusal in it names the endpoint it is about: in its text, and as its member `endpoint`. */
export function naming<T>(endpointId: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Fault) || error.members.endpoint !== undefined) throw error
    const { message } = error
    const text = message.startsWith('endpoint ') ? message : `endpoint ${endpointId}: ${message}`
    throw reworded(error, text, { endpoint: endpointId })
  }
}

/** The sources of the handlers that endpoints name, whether they are acceptable or not. */
export function handlersOf(endpoints: readonly unknown[]): string[] {
  const sourceOf = (code: unknown) => (code as { handler?: unknown } | null | undefined)?.handler
  return endpoints
    .flatMap(endpoint => [endpoint, ...HOOKS.map(hook => (endpoint as Record<string, unknown> | null)?.[hook])])
    .map(sourceOf)
    .filter(source => typeof source === 'string')
    .filter(source => source.length <= MAX_SOURCE)
}

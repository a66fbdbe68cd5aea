/**
 * The shape of a service's config: what is checked when a draft is saved. What it refers to (datasets, columns, models)
 * is compiled when it is published or dry-run.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { conflict, Fault, unprocessable } from '../lib/fault.ts'
import { checkShape } from '../lib/shape.ts'
import { shown } from '../lib/text.ts'
import { METHODS } from './grant.ts'
import { HandlerConfig, HOOKS, handlerFields, MAX_SOURCE } from './handler.ts'
import { checkEndpointId } from './names.ts'
import { checkPorterRoute, PorterRoute } from './porter.ts'

const closed = { additionalProperties: false }
const Name = Type.String({ minLength: 1, maxLength: 200 })
const literals = <T extends string>(...values: T[]) => Type.Union(values.map(value => Type.Literal(value)))
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

export const OPERATORS = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
  'not_in',
  'like',
  'ilike',
  'is_null',
  'between',
] as const
export type Operator = (typeof OPERATORS)[number]

/** What an aggregate makes of the rows of a group. `count` without a column counts rows. */
export const AGGREGATES = ['count', 'count_distinct', 'sum', 'avg', 'min', 'max'] as const
export type AggregateFunction = (typeof AGGREGATES)[number]

const Filter = Type.Object(
  {
    column: Name,
    op: Type.Optional(literals(...OPERATORS)),
    /** the request's parameter that gives the value; for `between` two of them */
    param: Type.Optional(Type.Union([Name, Type.Tuple([Name, Name])])),
    /** the author's own value */
    value: Type.Optional(Type.Union([Scalar, Type.Array(Scalar, { maxItems: 500 })])),
    required: Type.Optional(Type.Boolean()),
    default: Type.Optional(Type.Union([Scalar, Type.Array(Scalar, { maxItems: 500 })])),
    description: Type.Optional(Type.String()),
    example: Type.Optional(Type.Unknown()),
  },
  closed,
)
export type Filter = Static<typeof Filter>

/**
 * A place in the order: a column (or a name of the answer) and a direction, or a request's parameter that chooses among
 * `allow`: `?sort=carrier` is ascending, `?sort=-carrier` descending, and the parameter may be repeated for several. Where
 * it is absent, `default` is meant, written the same way; without one, the entry has no part in the order.
 */
const Order = Type.Object(
  {
    column: Type.Optional(Name),
    direction: Type.Optional(literals('asc', 'desc')),
    param: Type.Optional(Name),
    allow: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 64 })),
    default: Type.Optional(Type.Union([Name, Type.Array(Name, { maxItems: 16 })])),
    description: Type.Optional(Type.String()),
    example: Type.Optional(Type.Unknown()),
  },
  closed,
)

/** How long an answer may be kept and given again to callers of the same policy. */
const Cache = Type.Object({ ttl_seconds: Type.Integer({ minimum: 0, maximum: 86_400 }) }, closed)

/** The most rows of one answer. */
const MAX_LIMIT = 10_000_000

const Source = Type.Object({ schema: Name, table: Name, as: Type.Optional(Name) }, closed)

const Pagination = Type.Object(
  {
    default_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT })),
    max_limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT })),
    /** whether each answer counts all rows that the request's filters leave, in `total` */
    total: Type.Optional(Type.Boolean()),
  },
  closed,
)

export const QueryDefinition = Type.Object(
  {
    source: Source,
    columns: Type.Optional(
      Type.Array(
        Type.Union([
          Name,
          Type.Object(
            {
              column: Type.Optional(Name),
              fn: Type.Optional(literals(...AGGREGATES)),
              /** the name in the answer; without it `column`, or for an aggregate `fn_column` */
              as: Type.Optional(Name),
            },
            closed,
          ),
        ]),
        { maxItems: 500 },
      ),
    ),
    /** each row once: for answers without aggregates */
    distinct: Type.Optional(Type.Boolean()),
    joins: Type.Optional(
      Type.Array(
        Type.Object(
          {
            schema: Name,
            table: Name,
            as: Type.Optional(Name),
            type: Type.Optional(literals('inner', 'left')),
            on: Type.Array(Type.Object({ left: Name, right: Name }, closed), { minItems: 1, maxItems: 16 }),
          },
          closed,
        ),
        { maxItems: 9 },
      ),
    ),
    filters: Type.Optional(Type.Array(Filter, { maxItems: 64 })),
    group_by: Type.Optional(Type.Array(Name, { maxItems: 64 })),
    /** filters on aggregates: `column` is an aggregate's name in the answer */
    having: Type.Optional(Type.Array(Filter, { maxItems: 64 })),
    order_by: Type.Optional(Type.Array(Order, { maxItems: 16 })),
    pagination: Type.Optional(Pagination),
    cache: Type.Optional(Cache),
  },
  closed,
)
export type QueryDefinition = Static<typeof QueryDefinition>

const id = Name
const common = { id, title: Type.Optional(Type.String()), description: Type.Optional(Type.String()) }

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
    methods: Type.Optional(Type.Array(literals(...METHODS), { minItems: 1, uniqueItems: true })),
    /** the columns that there are at this endpoint; all when it is left out */
    columns: Type.Optional(Type.Array(Name, { minItems: 1, maxItems: 500 })),
    /** of the list */
    pagination: Type.Optional(Pagination),
  },
  closed,
)
export type TableEndpoint = Static<typeof TableEndpoint>
const JsonSchema = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Boolean()])

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
    methods: Type.Optional(Type.Array(literals(...METHODS), { minItems: 1, uniqueItems: true })),
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
    Type.Array(Type.Object({ id, kind: literals('sql', 'lookup', 'table', 'model', 'function') }), { maxItems: 1000 }),
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
  checkShape(KINDS[endpoint.kind]!, endpoint, where)
  if (endpoint.kind === 'model') {
    if ((endpoint.model_id === undefined) === (endpoint.model === undefined))
      throw unprocessable(`${where}: a model endpoint names either model_id or model.`)
    if (endpoint.version !== undefined && endpoint.model === undefined)
      throw unprocessable(`${where}: version goes with model, not with model_id.`)
  }
  if ((endpoint.kind === 'model' || endpoint.kind === 'function') && endpoint.porter)
    checkPorterRoute(endpoint.porter, endpoint.id)
  if (endpoint.kind === 'sql') checkQuery(endpoint.query, where)
}

function checkQuery({ columns, filters, having, order_by }: QueryDefinition, where: string): void {
  for (const filter of [...(filters ?? []), ...(having ?? [])]) checkFilter(filter, where)
  for (const [index, entry] of (columns ?? []).entries())
    if (typeof entry === 'object' && entry.column === undefined && entry.fn !== 'count')
      throw unprocessable(`${where}: query.columns[${index}] names no column; only count does without one.`)
  for (const [index, entry] of (order_by ?? []).entries()) {
    const place = `${where}: query.order_by[${index}]`
    if ((entry.column === undefined) === (entry.param === undefined))
      throw unprocessable(`${place} names either a column or a param.`)
    if (entry.param === undefined && (entry.allow ?? entry.default ?? entry.description ?? entry.example) !== undefined)
      throw unprocessable(`${place}: allow, default, description and example go with param.`)
    if (entry.param !== undefined && (entry.allow === undefined || entry.direction !== undefined))
      throw unprocessable(`${place}: param goes with allow; the request gives the direction.`)
  }
}

function checkFilter(filter: Filter, where: string): void {
  const place = `${where}: the filter on ${shown(filter.column)}`
  if ((filter.param === undefined) === (filter.value === undefined))
    throw unprocessable(`${place} takes its value from either param or value.`)
  if (filter.param === undefined && (filter.required !== undefined || filter.default !== undefined))
    throw unprocessable(`${place}: required and default go with param.`)
  if (filter.required && filter.default !== undefined)
    throw unprocessable(`${place} is required, so it has no default.`)
  if (Array.isArray(filter.param) !== (filter.op === 'between') && filter.param !== undefined)
    throw unprocessable(
      filter.op === 'between' ? `${place}: between takes two params.` : `${place}: two params go with between.`,
    )
}

/** Runs `work` so that a refusal in it names the endpoint it is about: in its text, and as its member `endpoint`. */
export function naming<T>(endpointId: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Fault) || error.members.endpoint !== undefined) throw error
    const { status, code, message, cause, headers, members } = error
    const text = message.startsWith('endpoint ') ? message : `endpoint ${endpointId}: ${message}`
    throw new Fault(status, code, text, { cause, headers, members: { ...members, endpoint: endpointId } })
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

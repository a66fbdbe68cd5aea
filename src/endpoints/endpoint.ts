import type { DeploymentConfig, DeploymentKind } from '../catalog/deployments.ts'
import type { Grant, Method, ServiceIdentity } from '../catalog/grant.ts'
import type { EndpointConfig, JsonSchema } from '../catalog/service-config.ts'
import type { ModelMetadata } from '../catalog/tensor.ts'
import { stringifyLossless } from '../lib/json.ts'
import type { Params } from '../lib/params.ts'
import { shown } from '../lib/text.ts'
import type { QueryAnswers } from '../query/answers.ts'
import type { RowsReply } from '../query/prepared.ts'
import type { Tags } from '../query/write/apply.ts'
import type { RenderedRow } from '../query/write/render.ts'
import type { Written } from '../query/write/store.ts'
import type { Decoded, RowCodec } from '../scoring/codec.ts'
import type { Feature } from '../scoring/features.ts'
import type { GivenRows, ModelReply } from '../scoring/rows.ts'
import type { ScoringModel } from '../scoring/scorer.ts'
import type { SentRecipe } from '../scoring/wire.ts'

/** A call as a door parsed it; the endpoint takes of it what its kind needs. */
export interface Call {
  params: Params
  /** the body as it was received, of kinds that take one: what parses it is the endpoint's choice */
  bytes?: Uint8Array
  /** the parsed JSON body, where there are no bytes */
  body?: unknown
  /** milliseconds since the epoch */
  deadline: number
  /** its `signal` tells that the caller has gone; a request makes one when it is read: only where the work takes long */
  caller?: { readonly signal?: AbortSignal }
  /** takes what the code around a model logs, for its author */
  log?: string[]
  /** of a model with code around it, which a function calls */
  within?: CallTree
}

/** JSON as it is sent. */
export type JsonText = string

export type Reply = RowsReply | ModelReply | JsonText

/** A reply as it is sent, but for what a door makes of it. */
export const textOf = (reply: Reply): JsonText => (typeof reply === 'string' ? reply : stringifyLossless(reply))

/** One version of a model as an endpoint serves it. */
export interface ServedVersion {
  /** the API's `model_id` */
  id: number
  /** the version's number */
  number: number
  metadata: ModelMetadata
  codec: RowCodec
  /** how a scoring process answers bodies; absent where their rows are checked against a schema first */
  recipe?: SentRecipe
  /** the same with the schema, for whoever reads large bodies */
  wholeRecipe: SentRecipe
  /** bytes of a body up to which `check` takes no long time */
  checksUpTo: number
  /** what the scorer takes */
  scoring: ScoringModel
  /** Whether the endpoint has a `schema`: doors that take tensors make rows of them for `check` only then. */
  checksRows: boolean
  /**
   * Holds rows against the endpoint's `schema`, where it has one: those that it takes long for in a process of its own.
   * @throws Fault 422 with `errors: [{row, feature, message}]`
   */
  check(rows: readonly unknown[], form: 'rows' | 'features', deadline?: number): void | Promise<void>
}

export interface ServedVersions {
  /** in their order */
  readonly numbers: readonly number[]
  get(number: number): ServedVersion | undefined
}

/** The model behind an endpoint (or a model deployment), for the doors that speak of models. */
export interface ServedModel {
  /** the model's own name in the catalog */
  name: string
  /** the version that calls without a number get */
  active: ServedVersion
  /** every version that may be asked for by number: all of a followed model, the one of a pinned endpoint */
  versions: ServedVersions
  /** the author's code around it, at every door; not below a deployment */
  hooks?: ModelHooks
}

/** What code of an author's needs for one call, besides its request. */
export interface HandlerCall {
  /** whose call it is: what the code asks for, it asks for in this name */
  grant: Grant
  /** milliseconds since the epoch */
  deadline: number
  caller?: { readonly signal?: AbortSignal }
  /** takes what a hook logs, for its author; a function's answer has its log */
  log?: string[]
  /** of a function that another one calls */
  within?: CallTree
}

/** Functions that call functions: how deep they are, and of the host calls of the first how many they have left together. */
export interface CallTree {
  depth: number
  budget: { most: number; left: number }
}

/** The service that code is in, as far as the code may call its endpoints. */
export interface Surroundings {
  service: ServiceIdentity
  isPublic: boolean
  endpoint(id: string): Endpoint | undefined
  /** the same as it is published now, which a call that began before has not been given; absent: nothing of it is published */
  published?(id: string): Endpoint | undefined
}

/** The author's code around a model: `check` may refuse rows, `before` makes the model's rows, `after` makes the answers. */
export interface ModelHooks {
  /** Whether predictions are made anew: what else the model gives is not answered then. */
  readonly after: boolean
  /**
   * For doors that make rows of something smaller, before they do.
   * @throws Fault so many rows of all these features are more than a hook may hold
   */
  checkRoom(rows: number, features: readonly Feature[]): void
  /**
   * Predictions of rows with the hooks that there are.
   * @param score the model itself
   * @param form how the caller gave them, for what is said of them; `rows` where it is not said
   * @throws Fault 422 a number beyond a double, which the code would not get; what a hook refused; a limit; HandlerFault a hook that failed, or did not give what it has to
   */
  predict(
    rows: readonly unknown[],
    score: (rows: readonly unknown[]) => Promise<Decoded>,
    call: HandlerCall,
    form?: GivenRows['form'],
  ): Promise<Decoded>
  /** The rows as `check` and `before` leave them, for doors that score by themselves. @throws Fault as `predict` */
  prepared(rows: readonly unknown[], call: HandlerCall): Promise<readonly unknown[]>
}

/** A call of a function, as a door parsed it. */
export interface FunctionRequest {
  method: string
  /** of the URL, as it was sent */
  path: string
  /** what stands for the parameters of a path */
  params: Record<string, string>
  /** of the URL, without its mark */
  query: string
  /** in lower case, without secrets */
  headers: Record<string, string>
  /**
   * JSON as its text, which has been read once and is valid, but where it is `unread`; other text; or bytes. undefined: there is
   * none
   */
  body?: { json: string; unread?: boolean } | { text: string } | { bytes: Uint8Array }
}

export interface FunctionReply {
  status: number
  headers: Record<string, string>
  /** null: none */
  body: string | Uint8Array | null
  /** the body, where it is JSON */
  json?: string
  /** for its author */
  log: string[]
}

/** A write as a door parsed it: of the table, or of the row that `id`, a raw path segment, names. */
export interface TableWrite {
  method: Exclude<Method, 'GET'>
  id?: string
  /** JSON, as it came */
  body: Uint8Array
  ifMatch?: Tags
  ifNoneMatch?: Tags
  idempotencyKey?: string
  /** milliseconds since the epoch */
  deadline: number
}

/** The rows of an endpoint of kind table. */
export interface ServedTable {
  /** @throws Fault 405 the endpoint, or a row or the table as such, does not take the method; 403 the grant does not allow it */
  check(grant: Grant, method: string, ofRow: boolean): void
  /** Whether the grant may read here: else no answer to a write shows what was there before. */
  mayRead(grant: Grant): boolean
  /**
   * @param id a raw path segment
   * @param deadline milliseconds since the epoch
   * @throws Fault 404, 403 the grant may not see what rows are named by, 503, 504
   */
  find(grant: Grant, id: string, deadline: number): Promise<RenderedRow & { id: string }>
  /** @throws Fault what the table refuses, or 503, 504 (query/write/store.ts) */
  write(grant: Grant, write: TableWrite): Promise<Written>
}

/** porter's route on an endpoint. Immutable. */
export interface ServedRoute {
  /** as it is listed */
  path: string
  name: string
  version: string
  meta: Record<string, unknown>
  /** absent: the app's */
  status?: string
  batch: boolean
  validate: boolean
  /** the author's JSON Schema of a row, without the id */
  rowSchema?: JsonSchema
  schemaName?: string
  predictionSchema?: Record<string, unknown>
  /** of a model: its active version as it is called here, where extra columns are dropped, whatever the endpoint says of them */
  model?: ServedVersion
}

/** A compiled endpoint: immutable, and all that a call needs. */
export interface Endpoint {
  readonly id: string
  readonly kind: EndpointConfig['kind']
  /** The methods that a call may use. */
  readonly methods: readonly string[]
  /** Of kinds that take a body, which a door reads before `run`. */
  readonly takesBody: boolean
  /** Dataset files that this endpoint reads. */
  readonly files: readonly string[]
  /** What its publisher should know of it: what every call costs for want of an index. */
  readonly warnings?: readonly string[]
  /** Of kinds that run code: the endpoints that its definition grants it. */
  readonly granted?: readonly string[]
  /** Of kind model: what it serves. */
  readonly model?: ServedModel
  /**
   * Of kind function: a call of it, instead of `run`.
   * @throws Fault 422 a body that its schema refuses; what the handler refused (`HandlerFault`), or a limit that it passed
   */
  readonly handle?: (request: FunctionRequest, call: HandlerCall) => Promise<FunctionReply>
  /** Of kind table: its rows as resources. `run` is its list. */
  readonly table?: ServedTable
  /** It is published and no longer compiles: every call of it is 503. */
  readonly broken?: boolean
  /** Of kinds that answer rows: the same in a format, as it is sent. */
  readonly answers?: QueryAnswers
  /** Where porter's door serves it. */
  readonly porter?: ServedRoute
  /** @throws Fault what is wrong with the call, or with the server's strength at the moment */
  run(call: Call, grant: Grant): Reply | Promise<Reply>
}

/** A deployment below `/v1/{project}/{deployment}/`, as it is declared. Immutable. */
export interface Deployment {
  id: number
  projectId: number
  /** the project's slug */
  project: string
  name: string
  revision: number
  kind: DeploymentKind
  config: DeploymentConfig
  /** false: it is stopped, and not routed */
  enabled: boolean
  /** of a deployment of a model: what it serves, under the deployment's name */
  model?: ServedModel
}

/** What the endpoints of a service warn of, each naming its endpoint. */
export const warningsOf = (service: Service | undefined): string[] =>
  [...(service?.endpoints.values() ?? [])].flatMap(({ id, warnings = [], granted = [] }) => {
    // its author's key may reach what is meant, so that only others would find out
    const missing = new Set(granted.filter(other => other !== '*' && !service!.endpoints.has(other)))
    const inVain = [...missing].map(
      other => `grants.endpoints has ${shown(other)}, which is no endpoint of this service.`,
    )
    return [...warnings, ...inVain].map(warning => `endpoint ${id}: ${warning}`)
  })

/** A service as it was published: immutable; publishing swaps in another. */
export interface Service {
  assetId: number
  projectId: number
  key: string
  title: string
  isPublic: boolean
  /** the version of the config that this is */
  version: number | null
  endpoints: ReadonlyMap<string, Endpoint>
}

import type { DeploymentConfig, DeploymentKind } from '../catalog/deployments.ts'
import type { Grant } from '../catalog/grant.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import type { ModelMetadata } from '../catalog/tensor.ts'
import type { QueryAnswers } from '../query/answers.ts'
import type { RowsReply } from '../query/prepared.ts'
import type { RowCodec } from '../scoring/codec.ts'
import type { ModelReply } from '../scoring/rows.ts'
import type { ScoringModel } from '../scoring/scorer.ts'
import type { SentRecipe } from '../scoring/wire.ts'

/** A call as a door parsed it; the endpoint takes of it what its kind needs. */
export interface Call {
  params: URLSearchParams
  /** the body as it was received, of kinds that take one: what parses it is the endpoint's choice */
  bytes?: Uint8Array
  /** the parsed JSON body, where there are no bytes */
  body?: unknown
  /** milliseconds since the epoch */
  deadline: number
  /** its `signal` tells that the caller has gone; a request makes one when it is read: only where the work takes long */
  caller?: { readonly signal?: AbortSignal }
}

/** Bytes are JSON already. */
export type Reply = RowsReply | ModelReply | Uint8Array<ArrayBuffer>

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
  /** what the scorer takes */
  scoring: ScoringModel
  /** Whether the endpoint has a `schema`: doors that take tensors make rows of them for `check` only then. */
  checksRows: boolean
  /**
   * Holds rows against the endpoint's `schema`, where it has one.
   * @throws Fault 422 with `errors: [{row, feature, message}]`
   */
  check(rows: readonly unknown[], form: 'rows' | 'features'): void
}

/** The model behind an endpoint (or a model deployment), for the doors that speak of models. */
export interface ServedModel {
  /** the model's own name in the catalog */
  name: string
  /** the version that calls without a number get */
  active: ServedVersion
  /** every version that may be asked for by number: all of a followed model, the one of a pinned endpoint */
  versions: ReadonlyMap<number, ServedVersion>
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
  rowSchema?: Record<string, unknown> | boolean
  schemaName?: string
  predictionSchema?: Record<string, unknown>
  /** of a model: extra columns are dropped, whatever the endpoint says of them */
  codec?: RowCodec
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
  /** Of kind model: what it serves. */
  readonly model?: ServedModel
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
  [...(service?.endpoints.values() ?? [])].flatMap(({ id, warnings = [] }) =>
    warnings.map(warning => `endpoint ${id}: ${warning}`),
  )

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

import type { Grant } from '../catalog/grant.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import type { RowsReply } from '../query/prepared.ts'

/** A call as a door parsed it; the endpoint takes of it what its kind needs. */
export interface Call {
  params: URLSearchParams
  /** the parsed JSON body of a model or function call */
  body: unknown
  /** milliseconds since the epoch */
  deadline: number
  /** the caller has gone */
  signal?: AbortSignal
}

/** What a model answers. */
export interface ModelReply {
  predictions: unknown[]
  probabilities?: Record<string, number>[]
  outputs?: Record<string, unknown[]>
  model_id: number
  count: number
}

/** A compiled endpoint: immutable, and all that a call needs. */
export interface Endpoint {
  readonly id: string
  readonly kind: EndpointConfig['kind']
  /** The methods that a call may use. */
  readonly methods: readonly string[]
  /** Of kinds that take a body: the door parses it before `run`. */
  readonly takesBody: boolean
  /** Dataset files that this endpoint reads. */
  readonly files: readonly string[]
  /** Models that it follows or is pinned to: artifacts to be loaded. */
  readonly artifacts: readonly string[]
  /** @throws Fault what is wrong with the call, or with the server's strength at the moment */
  run(call: Call, grant: Grant): RowsReply | ModelReply | Promise<RowsReply | ModelReply>
}

/** A service as it was published: immutable; publishing swaps in another. */
export interface Service {
  assetId: number
  projectId: number
  key: string
  title: string
  isPublic: boolean
  endpoints: ReadonlyMap<string, Endpoint>
}

import { type Asset, getAsset, listAssets } from '../catalog/assets.ts'
import { type EndpointConfig, naming } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { Fault, toFault } from '../lib/fault.ts'
import { errorFields, log } from '../telemetry/log.ts'
import type { Endpoint, Service } from './endpoint.ts'
import { compileFunctionEndpoint } from './function.ts'
import { compileModelEndpoint } from './model.ts'
import { compileQueryEndpoint } from './query.ts'
import type { EndpointRuntime } from './runtime.ts'

/** @throws Fault 404 a model, 422 anything else that it refers to and is not there; the message names the endpoint */
export function compileEndpoint(
  endpoint: EndpointConfig,
  store: Store,
  projectId: number,
  runtime: EndpointRuntime,
): Endpoint {
  return naming(endpoint.id, () => {
    switch (endpoint.kind) {
      case 'sql':
      case 'lookup':
        return compileQueryEndpoint(endpoint, store, projectId, runtime)
      case 'model':
        return compileModelEndpoint(endpoint, store, projectId, runtime)
      case 'function':
        return compileFunctionEndpoint(endpoint)
    }
  })
}

/** What a transaction made of some services: swapped in when it has committed. null: no longer published. */
export type Staged = Map<string, Service | null>

/**
 * The published services, compiled, in memory: what every door serves from. A service is swapped whole; a call that began
 * with the old one ends with it.
 */
export class Registry {
  readonly runtime: EndpointRuntime
  #services = new Map<string, Service>()

  constructor(runtime: EndpointRuntime) {
    this.runtime = runtime
  }

  get(key: string): Service | undefined {
    return this.#services.get(key)
  }

  all(): Iterable<Service> {
    return this.#services.values()
  }

  /**
   * Compiles services as they are in the catalog (or in a transaction on it).
   * @throws Fault the first that does not compile, by service and endpoint
   */
  stage(store: Store, assetIds: Iterable<number>): Staged {
    const staged: Staged = new Map()
    for (const id of assetIds) {
      const asset = getAsset(store, id)
      staged.set(asset.assetKey, asset.status === 'published' ? this.#compile(store, asset) : null)
    }
    return staged
  }

  apply(staged: Staged): void {
    for (const [key, service] of staged) {
      if (service) this.#services.set(key, service)
      else this.#services.delete(key)
    }
  }

  /** At the start: everything published. What does not compile (a file that went missing) is logged and not served. */
  load(store: Store): void {
    for (const asset of listAssets(store, { status: 'published' }))
      try {
        this.#services.set(asset.assetKey, this.#compile(store, asset))
      } catch (error) {
        log.error({ service: asset.assetKey, ...errorFields(error) }, 'a published service cannot be served')
      }
  }

  #compile(store: Store, asset: Asset): Service {
    const { id: assetId, projectId, assetKey: key, title, isPublic } = asset
    const endpoints = new Map<string, Endpoint>()
    for (const endpoint of asset.publishedConfig?.endpoints ?? [])
      try {
        endpoints.set(endpoint.id, compileEndpoint(endpoint, store, projectId, this.runtime))
      } catch (error) {
        throw ofService(key, error)
      }
    return { assetId, projectId, key, title, isPublic, endpoints }
  }
}

function ofService(key: string, error: unknown): Fault {
  const { status, code, message, cause, members } = toFault(error)
  return new Fault(status, code, status === 500 ? message : `service ${key}: ${message}`, { cause, members })
}

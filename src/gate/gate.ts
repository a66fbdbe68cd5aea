import { type Grant, publicGrant, reachesDeployment, reachesEndpoint, reachesService } from '../catalog/grant.ts'
import type { KeyRing, KnownKey } from '../catalog/key-ring.ts'
import { cannotBeServed } from '../endpoints/broken.ts'
import type { Deployment, Endpoint, Service } from '../endpoints/endpoint.ts'
import type { PublishedModel, Registry } from '../endpoints/registry.ts'
import { badRequest, Fault, forbidden, notFound, unauthorized } from '../lib/fault.ts'
import { type LimitHeaders, Limits } from './limits.ts'
import { type LetIn, Meter } from './metering.ts'
import { presentedKey } from './present.ts'

/** A call that may go on. */
export interface Admission {
  grant: Grant
  service: Service
  endpoint: Endpoint
  /** to be sent with the answer */
  headers: LimitHeaders | undefined
}

/** Who may call what, and how often: the same at every door. */
export class Gate {
  readonly limits = new Limits()
  readonly meter: Meter
  #keys: KeyRing
  #registry: Registry

  constructor(keys: KeyRing, registry: Registry) {
    this.#keys = keys
    this.#registry = registry
    this.meter = new Meter(keys, registry)
  }

  /**
   * The Grant behind a presented key that works now.
   * @param address asked for only where it counts: finding it costs more than all other checks of a good key
   * @throws Fault 401 missing or unknown (429 after many from one address), 403 inactive or expired
   */
  grantOf(secret: string | undefined, address: () => string): Grant {
    if (secret === undefined) throw unauthorized('An API key is needed: send it as X-API-Key.', 'key_missing')
    const known = this.#keys.find(secret)
    if (!known) {
      this.limits.badSecret(address())
      throw unknownKey()
    }
    const now = Date.now()
    checkWorks(known, now)
    this.#keys.touch(known.grant.keyId!, now)
    return known.grant
  }

  /**
   * Admits a call to a service's endpoint. The checks come in the same order at every door: key, service, rate, endpoint,
   * reach, whether it can be served.
   * @throws Fault 401, 403, 404, 429; 503 the endpoint is broken
   */
  admit(headers: Headers, address: () => string, serviceKey: string, endpointId: string): Admission {
    const secret = presentedKey(headers)
    const service = this.#registry.get(serviceKey)
    if (secret === undefined && service?.isPublic)
      return this.#enter(publicGrant(service), service, endpointId, this.limits.ofPublic(address()))
    const grant = this.grantOf(secret, address)
    if (!service || !(service.isPublic || reachesService(grant, service)))
      throw notFound('No such service, or it is not published, or not one that this key reaches.', 'service_unknown')
    // beyond its own reach a key is as good as none, and counted as none
    const counts = service.isPublic && !reachesEndpoint(grant, service, endpointId)
    return this.#enter(grant, service, endpointId, counts ? this.limits.ofPublic(address()) : this.#limitOf(grant))
  }

  #limitOf({ keyId, rateLimit }: Grant): LimitHeaders | undefined {
    return rateLimit === null ? undefined : this.limits.ofKey(keyId!, rateLimit)
  }

  /**
   * Admits a call that presents a key, whatever it then asks for.
   * @throws Fault 401, 403, 429
   */
  admitKey(headers: Headers, address: () => string): { grant: Grant; headers: LimitHeaders | undefined } {
    const grant = this.grantOf(presentedKey(headers), address)
    return { grant, headers: this.#limitOf(grant) }
  }

  /**
   * Admits a call to `{m}` of the model doors: an endpoint's id, or `{service}.{id}`.
   * @throws Fault 401, 403 (also a known model out of reach), 404 unknown, 429, 400 ambiguous among what the caller reaches,
   * 503 it is broken
   */
  admitModel(headers: Headers, address: () => string, name: string): Admission {
    const candidates = this.#registry.models(name)
    const open = candidates.filter(c => c.service.isPublic)
    if (presentedKey(headers) === undefined && open.length > 0) {
      const limit = this.limits.ofPublic(address())
      const { service, endpoint } = counted(limit, () => unbroken(only(open)))
      return { grant: publicGrant(service), service, endpoint, headers: limit }
    }
    const { grant, headers: limit } = this.admitKey(headers, address)
    const { service, endpoint } = counted(limit, () => {
      if (candidates.length === 0) throw notFound('There is no such model.', 'model_unknown')
      const mine = candidates.filter(c => reachesModel(grant, c))
      if (mine.length === 0) throw forbidden('This key does not reach this model.', 'model_out_of_reach')
      return unbroken(only(mine))
    })
    if (reachesEndpoint(grant, service, endpoint.id)) return { grant, service, endpoint, headers: limit }
    return { grant: publicGrant(service), service, endpoint, headers: this.limits.ofPublic(address()) }
  }

  /** Every published model that a grant reaches, under the names that the model doors list: `{service}.{id}` where ids clash. */
  modelsOf(grant: Grant): { name: string; published: PublishedModel }[] {
    const reached: PublishedModel[] = []
    for (const service of this.#registry.all())
      for (const endpoint of service.endpoints.values())
        if (endpoint.kind === 'model' && reachesModel(grant, { service, endpoint })) reached.push({ service, endpoint })
    const times = new Map<string, number>()
    for (const { endpoint } of reached) times.set(endpoint.id, (times.get(endpoint.id) ?? 0) + 1)
    // one that is broken is not listed, and its name is no other's for that
    const served = reached.filter(({ endpoint }) => endpoint.model)
    return served.map(published => {
      const { service, endpoint } = published
      return { name: times.get(endpoint.id)! > 1 ? `${service.key}.${endpoint.id}` : endpoint.id, published }
    })
  }

  /**
   * Admits a call below `/v1/{project}/{deployment}/`. The key comes first, then the route.
   * @throws Fault 401, 403, 429; 404 with the code `not_routed`: the door answers it with an empty body
   */
  admitDeployment(
    headers: Headers,
    address: () => string,
    project: string,
    name: string,
  ): { grant: Grant; deployment: Deployment; headers: LimitHeaders | undefined } {
    const { grant, headers: limit } = this.admitKey(headers, address)
    return counted(limit, () => {
      const deployment = this.#registry.deployment(project, name)
      if (!deployment?.enabled) throw notFound('There is no such deployment.', 'not_routed')
      if (!reachesDeployment(grant, deployment.projectId, name))
        throw forbidden('This key does not reach this deployment.', 'deployment_out_of_reach')
      return { grant, deployment, headers: limit }
    })
  }

  /**
   * Asks again of a call that was let in, whose answer goes on for long: whether its key still works and reaches what was called,
   * and that is still published. Nothing is counted.
   * @throws Fault 401, 403, 404
   */
  checkAgain(headers: Headers, { grant, service, endpoint, deployment }: LetIn): void {
    const now = grant.keyId === null ? grant : this.#grantNow(headers)
    if (service && endpoint) {
      const published = this.#registry.get(service.key)
      if (published?.assetId !== service.assetId || !published.endpoints.has(endpoint.id))
        throw notFound('This is no longer published.', 'service_unknown')
      const reaches = grant.keyId !== null && reachesEndpoint(now, published, endpoint.id)
      if (!reaches && !published.isPublic)
        throw forbidden('This key no longer reaches this endpoint.', 'endpoint_out_of_reach')
    }
    if (deployment) {
      const { project, name, id } = deployment
      const declared = this.#registry.deployment(project, name)
      if (declared?.id !== id || !declared.enabled)
        throw notFound('There is no longer such a deployment.', 'not_routed')
      if (!reachesDeployment(now, declared.projectId, name))
        throw forbidden('This key no longer reaches this deployment.', 'deployment_out_of_reach')
    }
  }

  #grantNow(headers: Headers): Grant {
    const secret = presentedKey(headers)
    const known = secret === undefined ? undefined : this.#keys.find(secret)
    if (!known) throw unknownKey()
    checkWorks(known, Date.now())
    return known.grant
  }

  #enter(grant: Grant, service: Service, endpointId: string, headers: LimitHeaders | undefined): Admission {
    return counted(headers, () => {
      const endpoint = service.endpoints.get(endpointId)
      if (!endpoint) throw notFound('This service has no such endpoint.', 'endpoint_unknown')
      const own = reachesEndpoint(grant, service, endpointId)
      if (!own && !service.isPublic) throw forbidden('This key does not reach this endpoint.', 'endpoint_out_of_reach')
      return unbroken({ grant: own ? grant : publicGrant(service), service, endpoint, headers })
    })
  }
}

const unknownKey = () => unauthorized('This API key is not valid.', 'key_unknown')

/** @param now milliseconds since the epoch. @throws Fault 403 the key is revoked, or has expired */
export function checkWorks({ isActive, expiresAt }: KnownKey, now: number): void {
  if (!isActive) throw forbidden('This API key is revoked.', 'key_inactive')
  if (expiresAt <= now) throw forbidden('This API key has expired.', 'key_expired')
}

/** A refusal of a call that was counted tells what is left, as its answer would. */
function counted<T>(headers: LimitHeaders | undefined, admit: () => T): T {
  try {
    return admit()
  } catch (error) {
    if (headers && error instanceof Fault) Object.assign(error.headers, headers)
    throw error
  }
}

const reachesModel = (grant: Grant, { service, endpoint }: PublishedModel) =>
  service.isPublic || reachesEndpoint(grant, service, endpoint.id)

function unbroken<T extends { endpoint: Endpoint }>(called: T): T {
  if (called.endpoint.broken) throw cannotBeServed()
  return called
}

function only(models: PublishedModel[]): PublishedModel {
  if (models.length === 1) return models[0]!
  const names = models.map(m => `${m.service.key}.${m.endpoint.id}`).join(', ')
  throw badRequest(`Several services have a model of this name; say which: ${names}.`, 'model_ambiguous')
}

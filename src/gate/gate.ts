import { type Grant, publicGrant, reachesEndpoint, reachesService } from '../catalog/grant.ts'
import type { KeyRing } from '../catalog/keys.ts'
import type { Endpoint, Service } from '../endpoints/endpoint.ts'
import type { Registry } from '../endpoints/registry.ts'
import { forbidden, notFound, notServed, unauthorized } from '../lib/fault.ts'
import { wellFormed } from '../lib/secret.ts'
import { type LimitHeaders, Limits } from './limits.ts'
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
  #keys: KeyRing
  #registry: Registry

  constructor(keys: KeyRing, registry: Registry) {
    this.#keys = keys
    this.#registry = registry
  }

  /**
   * The Grant behind a presented key that works now.
   * @throws Fault 401 missing or unknown (429 after many from one address), 403 inactive or expired
   */
  grantOf(secret: string | undefined, address: string): Grant | Promise<never> {
    if (secret === undefined) throw unauthorized('An API key is needed: send it as X-API-Key.', 'key_missing')
    const known = wellFormed(secret, 'dk') ? this.#keys.find(secret) : undefined
    if (!known)
      return this.limits.badSecret(address).then(() => {
        throw unauthorized('This API key is not valid.', 'key_unknown')
      })
    if (!known.isActive) throw forbidden('This API key is revoked.', 'key_inactive')
    const now = Date.now()
    if (known.expiresAt <= now) throw forbidden('This API key has expired.', 'key_expired')
    this.#keys.touch(known.grant.keyId!, now)
    return known.grant
  }

  /**
   * Admits a call to a service's endpoint. The checks come in the order of ARCHITECTURE 9: key, service, rate, endpoint,
   * reach, kind. A promise only where a limit is counted or a key is bad.
   * @throws Fault 401, 403, 404, 429, 501
   */
  admit(headers: Headers, address: string, serviceKey: string, endpointId: string): Admission | Promise<Admission> {
    const secret = presentedKey(headers)
    const service = this.#registry.get(serviceKey)
    if (secret === undefined && service?.isPublic)
      return this.limits
        .ofPublic(address)
        .then(fields => this.#enter(publicGrant(service), service, endpointId, fields))
    const grant = this.grantOf(secret, address)
    if (grant instanceof Promise) return grant
    if (!service || !(service.isPublic || reachesService(grant, service)))
      throw notFound('No such service, or it is not published, or not one that this key reaches.', 'service_unknown')
    if (grant.rateLimit === null) return this.#enter(grant, service, endpointId, undefined)
    return this.limits
      .ofKey(grant.keyId!, grant.rateLimit)
      .then(fields => this.#enter(grant, service, endpointId, fields))
  }

  #enter(grant: Grant, service: Service, endpointId: string, headers: LimitHeaders | undefined): Admission {
    const endpoint = service.endpoints.get(endpointId)
    if (!endpoint) throw notFound('This service has no such endpoint.', 'endpoint_unknown')
    const own = reachesEndpoint(grant, service, endpointId)
    if (!own && !service.isPublic) throw forbidden('This key does not reach this endpoint.', 'endpoint_out_of_reach')
    if (endpoint.kind === 'function')
      throw notServed('Function endpoints are not served by this version of Callgate.')
    // beyond its own reach, a key is as good as none
    return { grant: own ? grant : publicGrant(service), service, endpoint, headers }
  }
}

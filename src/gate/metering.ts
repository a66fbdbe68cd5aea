/** Usage of the serving doors: each of them counts a call in one line, where its answer is there. */
import type { Grant } from '../catalog/grant.ts'
import type { KeyRing } from '../catalog/key-ring.ts'
import type { Deployment, Endpoint, Service } from '../endpoints/endpoint.ts'
import type { Registry } from '../endpoints/registry.ts'
import { Place, PUBLIC, UNKNOWN, UsageCounter } from '../telemetry/usage.ts'
import type { LimitHeaders } from './limits.ts'
import { presentedKey } from './present.ts'

/** What a call asks for, by the names that the caller gave; nothing: what is no endpoint's, such as a list. */
interface Asked {
  service?: string
  endpoint?: string
  model?: string
  project?: string
  deployment?: string
}

/** Who was let in, to what. */
export interface LetIn {
  grant: Grant
  service?: Service
  endpoint?: Endpoint
  deployment?: Deployment
  /** of its limit, to be sent with the answer */
  headers?: LimitHeaders
}

/** A call on its way through a door, which notes here what it learns of it. */
export class MeteredCall {
  readonly started = performance.now()
  /** undefined: it is no call (a page, a preflight), and is not counted */
  asked: Asked | undefined
  /** once the gate has let it in */
  admission: LetIn | undefined

  constructor(asked?: Asked) {
    this.asked = asked
  }
}

/**
 * Counts calls by what was called, whose key it was, and how they ended; names that callers make up make no counts of their
 * own. Nothing is written here (catalog/usage.ts does).
 */
export class Meter {
  readonly counter = new UsageCounter()
  readonly #keys: KeyRing
  readonly #registry: Registry
  /** by snapshot of an endpoint or deployment; a project's own, for what is neither, by its id */
  readonly #places = new WeakMap<Endpoint | Deployment | Service, Place>()
  readonly #ofProjects = new Map<number, Place>()

  constructor(keys: KeyRing, registry: Registry) {
    this.#keys = keys
    this.#registry = registry
  }

  /** Counts a call when its answer is there: a stream when it begins, a caller that went away as 499. @returns the answer */
  counted<Answer extends Response | Promise<Response>>(call: MeteredCall, request: Request, answer: Answer): Answer {
    if (!(answer instanceof Promise)) {
      this.#ended(call, request, answer.status)
      return answer
    }
    return answer.then(response => {
      this.#ended(call, request, response.status)
      return response
    }) as Answer
  }

  #ended({ asked, admission, started }: MeteredCall, request: Request, status: number): void {
    if (asked === undefined) return
    const ms = performance.now() - started
    const now = Date.now()
    if (!admission) {
      this.#refused(asked, request, status, ms, now)
      return
    }
    const { grant, service, endpoint, deployment } = admission
    const place = this.#placeOf(grant.projectId, service, endpoint, deployment)
    this.counter.count(place, grant.keyId ?? PUBLIC, status, ms, now)
  }

  /** One that was not let in: by whose key, and at what there is, if it is of the key's project. */
  #refused(asked: Asked, request: Request, status: number, ms: number, now: number): void {
    const secret = presentedKey(request.headers)
    const grant = secret === undefined ? undefined : this.#keys.find(secret)?.grant
    const { service, endpoint } = this.#published(asked)
    const deployment =
      asked.deployment === undefined ? undefined : this.#registry.deployment(asked.project ?? '', asked.deployment)
    const projectId = (service ?? deployment)?.projectId
    const mine = projectId !== undefined && (grant === undefined || grant.projectId === projectId)
    const place = mine
      ? this.#placeOf(projectId, service, endpoint, deployment)
      : this.#placeOf(grant?.projectId ?? 0, undefined, undefined, undefined)
    const open = secret === undefined && service?.isPublic
    this.counter.count(place, grant?.keyId ?? (open ? PUBLIC : UNKNOWN), status, ms, now)
  }

  #published({ service: key, endpoint, model }: Asked): { service?: Service; endpoint?: Endpoint } {
    if (key !== undefined) {
      const service = this.#registry.get(key)
      return { service, endpoint: service?.endpoints.get(endpoint ?? '') }
    }
    const named = model === undefined ? [] : this.#registry.models(model)
    return named.length === 1 ? named[0]! : {}
  }

  #placeOf(projectId: number, service?: Service, endpoint?: Endpoint, deployment?: Deployment): Place {
    const called = endpoint ?? deployment ?? service
    const known = called ? this.#places.get(called) : this.#ofProjects.get(projectId)
    if (known) return known
    const names = {
      projectId,
      service: service?.key ?? '',
      endpoint: endpoint?.id ?? '',
      deployment: deployment?.name ?? '',
    }
    const place = new Place(names)
    if (called) this.#places.set(called, place)
    else this.#ofProjects.set(projectId, place)
    return place
  }
}

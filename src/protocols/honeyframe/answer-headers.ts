import type { LimitHeaders } from '../../gate/limits.ts'
import type { Identity } from '../../telemetry/identity.ts'

/**
 * The headers of answers that are alike, made once: to copy them into an answer takes half as long as to name each of them
 * anew.
 */
export class AnswerHeaders {
  readonly #common: Record<string, string>
  /** by what else they have alike: the policy of a limit, and which of them there are */
  readonly #made = new Map<string, Headers>()
  readonly #madeTagged = new Map<string, Headers>()

  /** @param common names in small letters */
  constructor(common: Record<string, string>) {
    this.#common = common
  }

  /** Of one answer: to be copied into it at once, as the next answer's are written over them. */
  of({ requestId, traceId, headers }: Identity, limit: LimitHeaders | undefined, etag?: string): Headers {
    const policy = limit?.['ratelimit-policy'] ?? ''
    const kind = traceId === undefined ? policy : `traced ${policy}`
    const kinds = etag === undefined ? this.#made : this.#madeTagged
    let made = kinds.get(kind)
    if (!made) {
      made = new Headers({ ...this.#common, ...headers, ...limit })
      kinds.set(kind, made)
    }
    made.set('x-request-id', requestId)
    if (limit) made.set('ratelimit', limit.ratelimit)
    if (traceId !== undefined) made.set('traceparent', headers.traceparent!)
    if (etag !== undefined) made.set('etag', etag)
    return made
  }
}

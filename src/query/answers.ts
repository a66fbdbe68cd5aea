/** Answers as they are sent: rows in a format, kept where the definition says for how long. */
import type { Grant } from '../catalog/grant.ts'
import type { AnswerCache, Caller, WholeAnswer } from './cache.ts'
import { type Format, type Page, type Writer, writerOf } from './formats.ts'
import type { Asked, PreparedQuery, RowsReply } from './prepared.ts'
import { canonicalOf } from './request.ts'

/** An answer as it is sent. */
export interface Answer {
  body: string | Uint8Array
  /** a strong validator of the body, quoted */
  etag: string
  page: Page
  /** of a kept answer, the seconds since it was made */
  age?: number
}

/**
 * A strong validator (RFC 9110, 8.8.1) of a body: 64 bits of wyhash over its bytes, which takes a tenth of the time of a
 * cryptographic hash. Two bodies are alike in it by a chance of 2^-64, and it tells nothing that the body does not.
 */
export const etagOf = (body: string | Uint8Array): string => `"${Bun.hash.wyhash(body).toString(16)}"`

/** What a query answers to calls, through the cache. */
export class QueryAnswers {
  /** how long an answer may be kept; 0: not at all */
  readonly ttlSeconds: number
  #prepared: PreparedQuery
  #cache: AnswerCache

  constructor(prepared: PreparedQuery, cache: AnswerCache, ttlSeconds: number) {
    this.#prepared = prepared
    this.#cache = cache
    this.ttlSeconds = ttlSeconds
  }

  /**
   * @param deadline milliseconds since the epoch
   * @throws Fault 400, 403, 422 the request; 499, 503, 504 as `PreparedQuery.rows`
   */
  answer(
    grant: Grant,
    params: URLSearchParams,
    format: Format,
    deadline: number,
    caller?: Caller,
  ): Answer | Promise<Answer> {
    const asked = this.#prepared.ask(grant, params)
    if (this.ttlSeconds === 0) return this.#made(asked, format, deadline, caller)
    // the view is this compiled query's and one policy's: publishing, a changed policy and an import compile another
    const key = `${asked.granted.id} ${format} ${canonicalOf(this.#prepared.query, asked.bound)}`
    const kept = this.#cache.get(key)
    if (kept) return { ...kept.answer, age: Math.floor(kept.age / 1000) }
    const ttl = this.ttlSeconds * 1000
    const made = this.#cache.share(key, ttl, deadline, caller, async signal => {
      return whole(await this.#made(asked, format, deadline, { signal }))
    })
    return made as Promise<WholeAnswer>
  }

  #made(asked: Asked, format: Format, deadline: number, caller: Caller | undefined): Answer | Promise<Answer> {
    const reply = this.#prepared.rows(asked, deadline, caller)
    const render = (rows: RowsReply) => rendered(writerOf(format, rows.columns), rows)
    return reply instanceof Promise ? reply.then(render) : render(reply)
  }
}

function rendered(writer: Writer, reply: RowsReply): Answer {
  const body = writer.head + writer.rows(reply.rows, true) + writer.tail(reply.count, reply)
  return { body, etag: etagOf(body), page: reply }
}

const whole = ({ body, etag, page }: Answer): WholeAnswer => {
  const { limit, offset, has_more, total, next } = page
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { body: bytes, etag, page: { limit, offset, has_more, total, next } }
}

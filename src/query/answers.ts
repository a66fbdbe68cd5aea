/** Answers as they are sent: rows in a format, kept where the definition says for how long. */
import type { Grant } from '../catalog/grant.ts'
import { inTime, steadyOf } from '../lib/deadline.ts'
import type { Params } from '../lib/params.ts'
import type { AnswerCache, Caller, KeptAnswer } from './cache.ts'
import type { AnswerWriter, Format, Page } from './formats.ts'
import type { GrantedRequest, PreparedQuery } from './prepared.ts'
import type { Piece } from './rendering.ts'
import { canonicalOf } from './request.ts'

/** An answer whose bytes are all there. */
interface WholeAnswer {
  body: string | Uint8Array
  /** a strong validator of the body, quoted */
  etag: string
  page: Page
  /** of a kept answer, the seconds since it was made */
  age?: number
}

/** One that is too large for that: it comes as it is made. */
export interface StreamedAnswer {
  /** @throws Fault what went wrong after the beginning was given away */
  body: AsyncGenerator<Uint8Array, void, undefined>
  /** to be called by whoever does not take all of it, or not take it at all */
  end(): void
  etag?: undefined
  /** of formats that do not say it themselves */
  page?: Page
  age?: undefined
}

export type Answer = WholeAnswer | StreamedAnswer

/** An answer of more bytes is streamed, unless the cache would keep it. */
const WHOLE = 1 << 20

/**
 * A strong validator (RFC 9110, 8.8.1) of a body: 64 bits of wyhash over its bytes, which takes a tenth of the time of a
 * cryptographic hash. Two bodies are alike in it by a chance of 2^-64, and it tells nothing that the body does not.
 * @param told what headers say besides it
 */
function etagOf(body: string | Uint8Array, told?: string): string {
  const hash = Bun.hash.wyhash(body)
  return `"${(told === undefined ? hash : Bun.hash.wyhash(told, hash)).toString(16)}"`
}

/** What a query answers to calls, through the cache. */
export class QueryAnswers {
  /** how long an answer may be kept; 0: not at all */
  readonly ttlSeconds: number
  #prepared: PreparedQuery
  #cache: AnswerCache
  #whole: number

  constructor(prepared: PreparedQuery, cache: AnswerCache, ttlSeconds: number) {
    this.#prepared = prepared
    this.#cache = cache
    this.ttlSeconds = ttlSeconds
    this.#whole = ttlSeconds > 0 ? Math.max(WHOLE, cache.maxBody) : WHOLE
  }

  /** The statement that such a request is run as, for the query's author. @throws Fault 400, 403, 422 the request */
  sql(grant: Grant, params: Params): string {
    return this.#prepared.sql(this.#prepared.ask(grant, params))
  }

  /**
   * @param deadline milliseconds since the epoch; of an answer that is streamed, its beginning has to be there by then, and
   * each piece may take as long as there is until then
   * @throws Fault 400, 403, 422 the request; 499, 503, 504 as `PreparedQuery.rows`
   */
  answer(grant: Grant, params: Params, format: Format, deadline: number, caller?: Caller): Answer | Promise<Answer> {
    const asked = this.#prepared.ask(grant, params)
    const until = steadyOf(deadline)
    if (this.ttlSeconds === 0) return this.#made(asked, format, until, caller)
    // the view is this compiled query's and one policy's: publishing, a changed policy and an import compile another; the
    // generation tells of rows that are written without that
    const generation = this.#prepared.generation()
    return typeof generation === 'string'
      ? this.#cached(generation, asked, format, until, caller)
      : inTime(generation, until, caller?.signal).then(known => this.#cached(known, asked, format, until, caller))
  }

  #cached(
    generation: string,
    asked: GrantedRequest,
    format: Format,
    deadline: number,
    caller: Caller | undefined,
  ): Answer | Promise<Answer> {
    const { query } = this.#prepared
    const key = `${asked.granted.id} ${generation} ${format} ${canonicalOf(query, asked.bound)}`
    const kept = this.#cache.get(key)
    return kept
      ? { ...kept.answer, age: Math.floor(kept.age / 1000) }
      : this.#shared(key, asked, format, deadline, caller)
  }

  /** Made once for all who ask for it now, and kept, by a deadline as performance.now(). One that is streamed goes to the caller that began it; others begin their own. */
  async #shared(
    key: string,
    asked: GrantedRequest,
    format: Format,
    deadline: number,
    caller: Caller | undefined,
  ): Promise<Answer> {
    let streamed: StreamedAnswer | undefined
    let gone = false
    const release = this.#prepared.hold(asked)
    const ending = new AbortController()
    const end = () => {
      ending.abort()
      streamed?.end()
    }
    const make = async (signal: AbortSignal): Promise<KeptAnswer | undefined> => {
      signal.addEventListener('abort', () => ending.abort())
      const made = await this.#made(asked, format, deadline, { signal: ending.signal })
      if (made.etag !== undefined) return kept(made)
      streamed = made
      if (gone) end()
      return undefined
    }
    try {
      const shared = await this.#cache.share(key, this.ttlSeconds * 1000, deadline, caller, make)
      if (shared) return shared
      if (!streamed) return await this.#made(asked, format, deadline, caller)
      caller?.signal?.addEventListener('abort', end)
      if (caller?.signal?.aborted) end()
      return streamed
    } catch (error) {
      gone = true
      streamed?.end()
      throw error
    } finally {
      release()
    }
  }

  #made(asked: GrantedRequest, format: Format, deadline: number, caller: Caller | undefined): Promise<Answer> {
    const writer = this.#prepared.writer(asked, format)
    const here = this.#prepared.here(asked, reply =>
      whole(writer.head + writer.rows(reply.rows, true) + writer.tail(reply.count, reply), reply, format),
    )
    return here ?? this.#elsewhere(asked, format, deadline, caller)
  }

  async #elsewhere(
    asked: GrantedRequest,
    format: Format,
    deadline: number,
    caller: Caller | undefined,
  ): Promise<Answer> {
    const release = this.#prepared.hold(asked)
    try {
      const limits = { deadline, signal: caller?.signal }
      if (!this.#prepared.isSmall(asked)) {
        const total = await this.#prepared.total(asked, limits)
        return await this.#begun(asked, format, deadline, caller, total)
      }
      const piece = await this.#prepared.text(asked, format, limits)
      const page = this.#prepared.pageOf(asked, piece, await this.#prepared.total(asked, limits))
      const tail = this.#prepared.writer(asked, format).tail(piece.count, page)
      return whole(Buffer.concat([piece.bytes, Buffer.from(tail)]), page, format)
    } finally {
      release()
    }
  }

  /** One that may be large: all of it, or its beginning and the rest as it is made. */
  async #begun(
    asked: GrantedRequest,
    format: Format,
    deadline: number,
    caller: Caller | undefined,
    total: number | undefined,
  ): Promise<Answer> {
    const writer = this.#prepared.writer(asked, format)
    const limits = { patienceMs: Math.max(1, deadline - performance.now()), signal: caller?.signal }
    // what is said in headers has to be known before the rows, and of them: of the state of the tables that they are read from
    const inHeaders = format !== 'json'
    const pieces = this.#prepared.pieces(asked, format, limits, inHeaders)
    try {
      const ending = inHeaders ? (await pieces.next()).value || undefined : undefined
      const begun = await beginning(pieces, this.#whole)
      if (begun.ended) {
        const page = this.#prepared.pageOf(asked, begun.pieces.at(-1)!, total)
        const end = writer.tail(count(begun.pieces), page)
        return whole(Buffer.concat([...begun.pieces.map(piece => piece.bytes), Buffer.from(end)]), page, format)
      }
      const page = ending && this.#prepared.pageOf(asked, ending, total)
      const end = () => void pieces.return()
      return { body: this.#streamed(asked, begun.pieces, pieces, writer, total), end, page }
    } catch (error) {
      await pieces.return()
      throw error
    }
  }

  async *#streamed(
    asked: GrantedRequest,
    begun: Piece[],
    pieces: AsyncGenerator<Piece, void, undefined>,
    writer: AnswerWriter,
    total: number | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      let rows = 0
      let last = begun[0]!
      for (let piece = begun.shift(); piece; piece = begun.shift() ?? ((await pieces.next()).value || undefined)) {
        rows += piece.count
        last = piece
        if (piece.bytes.length > 0) yield piece.bytes
      }
      const end = writer.tail(rows, this.#prepared.pageOf(asked, last, total))
      if (end !== '') yield Buffer.from(end)
    } finally {
      await pieces.return()
    }
  }
}

/** An answer's first pieces: all of them, or as many as are more than `bytes`. */
async function beginning(
  pieces: AsyncGenerator<Piece, void, undefined>,
  bytes: number,
): Promise<{ pieces: Piece[]; ended: boolean }> {
  const begun: Piece[] = []
  for (let size = 0; size <= bytes; ) {
    const { value } = await pieces.next()
    if (!value) return { pieces: begun, ended: true }
    begun.push(value)
    size += value.bytes.length
  }
  return { pieces: begun, ended: false }
}

const count = (pieces: Piece[]) => pieces.reduce((sum, piece) => sum + piece.count, 0)

/** A page that is told of in headers, as formats do that are rows and nothing else, is another one when that is. */
function whole(body: string | Uint8Array, page: Page, format: Format): WholeAnswer {
  const told = format === 'json' ? undefined : JSON.stringify([page.has_more, page.next, page.total])
  return { body, etag: etagOf(body, told), page }
}

function kept({ body, etag, page }: WholeAnswer): KeptAnswer {
  const { limit, offset, has_more, total, next } = page
  return {
    body: typeof body === 'string' ? Buffer.from(body) : body,
    etag,
    page: { limit, offset, has_more, total, next },
  }
}

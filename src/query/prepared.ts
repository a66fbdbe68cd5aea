import type { Grant } from '../catalog/grant.ts'
import { steadyOf } from '../lib/deadline.ts'
import { unprocessable } from '../lib/fault.ts'
import type { Params } from '../lib/params.ts'
import { together } from '../lib/together.ts'
import type { Caller } from './cache.ts'
import type { Before, Engine, Limits, Row, StreamLimits } from './engine.ts'
import { type AnswerColumn, type AnswerRow, type AnswerWriter, type Format, type Page, writerOf } from './formats.ts'
import { orderTerms } from './order.ts'
import type { Query } from './query.ts'
import { keysOf, type Piece, pieceMaker, type Rendering } from './rendering.ts'
import { type BoundRequest, bindRequest } from './request.ts'
import type { QueryRunner } from './runner.ts'
import type { Statement } from './sql.ts'
import type { StoredValue } from './values.ts'
import { type GrantedView, type Variant, Variants } from './variants.ts'

/** The answer of a sql or lookup endpoint. */
export interface RowsReply extends Page {
  columns: AnswerColumn[]
  rows: AnswerRow[]
  count: number
}

/** A request that this query takes from its caller. */
export interface GrantedRequest {
  granted: GrantedView
  bound: BoundRequest
}

/** The most rows of an answer that is made in memory. */
const MAX_ROWS = 100_000
const SMALL_ROWS = 1000
const SMALL_BYTES = 1 << 20

/** A compiled query that runs. */
export class PreparedQuery {
  readonly query: Query
  #engine: Engine
  #variants: Variants
  /** what a row takes in an answer, in bytes, of an engine that cannot tell: learnt from the answers so far */
  #seenRowBytes: number | undefined

  /** @param identity of the endpoint, definition included: its cursors are nobody else's */
  constructor(query: Query, runner: QueryRunner, secret: Uint8Array, identity: string) {
    this.query = query
    this.#engine = runner.engineOf(query)
    this.#variants = new Variants(query, this.#engine, secret, identity)
  }

  /** @throws Fault 400, 403, 422 what is wrong with the request, or what this caller may not ask */
  ask(grant: Grant, params: Params): GrantedRequest {
    const granted = this.#variants.viewFor(grant)
    return { granted, bound: bindRequest(granted.view, params, granted.cursors) }
  }

  /** The text of the statement that answers a request. */
  sql({ granted, bound }: GrantedRequest): string {
    return this.#variants.of(granted, bound).statement.sql
  }

  /**
   * Runs a request, its rows in memory: at most 100,000 of them.
   * @param deadline milliseconds since the epoch
   * @throws Fault 400, 403, 422 the request; what `rows` throws
   */
  run(grant: Grant, params: Params, deadline: number, caller?: Caller): Promise<RowsReply> {
    if ((params.get('format') ?? ['json']).some(format => format !== 'json'))
      throw unprocessable('format: only json is answered here.')
    const { granted, bound } = this.ask(grant, params)
    const limits = { deadline: steadyOf(deadline), signal: caller?.signal }
    return this.rows({ granted, bound: { ...bound, limit: Math.min(bound.limit, MAX_ROWS) } }, limits)
  }

  /**
   * The rows of a request. In this process where the plan is indexed and bounded and the answer small, else in a query worker.
   * @param limits their `signal` says that the caller has gone: a worker that is busy with the request for long yet is ended
   * @throws Fault 503 no worker is free in time; 504 the deadline passed
   */
  rows(asked: GrantedRequest, limits: Limits): Promise<RowsReply> {
    return this.here(asked, reply => reply) ?? this.#elsewhere(asked, limits)
  }

  /** What is made of the rows of a request that this process may answer; undefined: it may not. */
  here<T>({ granted, bound }: GrantedRequest, make: (reply: RowsReply) => T): Promise<T> | undefined {
    const variant = this.#variants.of(granted, bound)
    if (bound.limit + bound.offset > variant.cheap) return undefined
    const { statement, count } = variant
    const { all } = this.#engine.local!
    return together(() => {
      const found = all(statement, statement.bind(bound))
      return make(reply(granted, variant, bound, found, count && all(count, count.bind(bound))))
    })
  }

  async #elsewhere(asked: GrantedRequest, limits: Limits): Promise<RowsReply> {
    const { granted, bound } = asked
    const variant = this.#variants.of(granted, bound)
    const { statement, count } = variant
    const release = this.hold(asked)
    try {
      const found = await this.#engine.all(statement, statement.bind(bound), limits)
      const counted = count && (await this.#engine.all(count, count.bind(bound), limits))
      return reply(granted, variant, bound, found, counted)
    } finally {
      release()
    }
  }

  /** Keeps the data from being taken away between the statements of a request. @returns what ends that */
  hold({ granted, bound }: GrantedRequest): () => void {
    return this.#engine.hold?.(this.#variants.of(granted, bound).statement.sources) ?? (() => {})
  }

  /** What is another when the rows may be others, though this query is still the same. */
  generation(): string | Promise<string> {
    return this.#engine.generation?.(this.query) ?? ''
  }

  /** Writes the answers of such requests. */
  writer({ granted }: GrantedRequest, format: Format): AnswerWriter {
    granted.writers[format] ??= writerOf(format, granted.columns)
    return granted.writers[format]
  }

  /** Whether the request's rows are few and narrow enough to be had at once as a whole. */
  isSmall({ bound }: GrantedRequest): boolean {
    const rowBytes = this.#engine.rowBytes?.(this.query) ?? this.#seenRowBytes
    return rowBytes !== undefined && bound.limit <= SMALL_ROWS && bound.limit * rowBytes <= SMALL_BYTES
  }

  /** Wider rows are believed at once, narrower ones by and by. */
  #saw({ bytes, count }: Piece, head: string): void {
    if (count === 0 || this.#engine.rowBytes) return
    const now = Math.max(0, bytes.length - head.length) / count
    this.#seenRowBytes = Math.max(now, (now + (this.#seenRowBytes ?? now)) / 2)
  }

  /** The rows of a small request, as text but for its end. @throws Fault as `rows` */
  async text(asked: GrantedRequest, format: Format, limits: Limits): Promise<Piece> {
    const [statement, values, rendering] = this.#rendered(asked, format)
    const { text } = this.#engine
    const piece = text
      ? await text.all(statement, values, limits, rendering)
      : pieceMaker(rendering)(await this.#engine.all(statement, values, limits))
    this.#saw(piece, this.writer(asked, format).head)
    return piece
  }

  /**
   * The rows of any request, as pieces of text, in constant memory.
   * @param withEnding the first piece has no rows, and says where the page ends
   * @throws Fault as `Engine.stream`
   */
  async *pieces(
    asked: GrantedRequest,
    format: Format,
    limits: StreamLimits,
    withEnding: boolean,
  ): AsyncGenerator<Piece, void, undefined> {
    const { head } = this.writer(asked, format)
    for await (const piece of this.#pieces(asked, format, limits, withEnding)) {
      this.#saw(piece, head)
      yield piece
    }
  }

  async *#pieces(
    asked: GrantedRequest,
    format: Format,
    limits: StreamLimits,
    withEnding: boolean,
  ): AsyncGenerator<Piece, void, undefined> {
    const [statement, values, rendering] = this.#rendered(asked, format)
    const before = withEnding ? this.#lastOf(asked) : undefined
    const { text } = this.#engine
    if (text) return yield* text.stream(statement, values, limits, rendering, before)
    const make = pieceMaker(rendering, withEnding)
    let batches = withEnding ? -1 : 0
    for await (const rows of this.#engine.stream(statement, values, limits, before)) {
      yield make(rows)
      batches++
    }
    if (batches === 0) yield make([])
  }

  /** Of a request's page, the last row and one after it. */
  #lastOf({ granted, bound }: GrantedRequest): Before {
    const asked = { ...bound, limit: 1, offset: bound.offset + bound.limit - 1 }
    const { statement } = this.#variants.of(granted, asked)
    return { statement, values: statement.bind(asked) }
  }

  #rendered({ granted, bound }: GrantedRequest, format: Format): [Statement, StoredValue[], Rendering] {
    const { statement, shape } = this.#variants.of(granted, bound)
    return [statement, statement.bind(bound), { shape, columns: granted.columns, format, limit: bound.limit }]
  }

  /** How many rows there are on all pages; undefined: the definition does not ask for it. @throws Fault as `rows` */
  async total({ granted, bound }: GrantedRequest, limits: Limits): Promise<number | undefined> {
    const { count } = this.#variants.of(granted, bound)
    return count && totalOf(await this.#engine.all(count, count.bind(bound), limits))
  }

  /** What is said of a request's page. */
  pageOf(
    { granted, bound }: GrantedRequest,
    { more, last }: Pick<Piece, 'more' | 'last'>,
    total: number | undefined,
  ): Page {
    const next = last && nextOf(granted, bound, last)
    return { limit: bound.limit, offset: bound.offset, has_more: more, total, next }
  }

  /** Makes the statement with every filter present, so that what the engine refuses is known at publish. */
  check(grant: Grant): void {
    const filters = this.query.filters.map(f =>
      f.op === 'is_null' ? (f.wanted ?? true) : (f.values ?? f.params!.map(() => null)),
    )
    this.#variants.of(this.#variants.viewFor(grant), this.#plain(filters))
  }

  /** What every call costs for want of an index, or because no filter narrows it: one for each large table that is read whole. */
  advice(grant: Grant): string[] {
    const filters = this.query.filters.map(f => {
      if (f.op === 'is_null') return f.params && !f.required && !f.defaults ? undefined : (f.wanted ?? true)
      if (f.values) return f.values
      return f.required || f.defaults ? f.params!.map(() => null) : undefined
    })
    const bound = this.#plain(filters)
    const { statement, count } = this.#variants.of(this.#variants.viewFor(grant), bound)
    return this.#engine.advice(this.query, bound, [statement, ...(count ? [count] : [])])
  }

  #plain(filters: BoundRequest['filters']): BoundRequest {
    return { filters, order: orderTerms(this.query), chosen: '', limit: 1, offset: 0 }
  }
}

const nextOf = ({ cursors }: GrantedView, { chosen, after, offset, limit }: BoundRequest, last: StoredValue[]) =>
  cursors.next(last, chosen, { after, skip: offset }, limit)

const totalOf = (counted: Row[]) => Number(counted[0]!.n)

function reply(
  granted: GrantedView,
  { statement, render }: Variant,
  bound: BoundRequest,
  found: Record<string, unknown>[],
  counted: Record<string, unknown>[] | undefined,
): RowsReply {
  const { limit, offset } = bound
  const hasMore = found.length > limit
  let rows = hasMore ? found.slice(0, limit) : found
  // before the rows are rendered in place
  const last = hasMore && statement.keys.length > 0 ? rows.at(-1)! : undefined
  const next = last && nextOf(granted, bound, keysOf(last, statement.keys))
  if (granted.columns.length === 0) rows = rows.map(() => ({}))
  else if (render) for (const row of rows) render(row)
  return {
    columns: granted.columns,
    rows,
    count: rows.length,
    limit,
    offset,
    has_more: hasMore,
    total: counted && totalOf(counted),
    next,
  }
}

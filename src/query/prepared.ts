import type { ColumnType } from '../catalog/column.ts'
import type { Grant } from '../catalog/grant.ts'
import type { Advice } from './advice.ts'
import { Cursors } from './cursor.ts'
import { dialectOf } from './dialects.ts'
import type { Engine, Limits } from './engine.ts'
import { isLive } from './live-file.ts'
import { maskOf } from './masks.ts'
import { orderTerms } from './order.ts'
import { policyKey, type View, viewOf } from './policy.ts'
import type { Query, Table } from './query.ts'
import { type BoundRequest, bindRequest, variantOf } from './request.ts'
import type { QueryRunner } from './runner.ts'
import { buildCount, buildStatement, type Statement } from './sql.ts'
import type { StoredValue } from './values.ts'

/** The answer of a sql or lookup endpoint, as it is sent. */
export interface RowsReply {
  columns: { name: string; type: ColumnType }[]
  rows: Record<string, unknown>[]
  count: number
  limit: number
  offset: number
  has_more: boolean
  /** how many rows there are on all pages, where the definition asks for it */
  total?: number
  /** the `cursor` of the next page; absent on the last, and where the order does not end in a unique key */
  next?: string
}

interface Variant {
  statement: Statement
  /** how many rows, the skipped ones among them, this process may find for it; 0 where it is not indexed and bounded */
  cheap: number
  render: ((row: Record<string, unknown>) => void) | null
  /** how many rows there are in all, where that is asked for */
  count?: Statement
}

interface GrantedView {
  view: View
  columns: RowsReply['columns']
  variants: Map<string, Variant>
  cursors: Cursors
}

const MAX_VIEWS = 1000
const MAX_VARIANTS = 64

/** A compiled query that runs: per policy a view, per set of present filters a statement, both made once. */
export class PreparedQuery {
  readonly query: Query
  #live: Table[]
  #engine: Engine
  #secret: Uint8Array
  #identity: string
  #byGrant = new WeakMap<Grant, GrantedView>()
  #byPolicy = new Map<string, GrantedView>()

  /** @param identity of the endpoint, definition included: its cursors are nobody else's */
  constructor(query: Query, runner: QueryRunner, secret: Uint8Array, identity: string) {
    this.query = query
    this.#live = query.tables.filter(t => isLive(t.dataset.file))
    this.#engine = runner.engineOf(query)
    this.#secret = secret
    this.#identity = identity
  }

  /**
   * Runs a request. In this process at once where the plan is indexed and bounded and the answer small, else in a query
   * worker.
   * @param deadline milliseconds since the epoch
   * @param caller its `signal` says that the caller has gone: a worker that is busy with the request for long yet is ended
   * @throws Fault 400, 403, 422 the request; 503 no worker is free in time; 504 the deadline passed
   */
  run(
    grant: Grant,
    params: URLSearchParams,
    deadline: number,
    caller?: { readonly signal?: AbortSignal },
  ): RowsReply | Promise<RowsReply> {
    const granted = this.#granted(grant)
    const bound = bindRequest(granted.view, params, granted.cursors)
    const variant = this.#variant(granted, bound)
    const { statement, count } = variant
    const values = statement.bind(bound)
    if (bound.limit + bound.offset <= variant.cheap) {
      const { all } = this.#engine.local!
      return reply(granted, variant, bound, all(statement, values), count && all(count, count.bind(bound)))
    }
    return this.#elsewhere(granted, variant, bound, values, { deadline, signal: caller?.signal })
  }

  async #elsewhere(
    granted: GrantedView,
    variant: Variant,
    bound: BoundRequest,
    values: StoredValue[],
    limits: Limits,
  ): Promise<RowsReply> {
    const { statement, count } = variant
    const found = await this.#engine.all(statement, values, limits)
    const counted = count && (await this.#engine.all(count, count.bind(bound), limits))
    return reply(granted, variant, bound, found, counted)
  }

  /** Makes the statement with every filter present, so that what the engine refuses is known at publish. */
  check(grant: Grant): void {
    const filters = this.query.filters.map(f =>
      f.op === 'is_null' ? (f.wanted ?? true) : (f.values ?? f.params!.map(() => null)),
    )
    this.#variant(this.#granted(grant), this.#plain(filters))
  }

  /** What every call costs for want of an index, or because no filter narrows it: a text for each large table that is read whole. */
  advice(grant: Grant): Advice[] {
    const filters = this.query.filters.map(f => {
      if (f.op === 'is_null') return f.params && !f.required && !f.defaults ? undefined : (f.wanted ?? true)
      if (f.values) return f.values
      return f.required || f.defaults ? f.params!.map(() => null) : undefined
    })
    const bound = this.#plain(filters)
    const { statement, count } = this.#variant(this.#granted(grant), bound)
    return this.#engine.advice(this.query, bound, [statement, ...(count ? [count] : [])])
  }

  #plain(filters: BoundRequest['filters']): BoundRequest {
    return { filters, order: orderTerms(this.query), chosen: '', limit: 1, offset: 0 }
  }

  #granted(grant: Grant): GrantedView {
    const known = this.#byGrant.get(grant)
    if (known) return known
    const policy = policyKey(grant)
    let granted = this.#byPolicy.get(policy)
    if (!granted) {
      const view = viewOf(this.query, grant)
      const columns = view.outputs.map(o => ({ name: o.name, type: o.treatment === 'raw' ? o.column.type : 'text' }))
      granted = {
        view,
        columns: columns as RowsReply['columns'],
        variants: new Map(),
        cursors: new Cursors(this.#secret, JSON.stringify([this.#identity, policy]), this.query.ties.unique),
      }
      if (this.#byPolicy.size >= MAX_VIEWS) this.#byPolicy.clear()
      this.#byPolicy.set(policy, granted)
    }
    this.#byGrant.set(grant, granted)
    return granted
  }

  /** How large the tables are that are written to, roughly: where a statement runs depends on it. */
  #sizes(): string {
    return this.#live.map(({ dataset }) => Math.ceil(Math.log2(dataset.rowCount + 1))).join()
  }

  #variant(granted: GrantedView, bound: BoundRequest): Variant {
    const key = this.#live.length === 0 ? variantOf(bound) : `${this.#sizes()} ${variantOf(bound)}`
    const known = granted.variants.get(key)
    if (known) return known
    const statement = buildStatement(granted.view, bound)
    const count = this.query.total ? buildCount(granted.view, bound) : undefined
    const { local } = this.#engine
    const here = local && !matchesPattern(this.query, bound) && (!count || local.cheapRows(count, this.query) > 0)
    const variant = {
      statement,
      cheap: here ? local.cheapRows(statement, this.query) : 0,
      render: rendererOf(granted.view, statement, this.#secret),
      ...(count ? { count } : {}),
    }
    if (granted.variants.size >= MAX_VARIANTS) granted.variants.clear()
    granted.variants.set(key, variant)
    return variant
  }
}

/** Whether the caller gives a LIKE pattern: on text that repeats itself one row takes as long as text times pattern. */
const matchesPattern = (query: Query, bound: BoundRequest) =>
  query.filters.some((f, i) => f.params && (f.op === 'like' || f.op === 'ilike') && bound.filters[i] !== undefined)

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
  const next =
    last &&
    granted.cursors.seal(
      statement.keys.map(key => last[key] as StoredValue),
      bound.chosen,
    )
  if (granted.columns.length === 0) rows = rows.map(() => ({}))
  else if (render) for (const row of rows) render(row)
  return {
    columns: granted.columns,
    rows,
    count: rows.length,
    limit,
    offset,
    has_more: hasMore,
    ...(counted ? { total: Number(counted[0]!.n) } : {}),
    ...(next === undefined ? {} : { next }),
  }
}

/** Turns stored values into answered ones, in place; null where every column is answered as it is stored. */
function rendererOf(view: View, { bigints, hidden }: Statement, secret: Uint8Array): Variant['render'] {
  const steps: ((row: Record<string, unknown>) => void)[] = hidden.map(name => row => {
    delete row[name]
  })
  const { decoder } = dialectOf(view.query)
  for (const output of view.outputs) {
    const { name, column, treatment } = output
    if (treatment === 'blocked') continue
    if (treatment === 'masked' && (column.mask ?? 'redact') === 'redact') continue // the engine did it
    const decode = decoder(output, bigints)
    if (decode)
      steps.push(row => {
        row[name] = decode(row[name] as never)
      })
    if (treatment === 'masked') {
      const mask = maskOf(column, secret)
      steps.push(row => {
        row[name] = row[name] === null ? null : mask(row[name])
      })
    }
  }
  if (steps.length === 0) return null
  return row => {
    for (const step of steps) step(row)
  }
}

import type { ColumnType } from '../catalog/column.ts'
import type { Grant } from '../catalog/grant.ts'
import type { Query } from './compile.ts'
import { maskOf } from './masks.ts'
import { type View, viewOf } from './policy.ts'
import { type BoundRequest, bindRequest, variantOf } from './request.ts'
import type { QueryRunner } from './runner.ts'
import { buildStatement, type Statement } from './sql.ts'
import { decoderOf } from './values.ts'

/** The answer of a sql or lookup endpoint, as it is sent. */
export interface RowsReply {
  columns: { name: string; type: ColumnType }[]
  rows: Record<string, unknown>[]
  count: number
  limit: number
  offset: number
  has_more: boolean
}

interface Variant {
  statement: Statement
  /** how many rows, the skipped ones among them, this process may find for it; 0 where it is not indexed and bounded */
  cheap: number
  render: ((row: Record<string, unknown>) => void) | null
}

interface GrantedView {
  view: View
  columns: RowsReply['columns']
  variants: Map<string, Variant>
}

const MAX_VIEWS = 1000
const MAX_VARIANTS = 64

/** A compiled query that runs: per policy a view, per set of present filters a statement, both made once. */
export class PreparedQuery {
  readonly query: Query
  #runner: QueryRunner
  #secret: Uint8Array
  #byGrant = new WeakMap<Grant, GrantedView>()
  #byPolicy = new Map<string, GrantedView>()

  constructor(query: Query, runner: QueryRunner, secret: Uint8Array) {
    this.query = query
    this.#runner = runner
    this.#secret = secret
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
    const bound = bindRequest(granted.view, params)
    const variant = this.#variant(granted, bound)
    const values = variant.statement.bind(bound)
    if (bound.limit + bound.offset <= variant.cheap)
      return reply(granted, variant, bound, this.#runner.here(variant.statement, values))
    return this.#runner
      .inWorker(variant.statement, values, deadline, caller?.signal)
      .then(rows => reply(granted, variant, bound, rows))
  }

  /** Makes the statement with every filter present, so that what the engine refuses is known at publish. */
  check(grant: Grant): void {
    const filters = this.query.filters.map(f =>
      f.op === 'is_null' ? (f.wanted ?? true) : (f.values ?? f.params!.map(() => null)),
    )
    this.#variant(this.#granted(grant), { filters, limit: 1, offset: 0 })
  }

  #granted(grant: Grant): GrantedView {
    const known = this.#byGrant.get(grant)
    if (known) return known
    const policy = JSON.stringify([
      grant.masked,
      grant.sensitivityMax,
      grant.allowedColumns && [...grant.allowedColumns],
      grant.rowScope,
    ])
    let granted = this.#byPolicy.get(policy)
    if (!granted) {
      const view = viewOf(this.query, grant)
      const columns = view.outputs.map(o => ({ name: o.name, type: o.treatment === 'raw' ? o.column.type : 'text' }))
      granted = { view, columns: columns as RowsReply['columns'], variants: new Map() }
      if (this.#byPolicy.size >= MAX_VIEWS) this.#byPolicy.clear()
      this.#byPolicy.set(policy, granted)
    }
    this.#byGrant.set(grant, granted)
    return granted
  }

  #variant(granted: GrantedView, bound: BoundRequest): Variant {
    const key = variantOf(bound)
    const known = granted.variants.get(key)
    if (known) return known
    const statement = buildStatement(granted.view, bound)
    const rows = this.#runner.cheapRows(statement, this.query)
    const variant = {
      statement,
      cheap: matchesPattern(this.query, bound) ? 0 : rows,
      render: rendererOf(granted.view, statement.bigints, this.#secret),
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
  variant: Variant,
  bound: BoundRequest,
  found: Record<string, unknown>[],
): RowsReply {
  const { limit, offset } = bound
  const hasMore = found.length > limit
  let rows = hasMore ? found.slice(0, limit) : found
  if (granted.columns.length === 0) rows = rows.map(() => ({}))
  else if (variant.render) for (const row of rows) variant.render(row)
  return { columns: granted.columns, rows, count: rows.length, limit, offset, has_more: hasMore }
}

/** Turns stored values into answered ones, in place; null where every column is answered as it is stored. */
function rendererOf(view: View, bigints: boolean, secret: Uint8Array): Variant['render'] {
  const steps: ((row: Record<string, unknown>) => void)[] = []
  for (const { name, column, treatment } of view.outputs) {
    if (treatment === 'blocked') continue
    if (treatment === 'masked' && (column.mask ?? 'redact') === 'redact') continue // the engine did it
    const decode = decoderOf(column, bigints)
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

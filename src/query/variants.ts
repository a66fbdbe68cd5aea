import type { Grant } from '../catalog/grant.ts'
import { Cursors } from './cursor.ts'
import { dialectOf } from './dialects.ts'
import type { Engine, Row } from './engine.ts'
import type { AnswerColumn, AnswerWriter, Format } from './formats.ts'
import { isLive } from './live-file.ts'
import { PerPolicy } from './per-policy.ts'
import { type View, viewOf } from './policy.ts'
import type { Query, Table, Term } from './query.ts'
import { type RowShape, rowRenderer } from './rendering.ts'
import { type BoundRequest, variantOf } from './request.ts'
import { buildCount, buildStatement, type Statement } from './sql.ts'

/** What runs for the requests that have the same filters, order and so on, and differ in their values. */
export interface Variant {
  statement: Statement
  /** how many rows, the skipped ones among them, this process may find for it; 0 where it is not indexed and bounded */
  cheap: number
  shape: RowShape
  render: ((row: Row) => void) | null
  /** how many rows there are in all, where that is asked for */
  count?: Statement
}

/** What a policy leaves of a query, and what was made for it so far. */
export interface GrantedView {
  /** no other view of any query has it */
  id: number
  view: View
  columns: AnswerColumn[]
  writers: Partial<Record<Format, AnswerWriter>>
  variants: Map<string, Variant>
  cursors: Cursors
}

const MAX_VARIANTS = 64
const NO_SECRET = new Uint8Array()
let views = 0

/** Of a query, per policy a view, per set of present filters a statement: both made once. */
export class Variants {
  #query: Query
  #live: Table[]
  #engine: Engine
  #secret: Uint8Array
  #views: PerPolicy<GrantedView>

  /**
   * @param secret the installation's: for masks and cursors
   * @param identity of the endpoint, definition included: its cursors are nobody else's
   */
  constructor(query: Query, engine: Engine, secret: Uint8Array, identity: string) {
    this.#query = query
    this.#live = query.tables.filter(t => isLive(t.dataset.file))
    this.#engine = engine
    this.#secret = secret
    const places = placesOf(query)
    this.#views = new PerPolicy((grant, policy) => {
      const view = viewOf(query, grant)
      const columns = view.outputs.map(o => ({ name: o.name, type: o.treatment === 'raw' ? o.column.type : 'text' }))
      return {
        id: ++views,
        view,
        columns: columns as AnswerColumn[],
        writers: {},
        variants: new Map(),
        cursors: new Cursors(secret, JSON.stringify([identity, policy, places]), query.ties.unique),
      }
    })
  }

  /** @throws Fault as `viewOf` */
  viewFor(grant: Grant): GrantedView {
    return this.#views.of(grant)
  }

  of(granted: GrantedView, bound: BoundRequest): Variant {
    const key = this.#live.length === 0 ? variantOf(bound) : `${this.#sizes()} ${variantOf(bound)}`
    const known = granted.variants.get(key)
    if (known) return known
    const statement = buildStatement(granted.view, bound)
    const count = this.#query.total ? buildCount(granted.view, bound) : undefined
    const { local } = this.#engine
    const here = local && !matchesPattern(this.#query, bound) && (!count || local.cheapRows(count, this.#query) > 0)
    const { engine } = this.#query
    const { bigints, hidden, keys } = statement
    const { outputs } = granted.view
    const secret = outputs.some(o => o.column.mask === 'hash') ? this.#secret : NO_SECRET
    const shape: RowShape = { engine, outputs, statement: { bigints, hidden, keys }, secret }
    const variant = {
      statement,
      cheap: here ? local.cheapRows(statement, this.#query) : 0,
      shape,
      render: rowRenderer(shape),
      ...(count ? { count } : {}),
    }
    if (granted.variants.size >= MAX_VARIANTS) granted.variants.clear()
    granted.variants.set(key, variant)
    return variant
  }

  /** How large the tables are that are written to, roughly: where a statement runs depends on it. */
  #sizes(): string {
    return this.#live.map(({ dataset }) => Math.ceil(Math.log2(dataset.rowCount + 1))).join()
  }
}

/** What rows may be ordered by, and how it is written: where data took over that has it otherwise, a cursor would point elsewhere. */
function placesOf(query: Query): unknown[] {
  const { kind } = dialectOf(query)
  const ordered = query.order.flatMap<Term>(entry => ('param' in entry ? [...entry.choices.values()] : entry))
  return [...ordered, ...query.ties.terms].map(({ table, column }) => [table, column.name, kind(column), column.native])
}

/** Whether the caller gives a LIKE pattern: on text that repeats itself one row takes as long as text times pattern. */
const matchesPattern = (query: Query, bound: BoundRequest) =>
  query.filters.some((f, i) => f.params && (f.op === 'like' || f.op === 'ilike') && bound.filters[i] !== undefined)

import { badRequest, forbidden, unprocessable } from '../lib/fault.ts'
import type { Params } from '../lib/params.ts'
import { shown } from '../lib/text.ts'
import { kindOf, RESERVED } from './compile.ts'
import { type Cursors, type Place, written } from './cursor.ts'
import { dialectOf } from './dialects.ts'
import { orderTerms } from './order.ts'
import type { View } from './policy.ts'
import { type OrderTerm, type Query, type QueryFilter, sameTerm } from './query.ts'
import type { StoredValue } from './values.ts'

/** A request's values, typed and ready to bind. */
export interface BoundRequest {
  /** one a filter of the query, in its order; undefined: the filter is left out */
  filters: (StoredValue[] | boolean | undefined)[]
  /** the whole order of the rows */
  order: readonly OrderTerm[]
  /** which of the orders that a request may choose it is */
  chosen: string
  /** the values of `order` in the row after which the page begins, where a cursor says one */
  after?: StoredValue[]
  limit: number
  /** rows that are left out, from there on */
  offset: number
}

const MAX_LIST = 500
/** Characters of one value. */
const MAX_TEXT = 4096
const MAX_OFFSET = 1_000_000_000

/**
 * Reads a request's parameters against a query.
 * @throws Fault 400 a parameter that is not declared; 422 a bad, missing or repeated value, or a limit over the maximum;
 * 403 a filter or an order on a column that the caller may not see raw
 */
export function bindRequest(view: View, params: Params, cursors: Cursors): BoundRequest {
  const { query } = view
  for (const name of params.keys()) {
    if (query.params.has(name)) {
      if (view.closedParams.has(name)) throw forbidden(`This key may not filter by ${shown(name)}.`)
    } else if (!RESERVED.has(name) && !query.orderParams.has(name))
      throw badRequest(`${shown(name)} is not a parameter of this endpoint.`, 'unknown_parameter')
  }
  const { order, chosen } = orderOf(view, params)
  const cursor = params.get('cursor')
  const begins = cursor && place(params, cursors, cursor, order, chosen)
  return {
    filters: query.filters.map(filter => valuesOf(query, filter, params)),
    order,
    chosen,
    limit: wholeNumber(params, 'limit', 1, query.maxLimit) ?? query.defaultLimit,
    offset: begins?.skip ?? wholeNumber(params, 'offset', 0, MAX_OFFSET) ?? 0,
    after: begins?.after,
  }
}

function orderOf(view: View, params: Params): Pick<BoundRequest, 'order' | 'chosen'> {
  const { query, closedChoices } = view
  if (query.orderParams.size === 0) return { order: fixedOrder(query), chosen: '' }
  const given = new Map<string, readonly string[]>()
  for (const [param, { choices }] of query.orderParams) {
    const names = params.get(param)
    if (!names) continue
    const terms: OrderTerm[] = []
    for (const name of names) {
      const term = choices.get(name)
      if (!term) throw unprocessable(`${shown(param)} must be one of ${[...choices.keys()].map(shown).join(', ')}.`)
      if (closedChoices.get(param)!.has(name)) throw forbidden(`This key may not order by ${shown(name)}.`)
      if (terms.some(other => sameTerm(other, term))) throw unprocessable(`${shown(param)} names a column twice.`)
      terms.push(term)
    }
    given.set(param, names)
  }
  return { order: orderTerms(query, given), chosen: JSON.stringify([...given]) }
}

const fixedOrders = new WeakMap<Query, OrderTerm[]>()

/** The order of a query that leaves no choice: worked out once. */
function fixedOrder(query: Query): OrderTerm[] {
  let order = fixedOrders.get(query)
  if (!order) {
    order = orderTerms(query)
    fixedOrders.set(query, order)
  }
  return order
}

function place(
  params: Params,
  cursors: Cursors,
  cursor: readonly string[],
  order: readonly OrderTerm[],
  chosen: string,
): Place {
  if (!cursors.offered) throw unprocessable('cursor: this endpoint pages with limit and offset.')
  if (params.has('offset')) throw unprocessable('cursor and offset do not go together.')
  const begins = cursor.length === 1 ? cursors.open(cursor[0]!, chosen) : undefined
  if (!begins || (begins.after && begins.after.length !== order.length))
    throw unprocessable('cursor is not valid for this endpoint, key and order; begin again without it.')
  return begins
}

function valuesOf(query: Query, filter: QueryFilter, params: Params): BoundRequest['filters'][number] {
  if (!filter.params) return filter.op === 'is_null' ? filter.wanted : filter.values
  const [first, second] = filter.params as [string, string?]
  if (second !== undefined) return between(query, filter, params, first, second)
  const given = params.get(first)
  if (!given && filter.required) throw unprocessable(`The parameter ${shown(first)} is missing.`)
  const texts = given ?? filter.defaults
  if (!texts) return undefined
  if (filter.op === 'in' || filter.op === 'not_in') {
    if (texts.length > MAX_LIST) throw unprocessable(`${shown(first)}: at most ${MAX_LIST} values.`)
    return texts.map(text => encoded(query, filter, first, text))
  }
  if (texts.length > 1) throw unprocessable(`${shown(first)} is given more than once.`)
  if (filter.op === 'is_null') {
    if (texts[0] !== 'true' && texts[0] !== 'false') throw unprocessable(`${shown(first)} must be true or false.`)
    return texts[0] === 'true'
  }
  return [encoded(query, filter, first, texts[0]!)]
}

function between(
  query: Query,
  filter: QueryFilter,
  params: Params,
  first: string,
  second: string,
): StoredValue[] | undefined {
  const ends = [first, second].map((param, position) => {
    const given = params.get(param) ?? []
    if (given.length > 1) throw unprocessable(`${shown(param)} is given more than once.`)
    return given[0] ?? filter.defaults?.[position]
  })
  if (ends[0] === undefined && ends[1] === undefined && !filter.required) return undefined
  for (const [position, param] of [first, second].entries())
    if (ends[position] === undefined) throw unprocessable(`The parameter ${shown(param)} is missing.`)
  return [encoded(query, filter, first, ends[0]!), encoded(query, filter, second, ends[1]!)]
}

function encoded(query: Query, filter: QueryFilter, param: string, text: string): StoredValue {
  if (text.length > MAX_TEXT)
    throw unprocessable(`${shown(param)} is longer than ${MAX_TEXT} characters.`, { parameter: shown(param) })
  const value = dialectOf(query).encode(filter.column, text)
  if (value === undefined)
    throw unprocessable(`${shown(param)} must be ${kindOf(filter.column)}.`, { parameter: shown(param) })
  return value
}

function wholeNumber(params: Params, name: string, from: number, to: number): number | undefined {
  const given = params.get(name)
  if (!given) return undefined
  const number = given.length === 1 && /^\d{1,10}$/.test(given[0]!) ? Number(given[0]) : Number.NaN
  if (!(number >= from && number <= to)) throw unprocessable(`${name} must be a whole number from ${from} to ${to}.`)
  return number
}

/**
 * Which statement a request needs: the filters that are present and how many values each has, the order, whether rows are
 * skipped, and where NULL is in the cursor.
 */
export function variantOf({ filters, chosen, after, offset }: BoundRequest): string {
  let present = offset === 0 ? '' : 'skip '
  for (const f of filters) {
    const places = f === undefined ? '-,' : typeof f === 'boolean' ? (f ? 't,' : 'f,') : placesOf(f.length)
    // of one filter it is one of the few texts above, and not a new one a call
    present = present === '' ? places : present + places
  }
  if (!after) return chosen === '' ? present : `${present} ${chosen}`
  return `${present} ${after.map(value => (value === null ? 'n' : 'v')).join('')} ${chosen}`
}

/** Of one value, as nearly all filters have, without making a text of it. */
const placesOf = (values: number) => (values === 1 ? '1,' : `${values},`)

/** The same text for requests of a query that have the same answer: in whatever order and form its values were given. */
export function canonicalOf(
  { filters: asked }: Query,
  { filters, chosen, after, limit, offset }: BoundRequest,
): string {
  const values = filters.map((values, i) => {
    if (typeof values !== 'object') return values
    const { op } = asked[i]!
    const texts = values.map(value => JSON.stringify(written(value)))
    return op === 'in' || op === 'not_in' ? [...new Set(texts)].sort() : texts
  })
  return JSON.stringify([values, chosen, after?.map(written) ?? null, limit, offset])
}

import { badRequest, forbidden, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { kindOf, type QueryFilter, RESERVED } from './compile.ts'
import type { View } from './policy.ts'
import { encodeText, type StoredValue } from './values.ts'

/** A request's values, typed and ready to bind. */
export interface BoundRequest {
  /** one a filter of the query, in its order; undefined: the filter is left out */
  filters: (StoredValue[] | boolean | undefined)[]
  limit: number
  offset: number
}

const MAX_LIST = 500
const MAX_OFFSET = 1_000_000_000

/**
 * Reads a request's parameters against a query.
 * @throws Fault 400 a parameter that is not declared; 422 a bad, missing or repeated value, or a limit over the maximum;
 * 403 a filter on a column that the caller may not see raw
 */
export function bindRequest(view: View, params: URLSearchParams): BoundRequest {
  const { query } = view
  for (const name of params.keys()) {
    if (query.params.has(name)) {
      if (view.closedParams.has(name)) throw forbidden(`This key may not filter by ${shown(name)}.`)
    } else if (!RESERVED.has(name))
      throw badRequest(`${shown(name)} is not a parameter of this endpoint.`, 'unknown_parameter')
  }
  if (params.has('cursor')) throw unprocessable('cursor: this endpoint pages with limit and offset.')
  if ((params.get('format') ?? 'json') !== 'json') throw unprocessable('format: only json is served.')
  return {
    filters: query.filters.map(filter => valuesOf(filter, params)),
    limit: wholeNumber(params, 'limit', 1, query.maxLimit) ?? query.defaultLimit,
    offset: wholeNumber(params, 'offset', 0, MAX_OFFSET) ?? 0,
  }
}

function valuesOf(filter: QueryFilter, params: URLSearchParams): BoundRequest['filters'][number] {
  if (!filter.params) return filter.op === 'is_null' ? filter.wanted : filter.values
  const [first, second] = filter.params as [string, string?]
  if (second !== undefined) return between(filter, params, first, second)
  const given = params.getAll(first)
  if (given.length === 0) {
    if (filter.required) throw unprocessable(`The parameter ${shown(first)} is missing.`)
    if (!filter.defaults) return undefined
  }
  const texts = given.length > 0 ? given : filter.defaults!
  if (filter.op === 'in' || filter.op === 'not_in') {
    if (texts.length > MAX_LIST) throw unprocessable(`${shown(first)}: at most ${MAX_LIST} values.`)
    return texts.map(text => encoded(filter, first, text))
  }
  if (texts.length > 1) throw unprocessable(`${shown(first)} is given more than once.`)
  if (filter.op === 'is_null') {
    if (texts[0] !== 'true' && texts[0] !== 'false') throw unprocessable(`${shown(first)} must be true or false.`)
    return texts[0] === 'true'
  }
  return [encoded(filter, first, texts[0]!)]
}

function between(
  filter: QueryFilter,
  params: URLSearchParams,
  first: string,
  second: string,
): StoredValue[] | undefined {
  const ends = [first, second].map((param, position) => {
    const given = params.getAll(param)
    if (given.length > 1) throw unprocessable(`${shown(param)} is given more than once.`)
    return given[0] ?? filter.defaults?.[position]
  })
  if (ends[0] === undefined && ends[1] === undefined && !filter.required) return undefined
  for (const [position, param] of [first, second].entries())
    if (ends[position] === undefined) throw unprocessable(`The parameter ${shown(param)} is missing.`)
  return [encoded(filter, first, ends[0]!), encoded(filter, second, ends[1]!)]
}

function encoded(filter: QueryFilter, param: string, text: string): StoredValue {
  const value = text.length > 4096 ? undefined : encodeText(filter.column, text)
  if (value === undefined)
    throw unprocessable(`${shown(param)} must be ${kindOf(filter.column)}.`, { parameter: shown(param) })
  return value
}

function wholeNumber(params: URLSearchParams, name: string, from: number, to: number): number | undefined {
  const given = params.getAll(name)
  if (given.length === 0) return undefined
  const number = given.length === 1 && /^\d{1,10}$/.test(given[0]!) ? Number(given[0]) : Number.NaN
  if (!(number >= from && number <= to)) throw unprocessable(`${name} must be a whole number from ${from} to ${to}.`)
  return number
}

/** Which statement a request needs: the filters that are present and how many values each has. */
export const variantOf = (bound: BoundRequest): string =>
  bound.filters.map(f => (f === undefined ? '-' : typeof f === 'boolean' ? (f ? 't' : 'f') : f.length)).join(',')

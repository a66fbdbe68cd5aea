/** Compiles query definitions against a project's datasets: everything checked, nothing looked up later. */
import type { Column } from '../catalog/column.ts'
import type { Filter, Operator, QueryDefinition } from '../catalog/query-definition.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { dialectOf } from './dialects.ts'
import { orderOf, tiesOf } from './order.ts'
import { outputsOf } from './outputs.ts'
import type { Query, QueryFilter, Term } from './query.ts'
import { type DatasetResolver, refOf, tablesOf } from './tables.ts'
import { comparable, type StoredValue } from './values.ts'

/** Parameter names that no filter may take. */
export const RESERVED = new Set(['limit', 'offset', 'cursor', 'format'])
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

/** @throws Fault 422 that says which dataset, column, filter or name does not fit */
export function compileQuery(definition: QueryDefinition, resolve: DatasetResolver): Query {
  const tables = tablesOf(definition, resolve)
  const { outputs, groups, distinct } = outputsOf(definition, tables)
  const query: Query = {
    engine: tables[0]!.dataset.engine,
    tables,
    outputs,
    filters: [],
    order: [],
    groups,
    distinct,
    ties: tiesOf(tables, outputs, groups, distinct),
    params: new Map(),
    orderParams: new Map(),
    total: definition.pagination?.total ?? false,
    ...limitsOf(definition),
  }
  query.order = orderOf(definition, query)
  for (const filter of definition.filters ?? [])
    addFilter(query, filter, refOf(filter.column, tables, 'filters'), `The filter on ${shown(filter.column)}`)
  for (const filter of definition.having ?? []) {
    const place = `The having filter on ${shown(filter.column)}`
    const output = outputs.find(o => o.name === filter.column)
    if (!output?.aggregate)
      throw unprocessable(`${place}: having takes aggregates by their alias; a column goes into filters.`)
    if (!dialectOf(query).compares(output))
      throw unprocessable(`${place}: a sum of decimals of more than 18 digits cannot be compared.`)
    addFilter(query, filter, output, place)
  }
  for (const entry of query.order) if ('param' in entry) takeOrderParam(query, entry)
  return query
}

function takeOrderParam(query: Query, entry: Extract<Query['order'][number], { param: string }>): void {
  const { param } = entry
  if (RESERVED.has(param)) throw unprocessable(`order_by: ${param} is a reserved parameter name.`)
  if (query.params.has(param) || query.orderParams.has(param))
    throw unprocessable(`order_by: the parameter ${shown(param)} has another meaning already.`)
  query.orderParams.set(param, entry)
}

function addFilter(query: Query, filter: Filter, term: Term, place: string): void {
  const { table, column, aggregate } = term
  const ref: Term = { table, column, ...(aggregate ? { aggregate } : {}) }
  const op: Operator = filter.op ?? 'eq'
  if (op !== 'is_null' && !comparable(ref.column))
    throw unprocessable(`${place}: a ${ref.column.type} column takes only is_null.`)
  if ((op === 'like' || op === 'ilike') && ref.column.type !== 'text')
    throw unprocessable(`${place}: ${op} goes with text columns.`)
  const compiled: QueryFilter = { ...ref, op, required: filter.required ?? false }
  if (filter.param === undefined) Object.assign(compiled, fixedValue(query, ref.column, op, filter.value, place))
  else {
    compiled.params = typeof filter.param === 'string' ? [filter.param] : filter.param
    for (const [position, param] of compiled.params.entries()) {
      if (RESERVED.has(param)) throw unprocessable(`${place}: ${param} is a reserved parameter name.`)
      if (query.params.has(param)) throw unprocessable(`Two filters take the parameter ${shown(param)}.`)
      query.params.set(param, { filter: compiled, position })
    }
    if (filter.default !== undefined) {
      fixedValue(query, ref.column, op, filter.default, `${place}: default`)
      compiled.defaults = [filter.default].flat().map(String)
    }
  }
  query.filters.push(compiled)
}

function fixedValue(
  query: Query,
  column: Column,
  op: Operator,
  value: Filter['value'],
  place: string,
): { values?: StoredValue[]; wanted?: boolean } {
  if (op === 'is_null') {
    if (typeof value !== 'boolean') throw unprocessable(`${place}: is_null takes true or false.`)
    return { wanted: value }
  }
  const list = Array.isArray(value)
  if (list !== (op === 'in' || op === 'not_in' || op === 'between'))
    throw unprocessable(`${place}: ${op} takes ${list ? 'one value' : 'a list'}.`)
  if (op === 'between' && (value as unknown[]).length !== 2) throw unprocessable(`${place}: between takes a pair.`)
  const { encode } = dialectOf(query)
  const values = [value].flat().map(v => (v === null || v === undefined ? undefined : encode(column, String(v))))
  if (values.length === 0 || values.includes(undefined))
    throw unprocessable(`${place}: ${list ? 'every value' : 'the value'} must be ${kindOf(column)}.`)
  return { values: values as StoredValue[] }
}

function limitsOf({ pagination = {} }: QueryDefinition): { defaultLimit: number; maxLimit: number } {
  const maxLimit = pagination.max_limit ?? Math.max(MAX_LIMIT, pagination.default_limit ?? 0)
  const defaultLimit = pagination.default_limit ?? Math.min(DEFAULT_LIMIT, maxLimit)
  if (defaultLimit > maxLimit) throw unprocessable('pagination: default_limit is above max_limit.')
  return { defaultLimit, maxLimit }
}

const A = {
  integer: 'an integer',
  boolean: 'true or false',
  date: 'a date (YYYY-MM-DD)',
  timestamp: 'an ISO 8601 time without a zone',
  timestamptz: 'an ISO 8601 time',
} as Record<string, string>

/** What a value of the column looks like, for messages. */
export function kindOf({ type, precision, scale = 0 }: Column): string {
  if (type === 'decimal' && precision !== undefined)
    return `a decimal of at most ${precision} digits, at most ${scale} of them behind the point`
  return A[type] ?? `a ${type}`
}

import type { Column } from '../catalog/column.ts'
import type { Dataset } from '../catalog/datasets.ts'
import type { Filter, Operator, QueryDefinition } from '../catalog/service-config.ts'
import { storedAsInteger } from '../lib/decimal.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { comparable, encodeText, type StoredValue } from './values.ts'

/** A table of a query: the source is the first. */
export interface Table {
  alias: string
  dataset: Dataset
  columns: Map<string, Column>
  join?: { type: 'inner' | 'left'; on: { left: ColumnRef; right: ColumnRef }[] }
}

export interface ColumnRef {
  /** index into the query's tables */
  table: number
  column: Column
}

export interface Output extends ColumnRef {
  name: string
}

export interface QueryFilter extends ColumnRef {
  op: Operator
  /** the request's parameters that give the value (two for `between`), or the author's values, encoded */
  params?: string[]
  values?: StoredValue[]
  /** for `is_null`: whether NULL is wanted */
  wanted?: boolean
  required: boolean
  /** the author's default as request text */
  defaults?: string[]
}

/** A query definition against the datasets as they are now: everything checked, nothing looked up later. */
export interface Query {
  tables: Table[]
  outputs: Output[]
  filters: QueryFilter[]
  order: (ColumnRef & { direction: 'asc' | 'desc' })[]
  /** parameter -> its filter, with the position for `between` */
  params: Map<string, { filter: QueryFilter; position: number }>
  defaultLimit: number
  maxLimit: number
}

export type DatasetResolver = (name: string) => Dataset | undefined

/** Parameter names that no filter may take. */
export const RESERVED = new Set(['limit', 'offset', 'cursor', 'format'])
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

/**
 * Compiles a definition (ARCHITECTURE 7) against a project's datasets.
 * @throws Fault 422 that says which dataset, column, filter or name does not fit
 */
export function compileQuery(definition: QueryDefinition, resolve: DatasetResolver): Query {
  const tables = tablesOf(definition, resolve)
  const outputs = outputsOf(definition, tables)
  const query: Query = {
    tables,
    outputs,
    filters: [],
    order: (definition.order_by ?? []).map(({ column, direction }) => ({
      ...(outputs.find(o => o.name === column) ?? refOf(column, tables, 'order_by')),
      direction: direction ?? 'asc',
    })),
    params: new Map(),
    ...limitsOf(definition),
  }
  for (const filter of definition.filters ?? []) addFilter(query, filter)
  return query
}

function tablesOf(definition: QueryDefinition, resolve: DatasetResolver): Table[] {
  const { source, joins = [] } = definition
  const tables = [tableOf(source, resolve)]
  for (const join of joins) {
    const table = tableOf(join, resolve)
    if (tables.some(t => t.alias === table.alias))
      throw unprocessable(`Two tables are called ${shown(table.alias)}; give one of them another name with "as".`)
    const own = [...tables, table]
    const on = join.on.map(({ left, right }) => {
      const pair = { left: refOf(left, tables, 'join'), right: refOf(right, [table], 'join') }
      return { left: pair.left, right: { ...pair.right, table: own.length - 1 } }
    })
    for (const { left, right } of on)
      if (!comparable(left.column) || storedAs(left.column) !== storedAs(right.column))
        throw unprocessable(
          `The join with ${shown(table.alias)} compares ${shown(left.column.name)} (${storedAs(left.column)}) with ${shown(right.column.name)} (${storedAs(right.column)}).`,
        )
    tables.push({ ...table, join: { type: join.type ?? 'inner', on } })
  }
  return tables
}

/** Decimals are equal in the store only where they are written alike: both as scaled integers, or in texts of one width. */
function storedAs({ type, precision = 38, scale = 0 }: Column): string {
  if (type !== 'decimal') return type
  return storedAsInteger(precision) ? `decimal with scale ${scale}` : `decimal(${precision},${scale})`
}

function tableOf(source: { schema: string; table: string; as?: string }, resolve: DatasetResolver): Table {
  const name = `${source.schema}.${source.table}`
  const dataset = resolve(name)
  if (!dataset) throw unprocessable(`The project has no dataset ${shown(name)}.`)
  if (source.as?.includes('.')) throw unprocessable('The "as" of a table has no dot: that is where its columns begin.')
  return { alias: source.as ?? source.table, dataset, columns: new Map(dataset.columns.map(c => [c.name, c])) }
}

/** `column` of the source, or `alias.column` of any table. */
function refOf(text: string, tables: Table[], place: string): ColumnRef {
  const own = tables[0]!.columns.get(text)
  if (own) return { table: 0, column: own }
  for (const [index, table] of tables.entries())
    if (text.startsWith(`${table.alias}.`)) {
      const column = table.columns.get(text.slice(table.alias.length + 1))
      if (column) return { table: index, column }
    }
  throw unprocessable(`${place}: there is no column ${shown(text)} in ${tables.map(t => shown(t.alias)).join(', ')}.`)
}

function outputsOf(definition: QueryDefinition, tables: Table[]): Output[] {
  const outputs = definition.columns
    ? definition.columns.map(entry => {
        const { column, as } = typeof entry === 'string' ? { column: entry, as: undefined } : entry
        return { ...refOf(column, tables, 'columns'), name: as ?? column }
      })
    : [...tables[0]!.columns.values()].map(column => ({ table: 0, column, name: column.name }))
  const names = new Set<string>()
  for (const { name } of outputs) {
    // the engine would give such a column back under another name, past its mask
    if (!name.isWellFormed() || name.includes('\0'))
      throw unprocessable(`columns: ${shown(name.toWellFormed())} cannot be the name of a column.`)
    if (names.has(name)) throw unprocessable(`Two columns of the answer are called ${shown(name)}; name one with "as".`)
    names.add(name)
  }
  return outputs
}

function addFilter(query: Query, filter: Filter): void {
  const ref = refOf(filter.column, query.tables, 'filters')
  const op: Operator = filter.op ?? 'eq'
  const place = `The filter on ${shown(filter.column)}`
  if (op !== 'is_null' && !comparable(ref.column))
    throw unprocessable(`${place}: a ${ref.column.type} column takes only is_null.`)
  if ((op === 'like' || op === 'ilike') && ref.column.type !== 'text')
    throw unprocessable(`${place}: ${op} goes with text columns.`)
  const compiled: QueryFilter = { ...ref, op, required: filter.required ?? false }
  if (filter.param === undefined) Object.assign(compiled, fixedValue(ref.column, op, filter.value, place))
  else {
    compiled.params = typeof filter.param === 'string' ? [filter.param] : filter.param
    for (const [position, param] of compiled.params.entries()) {
      if (RESERVED.has(param)) throw unprocessable(`${place}: ${param} is a reserved parameter name.`)
      if (query.params.has(param)) throw unprocessable(`Two filters take the parameter ${shown(param)}.`)
      query.params.set(param, { filter: compiled, position })
    }
    if (filter.default !== undefined) {
      fixedValue(ref.column, op, filter.default, `${place}: default`)
      compiled.defaults = [filter.default].flat().map(String)
    }
  }
  query.filters.push(compiled)
}

function fixedValue(
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
  const values = [value].flat().map(v => (v === null || v === undefined ? undefined : encodeText(column, String(v))))
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
export const kindOf = (column: Column): string => A[column.type] ?? `a ${column.type}`

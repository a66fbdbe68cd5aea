/** What a query's tables and columns are called in it. */
import type { AggregateFunction, Filter, QueryDefinition } from '../../../../catalog/query-definition.ts'
import type { DatasetRow } from '../../datasets/api.ts'

type Column = NonNullable<QueryDefinition['columns']>[number]
export type ColumnObject = Exclude<Column, string>
export type Join = NonNullable<QueryDefinition['joins']>[number]
export type Order = NonNullable<QueryDefinition['order_by']>[number]
export type Operator = NonNullable<Filter['op']>
export type { AggregateFunction, Column, Filter, QueryDefinition }

interface NamedColumn {
  /** `carrier`, of a joined table `airlines.name` */
  name: string
  type: string
}

export interface QueryTable {
  /** what its columns are called by; of the first table, they are called by their own names */
  alias: string
  columns: NamedColumn[]
}

export const nameOf = ({ schema, table }: { schema: string; table: string }) => (table ? `${schema}.${table}` : '')

/** `schema.table` in its parts. */
export function partsOf(name: string): { schema: string; table: string } {
  const dot = name.indexOf('.')
  return { schema: name.slice(0, dot), table: name.slice(dot + 1) }
}

/** The source, then the joins, as they are called in the query. */
export function tablesOf({ source, joins = [] }: QueryDefinition, datasets: readonly DatasetRow[]): QueryTable[] {
  return [source, ...joins].map((table, i) => {
    const alias = table.as ?? table.table
    const dataset = datasets.find(({ name }) => name === nameOf(table))
    return {
      alias,
      columns: (dataset?.columns ?? []).map(({ name, data_type }) => ({
        name: i === 0 ? name : `${alias}.${name}`,
        type: data_type,
      })),
    }
  })
}

/** What a column is called in the answer. */
export function answerName(column: Column): string {
  if (typeof column === 'string') return column
  if (column.as) return column.as
  if (!column.fn) return column.column ?? ''
  return column.column ? `${column.fn}_${column.column}` : column.fn
}

export const aggregatesOf = (query: QueryDefinition): string[] =>
  (query.columns ?? []).filter(column => typeof column === 'object' && column.fn).map(answerName)

/** What an author types as a fixed value, as the type of its column has it. */
export function fixedValue(text: string, type: string | undefined): string | number | boolean {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  const isNumber = type === 'integer' || type === 'float' || type === undefined
  if (isNumber && text.trim() !== '' && Number.isFinite(Number(text)) && String(Number(text)) === text.trim())
    return Number(text)
  return text
}

/** Parameters that a call of it may have, and those that it must. */
export function paramsOf({ filters = [], having = [], order_by = [] }: QueryDefinition) {
  const ofFilters = [...filters, ...having].flatMap(({ param, required, op, default: usual }) =>
    [param ?? []].flat().map(name => ({
      name,
      required: required ?? false,
      several: op === 'in' || op === 'not_in',
      usual: usual === undefined ? undefined : String(usual),
    })),
  )
  const ofOrder = order_by.flatMap(({ param, default: usual }) =>
    param
      ? [{ name: param, required: false, several: true, usual: usual === undefined ? undefined : String(usual) }]
      : [],
  )
  const named = new Map([...ofFilters, ...ofOrder].filter(({ name }) => name).map(param => [param.name, param]))
  return [...named.values()]
}

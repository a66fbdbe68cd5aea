/** A query definition against the datasets as they are: what compiling makes, and everything after it works on. */
import type { Column } from '../catalog/column.ts'
import type { Dataset, EngineName } from '../catalog/datasets.ts'
import type { AggregateFunction, Operator } from '../catalog/query-definition.ts'
import type { StoredValue } from './values.ts'

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

/** What is answered, ordered by or held against a value: a stored column, or an aggregate, whose `column` is its result. */
export interface Term extends ColumnRef {
  aggregate?: Aggregate
}

interface Aggregate {
  fn: AggregateFunction
  /** absent: rows are counted */
  of?: ColumnRef
}

export interface Output extends Term {
  name: string
}

/** A filter; on an aggregate it is one of `having`. */
export interface QueryFilter extends Term {
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

export interface OrderTerm extends Term {
  direction: 'asc' | 'desc'
  /** nobody asked for it: a key's column that makes the order total */
  tie?: boolean
}

/** An order that the request chooses among these; each name (`carrier`, `-carrier`) is one choice. */
export interface OrderParam {
  param: string
  choices: Map<string, OrderTerm>
  defaults: string[]
}

export interface Query {
  /** the one engine of all its tables */
  engine: EngineName
  tables: Table[]
  outputs: Output[]
  filters: QueryFilter[]
  order: (OrderTerm | OrderParam)[]
  /** the columns that rows are grouped by; null: each row is its own (an aggregate without group_by has []) */
  groups: ColumnRef[] | null
  distinct: boolean
  /** what the order ends in, so that paging is stable; `unique`: no two rows are alike in it, so that a cursor can say where one is */
  ties: { terms: ColumnRef[]; unique: boolean }
  /** parameter -> its filter, with the position for `between` */
  params: Map<string, { filter: QueryFilter; position: number }>
  /** parameter -> the order it chooses */
  orderParams: Map<string, OrderParam>
  defaultLimit: number
  maxLimit: number
  /** whether the answer says how many rows there are in all */
  total: boolean
}

export const sameTerm = (a: Term, b: Term): boolean =>
  a.aggregate || b.aggregate
    ? a.aggregate?.fn === b.aggregate?.fn && sameColumn(a.aggregate?.of, b.aggregate?.of)
    : sameColumn(a, b)

const sameColumn = (a: ColumnRef | undefined, b: ColumnRef | undefined) =>
  a === b || (a !== undefined && b !== undefined && a.table === b.table && a.column.name === b.column.name)

/** Whether it may be NULL in a row of the query: of floats that another engine keeps, what is not a number is (dialect.ts). */
export const mayBeNull = ({ table, column, aggregate }: Term): boolean =>
  column.nullable || (!aggregate && (table > 0 || (column.type === 'float' && column.native !== undefined)))

/** Whether every call is about all the rows that its filters leave, and not about a page of them. */
export const readsAll = (query: Query): boolean => query.groups !== null || query.distinct || query.total

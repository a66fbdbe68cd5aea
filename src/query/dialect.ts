/** What one engine's SQL looks like, as far as statements, values and answers depend on it. Stateless. */
import type { SQL } from 'drizzle-orm'
import type { Column } from '../catalog/column.ts'
import type { Dataset } from '../catalog/datasets.ts'
import type { Operator } from '../catalog/query-definition.ts'
import type { ColumnRef, OrderTerm, Query, Term } from './query.ts'
import type { Decoder, StoredValue } from './values.ts'

export interface Dialect {
  /** Whether an engine is asked for single rows by name (`AS "name"`), or answers lists in the order that was selected. */
  readonly namesRows: boolean
  /** Whether `SELECT DISTINCT` may be ordered by what it does not select as it stands; else equal rows are grouped. */
  readonly ordersDistinct: boolean
  /** SQL as it is sent, with its parameters in the order of their places. Identifiers are quoted, values never in it. */
  text(statement: SQL): { sql: string; params: unknown[] }

  /** What a dataset is to the engine: equal for datasets that are opened once. */
  source(dataset: Dataset): string
  /** What follows FROM or JOIN, called `t0`, `t1`, ...; `sources` are those of the statement. */
  from(query: Query, index: number, sources: readonly string[]): SQL

  /** A column or aggregate as it is compared, grouped and ordered by: bytes of text, numbers, times; NaN is NULL. */
  value(term: Term): SQL
  /** As it is selected: rows hold what `decoder` takes, which `encode` could have made. */
  selected(term: Term): SQL
  /** How a selected value becomes JSON; null where it is that already. `bigints`: integers come as bigint. */
  decoder(term: Term, bigints: boolean): Decoder | null

  /** A request's text as a value of the column, or undefined when it is not one. */
  encode(column: Column, text: string): StoredValue | undefined
  /** An encoded value as it is bound for a condition; NULL where no row can meet it. */
  bound(op: Operator, term: Term, value: StoredValue): StoredValue
  /** A bound value where it is held against `value(term)`. */
  slot(term: Term, value: SQL): SQL
  /** A column where it is only asked what it equals, so that an index on it is used; and the value that it is held against. */
  key(term: Term): SQL
  keySlot(term: Term, value: SQL): SQL
  /** That a column equals one of many values, as one that is bound; absent, or undefined: they are bound each by itself. */
  among?(term: Term, values: readonly StoredValue[]): SQL | undefined
  /** Case counts in `like`; `ilike` folds the letters A to Z. A pattern that ends in the middle of an escape matches nothing. */
  like(op: 'like' | 'ilike', term: Term, pattern: SQL): SQL

  /** A term in ORDER BY, and a cursor's value that it is held against. */
  ordered(term: OrderTerm): SQL
  orderedSlot(term: OrderTerm, value: SQL): SQL

  /** Two columns are joined only where this is the same. */
  kind(column: Column): string
  equal(left: ColumnRef, right: ColumnRef): SQL
  /** Whether conditions and orders can hold a term against values at all. */
  compares(term: Term): boolean

  /** What ends an order that keys alone do not make total, so that paging is stable: rows' places where there are such. */
  rowOrder(query: Query): SQL[]
  limit(limit: SQL, offset: SQL): SQL
}

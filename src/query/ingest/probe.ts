import type { DuckDBValue } from '@duckdb/node-api'
import type { StoredColumn } from '../../catalog/column.ts'
import type { SourceColumn } from './source.ts'

/** A column that is settled: how it is declared in SQLite, and the SQL (DuckDB) for the values to be bound. */
export interface ColumnPlan {
  stored: StoredColumn
  sqlite: 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB'
  select: string
  /** of a decimal: the same as DuckDB's own DECIMAL */
  decimal?: string
}

/** Values that cannot be stored: `where` is true for them. */
export interface Misfit {
  where: string
  what: string
}

/** Questions to ask of all rows (aggregates), and what follows from the answers. */
export interface Probe {
  ask: string[]
  /** a column whose LOOKS (text-types.ts), of all its values, are the first answer */
  looks?: SourceColumn
  settle(answers: DuckDBValue[]): ColumnPlan | Misfit | Probe
}

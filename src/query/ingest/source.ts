import type { Fault } from '../../lib/fault.ts'

/** A column of the file: an SQL expression in the source's relation, and what that yields. */
export interface SourceColumn {
  name: string
  value: string
  /** text: a VARCHAR as written. json: a JSON value as written. native: DuckDB's own type, `type` */
  from: 'text' | 'json' | 'native'
  type?: string
}

/** A file as DuckDB reads it. */
export interface Source {
  /** what follows FROM; its rows come in the order of the file */
  relation: string
  columns: SourceColumn[]
  /** What places are counted in. */
  unit: 'line' | 'row'
  /** From a row of the relation, counted from 1, to what a person counts in the file. */
  place(row: number): Promise<number>
  /** What to say instead of an error of DuckDB's while it reads this file. */
  explain(error: unknown): Promise<Fault>
}

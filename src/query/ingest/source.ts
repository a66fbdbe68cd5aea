import type { FilesLocation } from '../../catalog/datasets.ts'
import type { Fault } from '../../lib/fault.ts'
import { literal } from '../../lib/sql.ts'

/** A column of the file: an SQL expression in the source's relation, and what that yields. */
export interface SourceColumn {
  name: string
  value: string
  /** text: a VARCHAR as written. json: a JSON value as written. native: DuckDB's own type, `type` */
  from: 'text' | 'json' | 'native'
  type?: string
}

/** The files of a source, one or several of one kind, in the order of their rows. */
export interface Input {
  /** what DuckDB is told to open: no name has a character of a pattern in it */
  names: string[]
  /** where they are, in the same order */
  paths: string[]
  /** whether folders such as `year=2024` in the paths are columns too */
  hive?: boolean
}

/** A function of DuckDB's and its options: all of a relation but its files. */
export type Reader = FilesLocation['reader']

/** What follows FROM; its rows come in the order of the files. */
export const relationOf = ({ read, options }: Reader, names: string[]): string =>
  `${read}(${filesSql(names)}, ${options})`

export const filesSql = (names: string[]): string =>
  names.length === 1 ? literal(names[0]!) : `[${names.map(literal).join(', ')}]`

/** A file, or several, as DuckDB reads them. */
export interface Source {
  reader: Reader
  /** `relationOf` the reader and the files */
  relation: string
  columns: SourceColumn[]
  /** What places are counted in. */
  unit: 'line' | 'row'
  /** From a row of the relation, counted from 1, to what a person counts in the file. */
  place(row: number): Promise<number>
  /** What to say instead of an error of DuckDB's while it reads this file. */
  explain(error: unknown): Promise<Fault>
}

/** The options and the further columns of files whose folders are columns. */
export const HIVE = 'hive_partitioning = true'

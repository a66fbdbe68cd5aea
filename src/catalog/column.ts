import { INTEGER_DIGITS, storedAsInteger } from '../lib/decimal.ts'

/**
 * The logical types of a column, and how the embedded SQLite store writes each of them:
 *
 * | type        | stored as                                                                                          |
 * |-------------|----------------------------------------------------------------------------------------------------|
 * | integer     | INTEGER (64 bits)                                                                                  |
 * | float       | REAL                                                                                               |
 * | decimal     | precision <= 18: INTEGER, scaled by 10^scale; else TEXT that sorts as the number does (lib/decimal) |
 * | boolean     | INTEGER 0 or 1                                                                                     |
 * | text        | TEXT                                                                                               |
 * | date        | TEXT `YYYY-MM-DD`                                                                                  |
 * | timestamp   | TEXT `YYYY-MM-DDTHH:MM:SS[.fffffffff]`, no zone, trailing zeros of the fraction cut, so that it sorts   |
 * | timestamptz | the same in UTC, without the `Z` that answers carry                                                |
 * | time        | TEXT `HH:MM:SS[.fffffffff]`                                                                           |
 * | blob        | BLOB                                                                                               |
 * | json        | TEXT (lists, structs and maps of Parquet and JSON)                                                 |
 */
export const COLUMN_TYPES = [
  'integer',
  'float',
  'decimal',
  'boolean',
  'text',
  'date',
  'timestamp',
  'timestamptz',
  'time',
  'blob',
  'json',
] as const
export type ColumnType = (typeof COLUMN_TYPES)[number]

export const SENSITIVITIES = ['low', 'medium', 'high', 'critical'] as const
export type Sensitivity = (typeof SENSITIVITIES)[number]

export const MASKS = ['redact', 'email', 'last4', 'initials', 'year', 'hash', 'null'] as const
export type Mask = (typeof MASKS)[number]

/**
 * A tier that an import proposes for a column, and why: `looks like e-mail addresses (by its values)`. It protects as a
 * decided one would until somebody decides; the reason never holds a value of the data.
 */
export interface Proposal {
  sensitivity: Sensitivity
  mask: Mask
  reason: string
}

/** A column as it was imported. */
export interface StoredColumn {
  name: string
  type: ColumnType
  nullable: boolean
  /** decimal: total digits and digits behind the point */
  precision?: number
  scale?: number
  /** integer: whether a value lies beyond +-(2^53 - 1), so that reading needs bigint */
  wide?: boolean
  /** of an engine other than the embedded store: what the column is there, as the engine calls it */
  native?: string
  /** of a database's table: it gives the column a value where a new row names none; or gives it always, and takes none */
  given?: 'default' | 'always'
  /** what it looks like, where that is personal; of a Column: still open, and so its tier and mask */
  proposal?: Proposal
}

/** A type as somebody declares it: of a decimal it may say how many digits, those behind the point among them. */
export type DeclaredType = ColumnType | `decimal(${number},${number})`

const DECIMAL = /^decimal\((\d{1,2}), ?(\d{1,2})\)$/
/** Those of a decimal at most, and where its column says nothing. */
export const MAX_DIGITS = 38

/** undefined: there is no such type */
export function declaredType(text: string): Pick<StoredColumn, 'type' | 'precision' | 'scale'> | undefined {
  if ((COLUMN_TYPES as readonly string[]).includes(text)) return { type: text as ColumnType }
  const [, precision, scale] = (DECIMAL.exec(text) ?? []).map(Number) as [number, number, number]
  const possible = precision >= 1 && precision <= MAX_DIGITS && scale <= precision
  return possible ? { type: 'decimal', precision, scale } : undefined
}

/**
 * A column as it is where rows are written: whatever fits into the way it is stored may come, and not only what is there.
 * @param known.empty no row tells whether a value may be missing
 * @param known.nullable as somebody declared it
 * @param known.digits somebody declared how many digits a decimal has
 */
export function writableColumn<T extends StoredColumn>(
  column: T,
  known: { key: boolean; empty: boolean; nullable?: boolean; digits: boolean },
): T {
  const nullable = !known.key && (known.nullable ?? (known.empty || column.nullable))
  if (column.type === 'integer') return { ...column, nullable, wide: true }
  const widened = column.type === 'decimal' && !known.digits && storedAsInteger(column.precision ?? MAX_DIGITS)
  return { ...column, nullable, ...(widened ? { precision: INTEGER_DIGITS } : {}) }
}

/** A column with its policy. */
export interface Column extends StoredColumn {
  sensitivity: Sensitivity
  mask?: Mask
  /** Somebody gave it its policy: no import proposes another. */
  decided?: true
}

export type FileFormat = 'csv' | 'csv.gz' | 'tsv' | 'json' | 'ndjson' | 'parquet'

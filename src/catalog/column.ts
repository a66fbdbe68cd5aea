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
 * | timestamp   | TEXT `YYYY-MM-DDTHH:MM:SS[.ffffff]`, no zone, trailing zeros of the fraction cut, so that it sorts   |
 * | timestamptz | the same in UTC, without the `Z` that answers carry                                                |
 * | time        | TEXT `HH:MM:SS[.ffffff]`                                                                           |
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
  /** what it looks like, where that is personal; of a Column: still open, and so its tier and mask */
  proposal?: Proposal
}

/** A column with its policy. */
export interface Column extends StoredColumn {
  sensitivity: Sensitivity
  mask?: Mask
  /** Somebody gave it its policy: no import proposes another. */
  decided?: true
}

export const FILE_FORMATS = ['csv', 'csv.gz', 'tsv', 'json', 'ndjson', 'parquet'] as const
export type FileFormat = (typeof FILE_FORMATS)[number]

/** The types of PostgreSQL, in ours: what a column is (`native`), and how it is written in SQL. */
import { type SQL, sql } from 'drizzle-orm'
import type { ColumnType, StoredColumn } from '../../../catalog/column.ts'

/**
 * By the server's name of a type. What is not here is text, as the server writes it: enumerations, ranges, addresses,
 * intervals and types of extensions.
 */
const TYPES: Record<string, ColumnType> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  oid: 'integer',
  float4: 'float',
  float8: 'float',
  numeric: 'decimal',
  bool: 'boolean',
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  name: 'text',
  uuid: 'text',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  bytea: 'blob',
  json: 'json',
  jsonb: 'json',
}

export interface ServerColumn {
  name: string
  /** the type's name on the server; of a domain, that of what it is of */
  type: string
  /** whether it is a list, or a row of its own */
  composite: boolean
  /** as pg_attribute has it: of numeric, precision and scale; -1: none */
  modifier: number
  nullable: boolean
  /** how its texts are compared: byte by byte, as the database does by default, or in a way of the column's own */
  collation: 'bytes' | 'default' | 'own'
}

/** What a list of floats is, whose numbers are told apart from decimals: they are many, and none has more digits than a double. */
export const FLOATS = 'composite floats'

/** `native` is the type's name, with ` C` behind it where texts are compared byte by byte, or `other`. */
export function columnOf({ name, type, composite, modifier, nullable, collation }: ServerColumn): StoredColumn {
  if (composite) return { name, type: 'json', nullable, native: /^_float[48]$/.test(type) ? FLOATS : 'composite' }
  const ours = TYPES[type]
  if (ours === undefined || collation === 'own') return { name, type: 'text', nullable, native: 'other' }
  const stored: StoredColumn = {
    name,
    type: ours,
    nullable,
    native: ours === 'text' && collation === 'bytes' ? `${type} C` : type,
  }
  if (type !== 'numeric' || modifier < 4) return stored
  const precision = ((modifier - 4) >> 16) & 0xffff
  // eleven bits, with a sign
  const scale = (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400
  return scale < 0 ? stored : { ...stored, precision, scale }
}

export const typeOf = ({ native = 'other' }: Pick<StoredColumn, 'native'>): string => native.split(' ')[0]!
export const isBytewise = ({ native = '' }: Pick<StoredColumn, 'native'>): boolean => native.endsWith(' C')

/** Texts of the column may be compared as they are: none of its own is hidden in a cast. */
export const isPlainText = (column: StoredColumn): boolean => /^(text|varchar|name)$/.test(typeOf(column))

/** Text, whatever it is on the server. */
export const asText = (value: SQL): SQL => sql`CAST(${value} AS text)`
/** A bound value, which is sent as text (bytes as they are), as one of a type. */
export const asType = (value: SQL, type: string): SQL =>
  type === 'text' || type === 'bytea'
    ? sql`CAST(${value} AS ${sql.raw(type)})`
    : sql`CAST(${asText(value)} AS ${sql.raw(type)})`

/** A column in an index that compares it otherwise than the column itself is compared, as the index declares it. */
export const collated = (column: string, collation: string): string => `${column} COLLATE "${collation}"`
export const COLLATED = / COLLATE "[^"]*"$/

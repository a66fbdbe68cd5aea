import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { Column } from '../../../catalog/column.ts'
import type { TableLocation } from '../../../catalog/datasets.ts'
import type { Dialect } from '../../dialect.ts'
import type { ColumnRef, OrderTerm, Query, Term } from '../../query.ts'
import type { StoredValue } from '../../values.ts'
import { boundPlain } from '../plain.ts'
import { asText, asType, isBytewise, isPlainText, typeOf } from './types.ts'
import { decoderOf, encodeValue } from './values.ts'

const written = new PgDialect()
/** More values than these are sent as one list: each place of its own costs time here and there. */
const FEW = 20

/** Tables of a database. Whatever the database sorts words by, answers are in the order of bytes, as on every engine. */
export const postgresDialect: Dialect = {
  namesRows: false,
  ordersDistinct: false,
  text: statement => written.sqlToQuery(statement),

  source: ({ location }) => sourceOf(location as TableLocation),
  from({ tables }, index) {
    const { schema, table } = tables[index]!.dataset.location as TableLocation
    return sql`${sql.identifier(schema)}.${sql.identifier(table)} AS ${sql.identifier(`t${index}`)}`
  },

  value,
  selected,
  decoder: term => decoderOf(term.column),

  encode: encodeValue,
  bound: (op, { column, aggregate }, bound) =>
    bound === null ? bound : boundFor(!aggregate && (op === 'eq' || op === 'in'), column, boundPlain(op, bound)),
  slot: (term, bound) => asType(bound, comparedAs(term)),
  key: keyOf,
  keySlot: (term, bound) => asType(bound, keyType(term)),
  // (databases that only speak as this one does may know no lists)
  among: (term, values) =>
    values.length > FEW
      ? sql`${keyOf(term)} = ANY (${asType(sql`${listText(values)}`, `${keyType(term)}[]`)})`
      : undefined,
  // `\` escapes where nothing else is said; written out, it would mean what the database's settings make of it
  like: (op, term, pattern) =>
    op === 'like'
      ? sql`${value(term)} LIKE ${asText(pattern)}`
      : // in the collation C only A to Z have another case
        sql`lower(${asText(plain(term))} COLLATE "C") LIKE lower(${asText(pattern)} COLLATE "C")`,
  ordered: term => (hasOwnOrder(term) ? plain(term) : value(term)),
  orderedSlot: (term, bound) =>
    term.column.type === 'blob'
      ? sql`decode(${asText(bound)}, 'hex')`
      : asType(bound, hasOwnOrder(term) ? slotType(term.column) : comparedAs(term)),

  kind: ({ type }) => type,
  equal(left, right) {
    const alike = left.column.native === right.column.native && typeOf(left.column) !== 'other'
    const numbers = /^(int|float|numeric)/
    const both = numbers.test(typeOf(left.column)) && numbers.test(typeOf(right.column))
    if (!alike && !both) return sql`${value(left)} = ${value(right)}`
    const equal = sql`${plain(left)} = ${plain(right)}`
    // to the server what is no number equals itself
    return left.column.type === 'float' ? sql`${equal} AND ${value(left)} IS NOT NULL` : equal
  },
  compares: () => true,

  rowOrder,
  limit: (limit, offset) => sql`LIMIT ${asType(limit, 'bigint')} OFFSET ${asType(offset, 'bigint')}`,
}

/** A table of a connection; no name of one has a space. */
export const sourceOf = ({ connection, schema, table }: TableLocation): string =>
  `${connection} ${JSON.stringify([schema, table])}`
export const connectionOf = (source: string): string => source.slice(0, source.indexOf(' '))

/** Rows of a table have no place: what tells those without a key apart is all that they hold. */
function rowOrder({ tables }: Query): SQL[] {
  const keyed = tables[0]!.dataset.primaryKey !== null
  return tables.flatMap(({ dataset }, table) => {
    if (keyed && dataset.primaryKey) return []
    return dataset.columns.map(column => value({ table, column }))
  })
}

/** A column as it is in its table. */
const plain = ({ table, column }: ColumnRef): SQL => sql`${sql.identifier(`t${table}`)}.${sql.identifier(column.name)}`

function value(term: Term): SQL {
  const { column, aggregate } = term
  if (aggregate) return aggregateOf(term)
  switch (column.type) {
    case 'float':
      // as in the other engines, what is not a number is no value
      return sql`NULLIF(CAST(${plain(term)} AS float8), 'NaN')`
    case 'text': {
      const text = isPlainText(column) ? plain(term) : asText(plain(term))
      return isBytewise(column) ? text : sql`${text} COLLATE "C"`
    }
    case 'json':
      return sql`${jsonText(term)} COLLATE "C"`
    case 'integer':
      // the server compares it with no negative number, nor with one of more than 32 bits, and adds none up
      return typeOf(column) === 'oid' ? sql`CAST(${asDescribed(plain(term), column)} AS bigint)` : plain(term)
    default:
      return plain(term)
  }
}

const jsonText = (term: Term): SQL =>
  asText(typeOf(term.column) === 'composite' ? sql`to_json(${plain(term)})` : asDescribed(plain(term), term.column))

/** Refused by the server where the column is of another kind than it was: read as what it was, it could be a wrong answer. */
const asDescribed = (found: SQL, column: Column): SQL =>
  sql`COALESCE(${found}, CAST(NULL AS ${sql.raw(typeOf(column))}))`

function aggregateOf({ aggregate }: Term): SQL {
  const { fn, of } = aggregate!
  if (!of) return sql`count(*)`
  const values = of.column.type === 'boolean' ? sql`CAST(${value(of)} AS int)` : value(of)
  switch (fn) {
    case 'count_distinct':
      return sql`count(DISTINCT ${values})`
    case 'avg':
      return averageOf(of, values)
    default:
      return sql`${sql.raw(fn)}(${values})`
  }
}

/** Divided as the embedded store does, digits first and the point last, so that both give the same float. */
function averageOf({ column: { type, scale } }: ColumnRef, values: SQL): SQL {
  if (type === 'decimal' && scale === undefined) return sql`CAST(avg(${values}) AS float8)`
  const digits = type === 'decimal' ? sql`replace(${asText(sql`sum(${values})`)}, '.', '')` : sql`sum(${values})`
  const average = sql`CAST(${digits} AS float8) / count(${values})`
  return type === 'decimal' ? sql`${average} / ${asType(sql.raw(`'1e${scale}'`), 'float8')}` : average
}

/** The type in which `value(term)` is held against values. */
function comparedAs({ column, aggregate }: Term): string {
  if (aggregate?.fn === 'sum' && column.type !== 'float') return 'numeric'
  if (aggregate && column.type === 'boolean') return 'int'
  return column.type === 'text' ? 'text' : column.type === 'integer' ? 'bigint' : slotType(column)
}

/** The type of a value that is held against the column itself. */
function slotType(column: Column): string {
  switch (column.type) {
    case 'integer':
      return typeOf(column) === 'oid' ? 'oid' : 'bigint'
    case 'float':
      return 'float8'
    case 'decimal':
      return 'numeric'
    case 'text':
      return /^(uuid|bpchar)$/.test(typeOf(column)) ? typeOf(column) : 'text'
    case 'json':
      return 'text'
    case 'blob':
      return 'bytea'
    default:
      return column.type
  }
}

/** Whether a column's own equality is that of its texts, but for values that `boundFor` takes out. */
const hasOwnEquality = ({ column, aggregate }: Term): boolean => !aggregate && typeOf(column) !== 'other'

function keyOf(term: Term): SQL {
  return hasOwnEquality(term) ? plain(term) : value(term)
}
const keyType = (term: Term): string => (hasOwnEquality(term) ? slotType(term.column) : comparedAs(term))

/** A list of the server's, in text. NULL, which stands for what no row has, is none of its values. */
const listText = (values: readonly StoredValue[]): string =>
  `{${values.flatMap(value => (value === null ? [] : `"${String(value).replace(/["\\]/g, '\\$&')}"`)).join()}}`

/** Whether the column's own order, which its index gives, is that of its texts, though they are compared otherwise. */
const hasOwnOrder = ({ column, tie }: OrderTerm): boolean => tie === true && /^(uuid|oid)$/.test(typeOf(column))

const MOST_OF_OID = 2 ** 32 - 1
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function boundFor(equality: boolean, column: Column, bound: StoredValue): StoredValue {
  if (equality && typeOf(column) === 'oid' && (Number(bound) < 0 || Number(bound) > MOST_OF_OID)) return null
  if (typeof bound !== 'string') return bound
  if (equality && typeOf(column) === 'uuid' && !UUID.test(bound)) return null
  if (equality && typeOf(column) === 'bpchar' && bound.endsWith(' ')) return null
  // there is no year 0, but one before the first
  return bound.startsWith('0000-') && column.type !== 'text' ? `0001${bound.slice(4)} BC` : bound
}

/**
 * Whether its value is of the column's own type: neither cast nor counted, added up or the like. (Texts of a collation that is
 * named are texts: the server takes nothing else there, and would not know them again in what they are grouped by.)
 */
function isOfOwnType({ column, aggregate }: Term): boolean {
  if (/^(other|oid)$/.test(typeOf(column)) || column.type === 'float' || column.type === 'json') return false
  return column.type === 'text' ? isPlainText(column) && isBytewise(column) : column.type !== 'boolean' || !aggregate
}

function selected(term: Term): SQL {
  const { column, aggregate } = term
  const found = isOfOwnType(term) ? asDescribed(value(term), column) : value(term)
  switch (column.type) {
    case 'boolean':
      return aggregate ? found : sql`CAST(${found} AS int)`
    case 'integer':
      return aggregate ? asText(found) : found
    case 'blob':
      // as it is, it would be written as a setting of the database says
      return sql`encode(${found}, 'hex')`
    case 'timestamptz':
      return asText(sql`(${found} AT TIME ZONE 'UTC')`)
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
      return asText(found)
    default:
      return found
  }
}

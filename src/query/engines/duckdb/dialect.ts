import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import { type Column, MAX_DIGITS } from '../../../catalog/column.ts'
import type { Dialect } from '../../dialect.ts'
import type { ColumnRef, Query, Term } from '../../query.ts'
import { boundPlain, encodePlain, plainDecoder } from '../plain.ts'
import { placeText } from './place.ts'
import { PLACE } from './view.ts'

/** DuckDB's quotes and places of values are PostgreSQL's. */
const written = new PgDialect()
const UPPER = sql.raw("'ABCDEFGHIJKLMNOPQRSTUVWXYZ'")
const LOWER = sql.raw("'abcdefghijklmnopqrstuvwxyz'")

/** Files in place: the views d0, d1, ... of their datasets (describe.ts), and d0r, d1r, ... where rows need their place. */
export const duckdbDialect: Dialect = {
  namesRows: false,
  ordersDistinct: false,
  text: statement => written.sqlToQuery(statement),

  source: placeText,
  from(query, index, sources) {
    const { dataset } = query.tables[index]!
    const view = `d${sources.indexOf(placeText(dataset))}`
    const name = placed(query).includes(index) ? `${view}r` : view
    return sql`${sql.identifier(name)} AS ${sql.identifier(`t${index}`)}`
  },

  value,
  selected,
  decoder: term => plainDecoder(term.column),

  encode: encodePlain,
  bound: (op, _term, value) => boundPlain(op, value),
  slot,
  key: value,
  keySlot: slot,
  like: (op, term, pattern) =>
    op === 'like'
      ? sql`${value(term)} LIKE ${pattern} ESCAPE '\\'`
      : sql`${folded(value(term))} LIKE ${folded(sql`CAST(${pattern} AS VARCHAR)`)} ESCAPE '\\'`,
  ordered: value,
  orderedSlot: slot,

  kind: ({ type }) => type,
  // times are texts of one form in some files, and DuckDB's own type in others
  equal: (left, right) => {
    if (left.column.type === 'decimal' && !haveRoom(left.column, right.column))
      return sql`${digitsOf(left, right.column)} = ${digitsOf(right, left.column)}`
    return left.column.native === right.column.native || left.column.type === 'decimal'
      ? sql`${value(left)} = ${value(right)}`
      : sql`${selected(left)} = ${selected(right)}`
  },
  compares: () => true,

  rowOrder: query =>
    placed(query).flatMap(index => PLACE.map(name => sql`${sql.identifier(`t${index}`)}.${sql.identifier(name)}`)),
  limit: (limit, offset) => sql`LIMIT CAST(${limit} AS BIGINT) OFFSET CAST(${offset} AS BIGINT)`,
}

/**
 * The tables by whose rows' places an order is made total. Rows of one table come in the order of the files by themselves;
 * sorted or joined ones that have no key do not.
 */
function placed({ tables, order, ties }: Query): number[] {
  if (ties.unique || (order.length === 0 && tables.length === 1)) return []
  // without a key of the source, no key of a joined table is in the order
  const keyed = tables[0]!.dataset.primaryKey !== null
  return tables.flatMap(({ dataset }, index) => (keyed && dataset.primaryKey ? [] : [index]))
}

const folded = (text: SQL): SQL => sql`translate(${text}, ${UPPER}, ${LOWER})`

function value({ table, column, aggregate }: Term): SQL {
  if (!aggregate) return sql`${sql.identifier(`t${table}`)}.${sql.identifier(column.name)}`
  if (!aggregate.of) return sql`count(*)`
  const of = value(aggregate.of)
  if (aggregate.fn === 'count_distinct') return sql`count(DISTINCT ${of})`
  if (aggregate.fn === 'avg' && aggregate.of.column.type !== 'float') return averageOf(aggregate.of, of)
  return sql`${sql.raw(aggregate.fn)}(${of})`
}

/** Divided as the embedded store does, digits first and the point last, so that both give the same float. */
function averageOf({ column }: ColumnRef, of: SQL): SQL {
  if (column.type !== 'decimal') return sql`CAST(sum(${of}) AS DOUBLE) / count(${of})`
  const digits = sql`CAST(replace(CAST(sum(${of}) AS VARCHAR), '.', '') AS DOUBLE)`
  return sql`${digits} / count(${of}) / ${sql.raw(`1e${column.scale}`)}`
}

/** What a term is to DuckDB, and a value that is held against it. */
function nativeOf({ column, aggregate }: Term): string {
  if (aggregate?.fn === 'sum' && column.type !== 'float')
    return column.type === 'decimal' ? `DECIMAL(${MAX_DIGITS}, ${column.scale})` : 'HUGEINT'
  if (column.type === 'integer') return 'BIGINT'
  return column.type === 'float' ? 'DOUBLE' : (aggregate?.of?.column.native ?? column.native ?? 'VARCHAR')
}

/** Whether decimals of both have room in one type, as which DuckDB compares them; else that is an error. */
function haveRoom(a: Column, b: Column): boolean {
  const wholes = [a, b].map(({ precision = MAX_DIGITS, scale = 0 }) => precision - scale)
  return Math.max(...wholes) + Math.max(a.scale ?? 0, b.scale ?? 0) <= MAX_DIGITS
}

/** The text of a decimal with as many digits behind the point as the other has, if those are more. */
function digitsOf(term: Term, { scale: wanted = 0 }: Column): SQL {
  const { scale = 0 } = term.column
  if (wanted <= scale) return selected(term)
  return sql`${selected(term)} || ${sql.raw(`'${scale === 0 ? '.' : ''}${'0'.repeat(wanted - scale)}'`)}`
}

function slot(term: Term, bound: SQL): SQL {
  return sql`CAST(${bound} AS ${sql.raw(nativeOf(term))})`
}

function selected(term: Term): SQL {
  const plain = value(term)
  const { type, precision, scale } = term.column
  switch (type) {
    case 'decimal': {
      const text = sql`CAST(${plain} AS VARCHAR)`
      // without digits before the point DuckDB writes no zero there
      return precision === scale ? sql`replace(${text}, '.', '0.')` : text
    }
    case 'boolean':
      return sql`CAST(${plain} AS INTEGER)`
    case 'text':
      // the binding takes a byte order mark off the beginning of any text
      return sql`if(starts_with(${plain}, chr(65279)), chr(65279) || ${plain}, ${plain})`
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return nativeOf(term) === 'VARCHAR' ? plain : isoText(plain)
    default:
      return plain
  }
}

/** In ISO 8601, as an import writes it (ingest/native-types.ts). */
function isoText(moment: SQL): SQL {
  const text = sql`replace(CAST(${moment} AS VARCHAR), ' ', 'T')`
  return sql`CASE WHEN year(${moment}) = 0 THEN '0000' || substr(replace(${text}, 'T(BC)', ''), 5) ELSE ${text} END`
}

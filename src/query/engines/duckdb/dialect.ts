import { type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { Dialect } from '../../dialect.ts'
import type { Query, Term } from '../../query.ts'
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
    const view = `d${sources.indexOf(placeText(query.tables[index]!.dataset))}`
    const name = index === 0 && needsPlace(query) ? `${view}r` : view
    return sql`${sql.identifier(name)} AS ${sql.identifier(`t${index}`)}`
  },

  value,
  selected,
  decoder: term => plainDecoder(term.column),

  encode: encodePlain,
  bound: (op, _term, value) => boundPlain(op, value),
  slot: (term, bound) => sql`CAST(${bound} AS ${sql.raw(nativeOf(term))})`,
  key: value,
  keySlot: (term, bound) => sql`CAST(${bound} AS ${sql.raw(nativeOf(term))})`,
  like: (op, term, pattern) =>
    op === 'like'
      ? sql`${value(term)} LIKE ${pattern} ESCAPE '\\'`
      : sql`${folded(value(term))} LIKE ${folded(sql`CAST(${pattern} AS VARCHAR)`)} ESCAPE '\\'`,

  kind: ({ type }) => type,
  // times are texts of one form in some files, and DuckDB's own type in others
  equal: (left, right) =>
    left.column.native === right.column.native || left.column.type === 'decimal'
      ? sql`${value(left)} = ${value(right)}`
      : sql`${selected(left)} = ${selected(right)}`,
  compares: () => true,

  rowOrder: query => (needsPlace(query) ? PLACE.map(name => sql`${sql.identifier('t0')}.${sql.identifier(name)}`) : []),
  limit: (limit, offset) => sql`LIMIT CAST(${limit} AS BIGINT) OFFSET CAST(${offset} AS BIGINT)`,
}

/** Rows of one table come in the order of the files by themselves; sorted or joined ones that have no key do not. */
const needsPlace = ({ tables, order, groups, distinct }: Query): boolean =>
  !groups && !distinct && !tables[0]!.dataset.primaryKey && (order.length > 0 || tables.length > 1)

const folded = (text: SQL): SQL => sql`translate(${text}, ${UPPER}, ${LOWER})`

function value({ table, column, aggregate }: Term): SQL {
  if (!aggregate) return sql`${sql.identifier(`t${table}`)}.${sql.identifier(column.name)}`
  if (!aggregate.of) return sql`count(*)`
  const of = value(aggregate.of)
  if (aggregate.fn === 'count_distinct') return sql`count(DISTINCT ${of})`
  return sql`${sql.raw(aggregate.fn)}(${of})`
}

/** What a term is to DuckDB, and a value that is held against it. */
function nativeOf({ column, aggregate }: Term): string {
  if (aggregate?.fn === 'sum' && column.type !== 'float')
    return column.type === 'decimal' ? `DECIMAL(38, ${column.scale})` : 'HUGEINT'
  if (column.type === 'integer') return 'BIGINT'
  return column.type === 'float' ? 'DOUBLE' : (aggregate?.of?.column.native ?? column.native ?? 'VARCHAR')
}

function selected(term: Term): SQL {
  const plain = value(term)
  switch (term.column.type) {
    case 'decimal':
      return sql`CAST(${plain} AS VARCHAR)`
    case 'boolean':
      return sql`CAST(${plain} AS INTEGER)`
    case 'date':
    case 'timestamp':
    case 'timestamptz': {
      if (nativeOf(term) === 'VARCHAR') return plain
      const text = sql`replace(CAST(${plain} AS VARCHAR), ' ', 'T')`
      // the year 0 is written as the first before Christ
      return sql`CASE WHEN year(${plain}) = 0 THEN '0000' || substr(replace(${text}, 'T(BC)', ''), 5) ELSE ${text} END`
    }
    default:
      return plain
  }
}

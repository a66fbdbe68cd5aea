import { sql } from 'drizzle-orm'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { type Column, MAX_DIGITS } from '../../../catalog/column.ts'
import { storedAsInteger } from '../../../lib/decimal.ts'
import type { Dialect } from '../../dialect.ts'
import { decoderOf, encodeText } from '../../values.ts'
import { aggregateDecoder, expression, isSumOfTexts } from './expression.ts'

const sqlite = new SQLiteSyncDialect()

/** The embedded store: values as catalog/column.ts says, database files attached as d0, d1, ..., each with the table `data`. */
export const sqliteDialect: Dialect = {
  namesRows: true,
  ordersDistinct: true,
  text: statement => sqlite.sqlToQuery(statement),

  source: dataset => dataset.file,
  from: ({ tables }, index, sources) =>
    sql`${sql.identifier(`d${sources.indexOf(tables[index]!.dataset.file)}`)}.${sql.identifier('data')} AS ${sql.identifier(`t${index}`)}`,

  value: expression,
  selected: expression,
  decoder: (term, bigints) => aggregateDecoder(term) ?? decoderOf(term.column, bigints),

  encode: encodeText,
  bound: (_op, _term, value) => value,
  slot: (_term, value) => value,
  key: expression,
  keySlot: (_term, value) => value,
  // connections are opened with case_sensitive_like
  like: (op, term, pattern) =>
    op === 'like'
      ? sql`${expression(term)} LIKE ${pattern} ESCAPE '\\'`
      : sql`lower(${expression(term)}) LIKE lower(${pattern}) ESCAPE '\\'`,
  ordered: expression,
  orderedSlot: (_term, value) => value,

  kind: storedAs,
  equal: (left, right) => sql`${expression(left)} = ${expression(right)}`,
  compares: term => !isSumOfTexts(term),

  // (copies of a row by its joins come in the order of the plan, which is the same for every page)
  rowOrder: ({ tables }) => {
    const { columns, primaryKey } = tables[0]!.dataset
    if (primaryKey) return []
    const names = columns.map(c => c.name.toLowerCase())
    const rowid = ['rowid', '_rowid_', 'oid'].find(name => !names.includes(name))
    return rowid ? [sql.raw(`t0.${rowid}`)] : columns.map(column => expression({ table: 0, column }))
  },
  // `+ 0`: where LIMIT is a bare parameter, SQLite prepares the statement anew for every value that is bound
  limit: (limit, offset) => sql`LIMIT ${limit} + 0 OFFSET ${offset} + 0`,
}

/** Decimals are equal in the store only where they are written alike: both as scaled integers, or in texts of one width. */
function storedAs({ type, precision = MAX_DIGITS, scale = 0 }: Column): string {
  if (type !== 'decimal') return type
  return storedAsInteger(precision) ? `decimal with scale ${scale}` : `decimal(${precision},${scale})`
}

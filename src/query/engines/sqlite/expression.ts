/** What a stored column or an aggregate is in SQLite. */
import { type SQL, sql } from 'drizzle-orm'
import { type Column, MAX_DIGITS } from '../../../catalog/column.ts'
import { decodeDecimal, INTEGER_DIGITS, storedAsInteger } from '../../../lib/decimal.ts'
import type { Term } from '../../query.ts'
import type { Decoder } from '../../values.ts'

/** Digits of a decimal that is stored as text are added up this many at a time, so that no part can overflow. */
const LIMB = 9

/** Whether it is a sum of decimals that the store keeps as text: added up in parts, which the engine cannot compare. */
export const isSumOfTexts = ({ aggregate }: Term): boolean =>
  aggregate?.fn === 'sum' &&
  aggregate.of!.column.type === 'decimal' &&
  !storedAsInteger(aggregate.of!.column.precision ?? MAX_DIGITS)

export function expression(term: Term): SQL {
  const { aggregate } = term
  if (!aggregate) return sql`${sql.identifier(`t${term.table}`)}.${sql.identifier(term.column.name)}`
  if (!aggregate.of) return sql`count(*)`
  const column = expression(aggregate.of)
  const { type, scale = 0 } = aggregate.of.column
  switch (aggregate.fn) {
    case 'count':
      return sql`count(${column})`
    case 'count_distinct':
      return sql`count(DISTINCT ${column})`
    case 'min':
      return sql`min(${column})`
    case 'max':
      return sql`max(${column})`
    case 'sum':
      return isSumOfTexts(term)
        ? sql.join(limbSums(column, aggregate.of.column), sql` || ' ' || `)
        : sql`sum(${column})`
    case 'avg':
      if (type !== 'decimal') return sql`avg(${column})`
      return sql`${unscaledAverage(column, aggregate.of.column)} / ${sql.raw(`1e${scale}`)}`
  }
}

function unscaledAverage(column: SQL, about: Column): SQL {
  if (storedAsInteger(about.precision ?? MAX_DIGITS)) return sql`avg(${column})`
  const parts = limbSums(column, about).map((limb, i) => sql`CAST(${limb} AS REAL) * ${sql.raw(`1e${i * LIMB}`)}`)
  return sql`(${sql.join(parts, sql` + `)}) / count(${column})`
}

/** The sums of the digits of decimals in text (lib/decimal.ts), nine at a time, the last digits first. */
function limbSums(column: SQL, { precision = MAX_DIGITS }: Column): SQL[] {
  return Array.from({ length: Math.ceil(precision / LIMB) }, (_, i) => {
    const end = precision - i * LIMB
    const start = Math.max(0, end - LIMB)
    const nines = '9'.repeat(end - start)
    const digits = sql`CAST(substr(${column}, ${sql.raw(String(start + 2))}, ${sql.raw(String(end - start))}) AS INTEGER)`
    // a negative number is written as the nines' complement of its digits
    return sql`sum(${digits} - CASE WHEN substr(${column}, 1, 1) = 'n' THEN ${sql.raw(nines)} ELSE 0 END)`
  })
}

/** How an aggregate's value becomes JSON where its column's own way does not do; null where it does. */
export function aggregateDecoder(term: Term): Decoder | null {
  if (!isSumOfTexts(term)) return null
  return stored => {
    if (stored === null) return null
    const total = String(stored)
      .split(' ')
      .reduce((sum, limb, i) => sum + BigInt(limb) * 10n ** BigInt(i * LIMB), 0n)
    return decodeDecimal(total, INTEGER_DIGITS, term.column.scale ?? 0)
  }
}

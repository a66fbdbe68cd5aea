import { type SQL, sql } from 'drizzle-orm'
import type { Dialect } from './dialect.ts'
import { mayBeNull, type OrderTerm } from './query.ts'
import type { StoredValue } from './values.ts'

/**
 * The condition of the rows that come after a cursor's row in an order where NULLs come last. The values are bound as `a0`,
 * `a1`, ...; only which of them are NULL is part of the text.
 */
export function isAfter(dialect: Dialect, order: readonly OrderTerm[], values: readonly StoredValue[]): SQL {
  const expression = (term: OrderTerm) => dialect.ordered(term)
  const slots = order.map((term, i) => dialect.orderedSlot(term, sql`${sql.placeholder(`a${i}`)}`))
  const [first] = order
  const alike = order.every(term => !mayBeNull(term) && term.direction === first!.direction)
  if (alike) {
    const operator = first!.direction === 'desc' ? sql.raw('<') : sql.raw('>')
    if (order.length === 1) return sql`${expression(first!)} ${operator} ${slots[0]}`
    return sql`(${sql.join(order.map(expression), sql`, `)}) ${operator} (${sql.join(slots, sql`, `)})`
  }
  const cases: SQL[] = []
  const equal: SQL[] = []
  for (const [i, term] of order.entries()) {
    const column = expression(term)
    if (values[i] !== null) {
      const beyond = term.direction === 'desc' ? sql`${column} < ${slots[i]}` : sql`${column} > ${slots[i]}`
      const next = mayBeNull(term) ? sql`(${beyond} OR ${column} IS NULL)` : beyond
      cases.push(sql`(${sql.join([...equal, next], sql` AND `)})`)
    }
    equal.push(values[i] === null ? sql`${column} IS NULL` : sql`${column} = ${slots[i]}`)
  }
  // the last term is never NULL in every row, but a group's columns may all be: then nothing comes after
  const after = cases.length ? sql`(${sql.join(cases, sql` OR `)})` : sql`1 = 0`
  if (mayBeNull(first!)) return after
  // said once more for the engine, which finds its place in an index by it
  const bound = first!.direction === 'desc' ? sql.raw('<=') : sql.raw('>=')
  return sql`${expression(first!)} ${bound} ${slots[0]} AND ${after}`
}

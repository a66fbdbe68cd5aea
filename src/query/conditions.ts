/** The conditions that filters and row scopes become. */
import { type SQL, sql } from 'drizzle-orm'
import type { ScopeCondition } from './policy.ts'
import type { QueryFilter } from './query.ts'
import type { StoredValue } from './values.ts'

/** @param slots where the request's values are bound */
export function condition(filter: QueryFilter, column: SQL, value: StoredValue[] | boolean, slots: unknown[]): SQL {
  const [a, b] = slots
  switch (filter.op) {
    case 'eq':
      return sql`${column} = ${a}`
    case 'ne':
      return sql`${column} <> ${a}`
    case 'lt':
      return sql`${column} < ${a}`
    case 'lte':
      return sql`${column} <= ${a}`
    case 'gt':
      return sql`${column} > ${a}`
    case 'gte':
      return sql`${column} >= ${a}`
    case 'in':
      return sql`${column} IN (${sql.join(slots as SQL[], sql`, `)})`
    case 'not_in':
      return sql`${column} NOT IN (${sql.join(slots as SQL[], sql`, `)})`
    case 'like':
      // connections are opened with case_sensitive_like
      return sql`${column} LIKE ${a} ESCAPE '\\'`
    case 'ilike':
      return sql`lower(${column}) LIKE lower(${a}) ESCAPE '\\'`
    case 'between':
      return sql`${column} BETWEEN ${a} AND ${b}`
    case 'is_null':
      return value ? sql`${column} IS NULL` : sql`${column} IS NOT NULL`
  }
}

export function scopeCondition(scope: ScopeCondition, column: SQL): SQL {
  const among = scope.values.length
    ? sql`${column} IN (${sql.join(
        scope.values.map(v => sql`${v}`),
        sql`, `,
      )})`
    : sql`0`
  return scope.orNull ? sql`(${among} OR ${column} IS NULL)` : among
}

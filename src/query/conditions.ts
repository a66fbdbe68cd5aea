/** The conditions that filters and row scopes become. */
import { type SQL, sql } from 'drizzle-orm'
import type { Dialect } from './dialect.ts'
import type { ScopeCondition } from './policy.ts'
import type { QueryFilter } from './query.ts'
import type { StoredValue } from './values.ts'

/** @param places where the request's values are bound */
export function condition(
  dialect: Dialect,
  filter: QueryFilter,
  value: StoredValue[] | boolean,
  places: readonly SQL[],
): SQL {
  const { op } = filter
  if (op === 'like' || op === 'ilike') return dialect.like(op, filter, places[0]!)
  if (op === 'eq') return sql`${dialect.key(filter)} = ${dialect.keySlot(filter, places[0]!)}`
  if (op === 'in') return sql`${dialect.key(filter)} IN (${list(places.map(place => dialect.keySlot(filter, place)))})`
  const term = dialect.value(filter)
  const [a, b] = places.map(place => dialect.slot(filter, place))
  switch (op) {
    case 'ne':
      return sql`${term} <> ${a}`
    case 'lt':
      return sql`${term} < ${a}`
    case 'lte':
      return sql`${term} <= ${a}`
    case 'gt':
      return sql`${term} > ${a}`
    case 'gte':
      return sql`${term} >= ${a}`
    case 'not_in':
      return sql`${term} NOT IN (${list(places.map(place => dialect.slot(filter, place)))})`
    case 'between':
      return sql`${term} BETWEEN ${a} AND ${b}`
    case 'is_null':
      return value ? sql`${term} IS NULL` : sql`${term} IS NOT NULL`
  }
}

export function scopeCondition(dialect: Dialect, scope: ScopeCondition): SQL {
  const values = scope.values.map(value => dialect.bound('in', scope, value))
  const places = () => list(values.map(value => dialect.keySlot(scope, sql`${value}`)))
  const among = values.length
    ? (dialect.among?.(scope, values) ?? sql`${dialect.key(scope)} IN (${places()})`)
    : sql`1 = 0`
  return scope.orNull ? sql`(${among} OR ${dialect.value(scope)} IS NULL)` : among
}

const list = (places: SQL[]): SQL => sql.join(places, sql`, `)

import { type SQL, sql } from 'drizzle-orm'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import type { ColumnRef, QueryFilter, Table } from './compile.ts'
import { BLOCKED } from './masks.ts'
import type { ScopeCondition, View } from './policy.ts'
import type { BoundRequest } from './request.ts'
import { needsBigints, type StoredValue } from './values.ts'

/** One statement for one view and one set of present filters. Values are bound, identifiers come from the catalog only. */
export interface Statement {
  sql: string
  /** database files, attached as d0, d1, ... */
  files: string[]
  /** whether integers must be read as bigint */
  bigints: boolean
  /** how many conditions its WHERE has */
  conditions: number
  /** the values to bind for a request of the same variant */
  bind: (bound: BoundRequest) => StoredValue[]
}

const dialect = new SQLiteSyncDialect()

/** A place of a value that comes with each request. */
type Slot = { filter: number; position: number } | 'limit' | 'offset'
const slotName = (slot: Slot) => (typeof slot === 'string' ? slot : `f${slot.filter}.${slot.position}`)

/**
 * The SQLite text of a view for requests like this one: the same filters present, with as many values each. One row more
 * than the limit is asked for, to know whether there are more.
 */
export function buildStatement(view: View, like: BoundRequest): Statement {
  const { tables, filters, order } = view.query
  const files = [...new Set(tables.map(t => t.dataset.file))]
  const column = (ref: ColumnRef) => sql`${sql.identifier(`t${ref.table}`)}.${sql.identifier(ref.column.name)}`
  const tableName = (table: Table, index: number) =>
    sql`${sql.identifier(`d${files.indexOf(table.dataset.file)}`)}.${sql.identifier('data')} AS ${sql.identifier(`t${index}`)}`

  const conditions = filters.flatMap((filter, index) => {
    const value = like.filters[index]
    if (value === undefined) return []
    const count = typeof value === 'boolean' ? 0 : value.length
    const slots = Array.from({ length: count }, (_, position) => sql.placeholder(slotName({ filter: index, position })))
    return [condition(filter, column(filter), value, slots)]
  })
  const scoped = (s: ScopeCondition) => scopeCondition(s, column(s))

  const joins = tables.slice(1).map((table, i) => {
    const index = i + 1
    const on = table.join!.on.map(({ left, right }) => sql`${column(left)} = ${column(right)}`)
    // a scope on a left-joined table stands in its ON, so that the left rows stay
    on.push(...view.scope.filter(s => s.table === index).map(scoped))
    const kind = table.join!.type === 'left' ? sql`LEFT JOIN` : sql`INNER JOIN`
    return sql`${kind} ${tableName(table, index)} ON ${sql.join(on, sql` AND `)}`
  })
  const where = [...view.scope.filter(s => s.table === 0).map(scoped), ...conditions]

  const text = sql.join(
    [
      sql`SELECT ${
        view.outputs.length
          ? sql.join(
              view.outputs.map(o => sql`${selected(o, column(o))} AS ${sql.identifier(o.name)}`),
              sql`, `,
            )
          : sql`1`
      }`,
      sql`FROM ${tableName(tables[0]!, 0)}`,
      ...joins,
      ...(where.length ? [sql`WHERE ${sql.join(where, sql` AND `)}`] : []),
      sql`ORDER BY ${sql.join(orderBy(tables[0]!, order, column), sql`, `)}`,
      // `+ 0`: where LIMIT is a bare parameter, SQLite prepares the statement anew for every value that is bound
      sql`LIMIT ${sql.placeholder('limit')} + 0 OFFSET ${sql.placeholder('offset')} + 0`,
    ],
    sql` `,
  )
  const compiled = dialect.sqlToQuery(text)
  const places = compiled.params.map(placeOf)
  return {
    sql: compiled.sql,
    files,
    bigints: view.outputs.some(o => o.treatment !== 'blocked' && needsBigints(o.column)),
    conditions: where.length,
    bind: bound => places.map(place => place(bound)),
  }
}

function selected(output: View['outputs'][number], column: SQL): SQL {
  // a blocked value never leaves the engine, nor does one that its mask replaces whole
  if (output.treatment === 'blocked') return sql.raw(`'${BLOCKED}'`)
  if (output.treatment === 'masked') {
    if (output.column.mask === 'null') return sql`NULL`
    if ((output.column.mask ?? 'redact') === 'redact') return sql`CASE WHEN ${column} IS NULL THEN NULL ELSE '***' END`
  }
  return column
}

function condition(filter: QueryFilter, column: SQL, value: StoredValue[] | boolean, slots: unknown[]): SQL {
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

function scopeCondition(scope: ScopeCondition, column: SQL): SQL {
  const among = scope.values.length
    ? sql`${column} IN (${sql.join(
        scope.values.map(v => sql`${v}`),
        sql`, `,
      )})`
    : sql`0`
  return scope.orNull ? sql`(${among} OR ${column} IS NULL)` : among
}

/** NULLs last, whatever the direction; then by primary key (or in the file's order), so that paging is stable. */
function orderBy(source: Table, order: View['query']['order'], column: (ref: ColumnRef) => SQL): SQL[] {
  const terms = order.map(ref => {
    const direction = ref.direction === 'desc' ? sql`DESC` : sql`ASC`
    const nullable = ref.column.nullable || ref.table > 0
    return nullable ? sql`${column(ref)} ${direction} NULLS LAST` : sql`${column(ref)} ${direction}`
  })
  const key = source.dataset.primaryKey
  if (!key) {
    const names = source.dataset.columns.map(c => c.name.toLowerCase())
    const rowid = ['rowid', '_rowid_', 'oid'].find(name => !names.includes(name))
    return rowid
      ? [...terms, sql.raw(`t0.${rowid}`)]
      : [...terms, ...source.dataset.columns.map(c => column({ table: 0, column: c }))]
  }
  const rest = key.filter(name => !order.some(ref => ref.table === 0 && ref.column.name === name))
  return [...terms, ...rest.map(name => column({ table: 0, column: source.columns.get(name)! }))]
}

function placeOf(param: unknown): (bound: BoundRequest) => StoredValue {
  const name = (param as { name?: string } | null)?.name
  if (typeof param !== 'object' || param === null || name === undefined) return () => param as StoredValue
  if (name === 'limit') return bound => bound.limit + 1
  if (name === 'offset') return bound => bound.offset
  const [filter, position] = name.slice(1).split('.').map(Number) as [number, number]
  return bound => (bound.filters[filter] as StoredValue[])[position]!
}

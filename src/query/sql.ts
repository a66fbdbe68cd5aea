import { type SQL, sql } from 'drizzle-orm'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { condition, scopeCondition } from './conditions.ts'
import { expression } from './expression.ts'
import { isAfter } from './keyset.ts'
import { BLOCKED } from './masks.ts'
import type { ScopeCondition, View } from './policy.ts'
import { mayBeNull, type OrderTerm, sameTerm, type Table } from './query.ts'
import type { BoundRequest } from './request.ts'
import { needsBigints, type StoredValue } from './values.ts'

/** One statement for one view and one set of present filters. Values are bound, identifiers come from the catalog only. */
export interface Statement {
  sql: string
  /** database files, attached as d0, d1, ... */
  files: string[]
  /** whether integers must be read as bigint */
  bigints: boolean
  /** how many conditions its WHERE has, without that of a cursor */
  conditions: number
  /** of how many values the cursor that it begins after is; 0: none */
  after: number
  /** whether it reads all rows that its conditions leave, however few it answers */
  whole: boolean
  /** the columns that hold a row's values in the request's order, where a cursor can be made of them */
  keys: string[]
  /** those of them that are no part of the answer */
  hidden: string[]
  /** the values to bind for a request of the same variant */
  bind: (bound: BoundRequest) => StoredValue[]
}

const dialect = new SQLiteSyncDialect()

/**
 * The SQLite text of a view for requests like this one: the same filters present, with as many values each, in the same
 * order. One row more than the limit is asked for, to know whether there are more.
 */
export function buildStatement(view: View, like: BoundRequest): Statement {
  const { groups, distinct, tables } = view.query
  const body = bodyOf(view, like)
  const keys = cursorColumns(view, like)
  const selects = [
    ...view.outputs.map(o => sql`${selected(o, expression(o))} AS ${sql.identifier(o.name)}`),
    ...keys.hidden.map(({ name, term }) => sql`${expression(term)} AS ${sql.identifier(name)}`),
  ]
  const order = orderBy(view, like.order)
  const text = sql.join(
    [
      sql`SELECT ${distinct ? sql`DISTINCT ` : sql``}${selects.length ? sql.join(selects, sql`, `) : sql`1`}`,
      ...body.clauses,
      ...(order.length ? [sql`ORDER BY ${sql.join(order, sql`, `)}`] : []),
      // `+ 0`: where LIMIT is a bare parameter, SQLite prepares the statement anew for every value that is bound
      sql`LIMIT ${sql.placeholder('limit')} + 0 OFFSET ${sql.placeholder('offset')} + 0`,
    ],
    sql` `,
  )
  const read = [...view.outputs.filter(o => o.treatment !== 'blocked'), ...keys.hidden.map(({ term }) => term)]
  return {
    ...compiled(text),
    files: filesOf(tables),
    bigints: read.some(term => needsBigints(term.column)),
    conditions: body.conditions,
    after: like.after?.length ?? 0,
    whole: groups !== null || distinct,
    keys: keys.names,
    hidden: keys.hidden.map(({ name }) => name),
  }
}

/** How many rows the same request has on all its pages, as `n`. */
export function buildCount(view: View, like: BoundRequest): Statement {
  const { groups, distinct, tables } = view.query
  const { clauses, conditions } = bodyOf(view, { ...like, after: undefined })
  const from = sql.join(clauses, sql` `)
  const columns = view.outputs.length ? sql.join(view.outputs.map(expression), sql`, `) : sql`1`
  const text =
    groups || distinct
      ? sql`SELECT count(*) AS n FROM (SELECT ${distinct ? sql`DISTINCT ${columns}` : groups?.length ? sql`1` : columns} ${from})`
      : sql`SELECT count(*) AS n ${from}`
  const about = { bigints: false, conditions, after: 0, whole: true, keys: [], hidden: [] }
  return { ...compiled(text), files: filesOf(tables), ...about }
}

const filesOf = (tables: Table[]) => [...new Set(tables.map(t => t.dataset.file))]

function compiled(text: SQL): Pick<Statement, 'sql' | 'bind'> {
  const { sql: made, params } = dialect.sqlToQuery(text)
  const places = params.map(placeOf)
  return { sql: made, bind: bound => places.map(place => place(bound)) }
}

/** FROM, WHERE, GROUP BY and HAVING. */
function bodyOf(view: View, like: BoundRequest): { clauses: SQL[]; conditions: number } {
  const { tables, filters, groups } = view.query
  const files = filesOf(tables)
  const tableName = (table: Table, index: number) =>
    sql`${sql.identifier(`d${files.indexOf(table.dataset.file)}`)}.${sql.identifier('data')} AS ${sql.identifier(`t${index}`)}`
  const scoped = (s: ScopeCondition) => scopeCondition(s, expression(s))
  const joins = tables.slice(1).map((table, i) => {
    const index = i + 1
    const on = table.join!.on.map(({ left, right }) => sql`${expression(left)} = ${expression(right)}`)
    // a scope on a left-joined table stands in its ON, so that the left rows stay
    on.push(...view.scope.filter(s => s.table === index).map(scoped))
    const kind = table.join!.type === 'left' ? sql`LEFT JOIN` : sql`INNER JOIN`
    return sql`${kind} ${tableName(table, index)} ON ${sql.join(on, sql` AND `)}`
  })
  const where: SQL[] = view.scope.filter(s => s.table === 0).map(scoped)
  const having: SQL[] = []
  for (const [index, filter] of filters.entries()) {
    const value = like.filters[index]
    if (value === undefined) continue
    const count = typeof value === 'boolean' ? 0 : value.length
    const slots = Array.from({ length: count }, (_, position) => sql.placeholder(`f${index}.${position}`))
    const list = filter.aggregate ? having : where
    list.push(condition(filter, expression(filter), value, slots))
  }
  const conditions = where.length
  if (like.after) {
    const list = like.order.some(term => term.aggregate) ? having : where
    list.push(isAfter(like.order, like.after))
  }
  const clauses = [sql`FROM ${tableName(tables[0]!, 0)}`, ...joins]
  if (where.length) clauses.push(sql`WHERE ${sql.join(where, sql` AND `)}`)
  if (groups?.length) clauses.push(sql`GROUP BY ${sql.join(groups.map(expression), sql`, `)}`)
  if (having.length) clauses.push(sql`HAVING ${sql.join(having, sql` AND `)}`)
  return { clauses, conditions }
}

/** Where the values of a request's order are found in its rows: in the answer itself, or beside it. */
function cursorColumns(
  view: View,
  like: BoundRequest,
): { names: string[]; hidden: { name: string; term: OrderTerm }[] } {
  if (!view.query.ties.unique || atMostOne(view, like)) return { names: [], hidden: [] }
  const hidden: { name: string; term: OrderTerm }[] = []
  const names = like.order.map((term, i) => {
    const shown = view.outputs.find(o => o.treatment === 'raw' && sameTerm(o, term))
    if (shown) return shown.name
    let name = `k${i}`
    while (view.outputs.some(o => o.name.toLowerCase() === name)) name += '_'
    hidden.push({ name, term })
    return name
  })
  return { names, hidden }
}

function atMostOne({ query }: View, like: BoundRequest): boolean {
  const { groups, distinct, ties, filters } = query
  if (groups) return groups.length === 0
  return (
    !distinct &&
    ties.terms.every(key => filters.some((f, i) => f.op === 'eq' && like.filters[i] !== undefined && sameTerm(f, key)))
  )
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

/** NULLs last, whatever the direction; without a key to end in, by the file's order, so that paging is stable. */
function orderBy({ query }: View, order: readonly OrderTerm[]): SQL[] {
  const terms = order.map(term => {
    const direction = term.direction === 'desc' ? sql`DESC` : sql`ASC`
    return mayBeNull(term) ? sql`${expression(term)} ${direction} NULLS LAST` : sql`${expression(term)} ${direction}`
  })
  const { dataset } = query.tables[0]!
  if (query.groups || query.distinct || dataset.primaryKey) return terms
  const names = dataset.columns.map(c => c.name.toLowerCase())
  const rowid = ['rowid', '_rowid_', 'oid'].find(name => !names.includes(name))
  return rowid
    ? [...terms, sql.raw(`t0.${rowid}`)]
    : [...terms, ...dataset.columns.map(column => expression({ table: 0, column }))]
}

function placeOf(param: unknown): (bound: BoundRequest) => StoredValue {
  const name = (param as { name?: string } | null)?.name
  if (typeof param !== 'object' || param === null || name === undefined) return () => param as StoredValue
  if (name === 'limit') return bound => bound.limit + 1
  if (name === 'offset') return bound => bound.offset
  if (name.startsWith('a')) {
    const index = Number(name.slice(1))
    return bound => bound.after![index]!
  }
  const [filter, position] = name.slice(1).split('.').map(Number) as [number, number]
  return bound => (bound.filters[filter] as StoredValue[])[position]!
}

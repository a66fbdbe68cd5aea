import { type SQL, sql } from 'drizzle-orm'
import { condition, scopeCondition } from './conditions.ts'
import type { Dialect } from './dialect.ts'
import { dialectOf } from './dialects.ts'
import { isAfter } from './keyset.ts'
import { BLOCKED } from './masks.ts'
import type { ScopeCondition, View } from './policy.ts'
import { mayBeNull, type OrderTerm, type Query, sameTerm, type Table } from './query.ts'
import type { BoundRequest } from './request.ts'
import { needsBigints, type StoredValue } from './values.ts'

/** One statement for one view and one set of present filters. Values are bound, identifiers come from the catalog only. */
export interface Statement {
  sql: string
  /** what it reads, as its engine knows it: database files of the embedded store, attached as d0, d1, ... */
  sources: string[]
  /** the columns of its rows, in order: the answer's, then `hidden` */
  names: string[]
  /** whether integers must be read as bigint */
  bigints: boolean
  /** how many conditions its WHERE has, without that of a cursor */
  conditions: number
  /** in how many places of an index its lists of values may be looked for: the product of their lengths */
  places: number
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

/**
 * The text of a view, in its engine's SQL, for requests like this one: the same filters present, with as many values each,
 * in the same order. One row more than the limit is asked for, to know whether there are more.
 */
export function buildStatement(view: View, like: BoundRequest): Statement {
  const { engine, groups, distinct } = view.query
  const dialect = dialectOf(view.query)
  const body = bodyOf(dialect, view, like)
  const keys = cursorColumns(view, like)
  const columns = [
    ...view.outputs.map(o => ({ name: o.name, sql: selected(dialect, o) })),
    ...keys.hidden.map(({ name, term }) => ({ name, sql: dialect.selected(term) })),
  ]
  // what is one row at most needs neither an order nor an end: without them it takes half the time (elsewhere a key may be
  // somebody's word)
  const single = engine === 'sqlite' && view.query.ties.unique && like.offset === 0 && atMostOne(view, like)
  const order = single ? [] : orderBy(dialect, view, like.order)
  const text = sql.join(
    [
      sql`SELECT ${distinct && dialect.ordersDistinct ? sql`DISTINCT ` : sql``}${selectList(dialect, columns)}`,
      ...body.clauses,
      ...(order.length ? [sql`ORDER BY ${sql.join(order, sql`, `)}`] : []),
      ...(single ? [] : [dialect.limit(sql`${sql.placeholder('limit')}`, sql`${sql.placeholder('offset')}`)]),
    ],
    sql` `,
  )
  const read = [...view.outputs.filter(o => o.treatment !== 'blocked'), ...keys.hidden.map(({ term }) => term)]
  return {
    ...compiled(dialect, view, text),
    names: columns.map(({ name }) => name),
    bigints: read.some(term => needsBigints(term.column)),
    conditions: body.conditions,
    places: body.places,
    after: like.after?.length ?? 0,
    whole: groups !== null || distinct,
    keys: keys.names,
    hidden: keys.hidden.map(({ name }) => name),
  }
}

/** How many rows the same request has on all its pages, as `n`. */
export function buildCount(view: View, like: BoundRequest): Statement {
  const { groups, distinct } = view.query
  const dialect = dialectOf(view.query)
  const { clauses, conditions, places } = bodyOf(dialect, view, { ...like, after: undefined })
  const from = sql.join(clauses, sql` `)
  const columns = view.outputs.length ? sql.join(view.outputs.map(dialect.value), sql`, `) : sql`1`
  const rows = distinct && dialect.ordersDistinct ? sql`DISTINCT ${columns}` : groups?.length ? sql`1` : columns
  const text =
    groups || distinct
      ? sql`SELECT count(*) AS n FROM (SELECT ${rows} ${from}) AS r`
      : sql`SELECT count(*) AS n ${from}`
  const about = { names: ['n'], bigints: false, conditions, places, after: 0, whole: true, keys: [], hidden: [] }
  return { ...compiled(dialect, view, text), ...about }
}

/** The columns of a SELECT. Where rows come as lists, the names stay here: a database may cut or fold them. */
export function selectList(dialect: Dialect, columns: { name: string; sql: SQL }[]): SQL {
  if (columns.length === 0) return sql`1`
  const named = columns.map(({ name, sql: column }) =>
    dialect.namesRows ? sql`${column} AS ${sql.identifier(name)}` : column,
  )
  return sql.join(named, sql`, `)
}

const sourcesOf = (dialect: Dialect, tables: Table[]) => [...new Set(tables.map(t => dialect.source(t.dataset)))]

function compiled(dialect: Dialect, { query }: View, text: SQL): Pick<Statement, 'sql' | 'sources' | 'bind'> {
  const { sql: made, params } = dialect.text(text)
  const places = params.map(param => placeOf(dialect, query, param))
  return { sql: made, sources: sourcesOf(dialect, query.tables), bind: bound => places.map(place => place(bound)) }
}

/** FROM, WHERE, GROUP BY and HAVING. */
function bodyOf(
  dialect: Dialect,
  view: View,
  like: BoundRequest,
): { clauses: SQL[] } & Pick<Statement, 'conditions' | 'places'> {
  const { tables, filters, groups, distinct } = view.query
  const sources = sourcesOf(dialect, tables)
  const scoped = (s: ScopeCondition) => scopeCondition(dialect, s)
  const joins = tables.slice(1).map((table, i) => {
    const index = i + 1
    const on = table.join!.on.map(({ left, right }) => dialect.equal(left, right))
    // a scope on a left-joined table stands in its ON, so that the left rows stay
    on.push(...view.scope.filter(s => s.table === index).map(scoped))
    const kind = table.join!.type === 'left' ? sql`LEFT JOIN` : sql`INNER JOIN`
    return sql`${kind} ${dialect.from(view.query, index, sources)} ON ${sql.join(on, sql` AND `)}`
  })
  const where: SQL[] = view.scope.filter(s => s.table === 0).map(scoped)
  const having: SQL[] = []
  for (const [index, filter] of filters.entries()) {
    const value = like.filters[index]
    if (value === undefined) continue
    const count = typeof value === 'boolean' ? 0 : value.length
    const places = Array.from({ length: count }, (_, position) => sql`${sql.placeholder(`f${index}.${position}`)}`)
    const list = filter.aggregate ? having : where
    list.push(condition(dialect, filter, value, places))
  }
  const conditions = where.length
  if (like.after) {
    const list = like.order.some(term => term.aggregate) ? having : where
    list.push(isAfter(dialect, like.order, like.after))
  }
  const clauses = [sql`FROM ${dialect.from(view.query, 0, sources)}`, ...joins]
  if (where.length) clauses.push(sql`WHERE ${sql.join(where, sql` AND `)}`)
  const grouped = groups ?? (distinct && !dialect.ordersDistinct ? view.outputs : [])
  if (grouped.length) clauses.push(sql`GROUP BY ${sql.join(grouped.map(dialect.value), sql`, `)}`)
  if (having.length) clauses.push(sql`HAVING ${sql.join(having, sql` AND `)}`)
  const lists = [
    ...view.scope.map(({ values }) => values.length),
    ...filters.map(({ op }, i) => (op === 'in' ? ((like.filters[i] as StoredValue[] | undefined)?.length ?? 1) : 1)),
  ]
  return { clauses, conditions, places: lists.reduce((product, length) => product * Math.max(1, length), 1) }
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

function selected(dialect: Dialect, output: View['outputs'][number]): SQL {
  // a blocked value never leaves the engine, nor does one that its mask replaces whole
  if (output.treatment === 'blocked') return sql.raw(`'${BLOCKED}'`)
  if (output.treatment === 'masked') {
    if (output.column.mask === 'null') return sql`NULL`
    if ((output.column.mask ?? 'redact') === 'redact')
      return sql`CASE WHEN ${dialect.value(output)} IS NULL THEN NULL ELSE '***' END`
  }
  return dialect.selected(output)
}

/** NULLs last, whatever the direction; without a key to end in, by the source's own order, so that paging is stable. */
function orderBy(dialect: Dialect, { query }: View, order: readonly OrderTerm[]): SQL[] {
  const terms = order.map(term => {
    const direction = term.direction === 'desc' ? sql`DESC` : sql`ASC`
    return mayBeNull(term)
      ? sql`${dialect.ordered(term)} ${direction} NULLS LAST`
      : sql`${dialect.ordered(term)} ${direction}`
  })
  return query.ties.unique ? terms : [...terms, ...dialect.rowOrder(query)]
}

function placeOf(dialect: Dialect, query: Query, param: unknown): (bound: BoundRequest) => StoredValue {
  const name = (param as { name?: string } | null)?.name
  if (typeof param !== 'object' || param === null || name === undefined) return () => param as StoredValue
  if (name === 'limit') return bound => bound.limit + 1
  if (name === 'offset') return bound => bound.offset
  if (name.startsWith('a')) {
    const index = Number(name.slice(1))
    return bound => bound.after![index]!
  }
  const [index, position] = name.slice(1).split('.').map(Number) as [number, number]
  const filter = query.filters[index]!
  return bound => dialect.bound(filter.op, filter, (bound.filters[index] as StoredValue[])[position]!)
}

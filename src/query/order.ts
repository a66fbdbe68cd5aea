/** The order of a query's rows: the author's, what a request may choose, and what makes it a total one. */
import type { QueryDefinition } from '../catalog/query-definition.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { dialectOf } from './dialects.ts'
import {
  type ColumnRef,
  type OrderParam,
  type OrderTerm,
  type Output,
  type Query,
  sameTerm,
  type Table,
  type Term,
} from './query.ts'
import { refOf } from './tables.ts'

/** @throws Fault 422 what cannot be ordered by, or a choice that could mean two things */
export function orderOf(definition: QueryDefinition, query: Query): Query['order'] {
  return (definition.order_by ?? []).map(entry => {
    if (entry.param === undefined)
      return { ...orderable(entry.column!, query), direction: entry.direction ?? ('asc' as const) }
    const choices: OrderParam['choices'] = new Map()
    for (const name of entry.allow!) {
      const term = orderable(name, query)
      for (const direction of ['asc', 'desc'] as const) {
        const choice = direction === 'asc' ? name : `-${name}`
        if (choices.has(choice)) throw unprocessable(`order_by: ${shown(choice)} is allowed twice.`)
        choices.set(choice, { ...term, direction })
      }
    }
    const defaults = entry.default === undefined ? [] : [entry.default].flat()
    for (const name of defaults)
      if (!choices.has(name)) throw unprocessable(`order_by: the default ${shown(name)} is not among what is allowed.`)
    return { param: entry.param, choices, defaults }
  })
}

/** A column of the answer by its name, or any column of the tables that still has one value in every row of the answer. */
function orderable(name: string, query: Query): Term {
  const { tables, outputs, groups, distinct } = query
  const output = outputs.find(o => o.name === name)
  const { table, column, aggregate }: Term = output ?? refOf(name, tables, 'order_by')
  const term: Term = { table, column, ...(aggregate ? { aggregate } : {}) }
  if (!dialectOf(query).compares(term))
    throw unprocessable(`order_by: ${shown(name)}: a sum of decimals of more than 18 digits cannot be ordered by.`)
  if (groups && !aggregate && !groups.some(group => sameTerm(group, term)))
    throw unprocessable(`order_by: ${shown(name)} is neither an aggregate of the answer nor in group_by.`)
  if (distinct && !outputs.some(o => sameTerm(o, term)))
    throw unprocessable(`order_by: ${shown(name)} is not in the answer, so distinct rows have no one value of it.`)
  return term
}

/**
 * What every order ends in: the groups; the whole row where rows are distinct; else the source's primary key, and that of
 * each joined table of which one row of the left side may find several.
 */
export function tiesOf(
  tables: Table[],
  outputs: Output[],
  groups: ColumnRef[] | null,
  distinct: boolean,
): Query['ties'] {
  if (groups) return { terms: groups, unique: true }
  if (distinct) return { terms: outputs, unique: true }
  const terms: ColumnRef[] = []
  let unique = true
  for (const [index, { dataset, columns, join }] of tables.entries()) {
    const key = dataset.primaryKey
    if (key && join && key.every(name => join.on.some(({ right }) => right.column.name === name))) continue
    if (key) terms.push(...key.map(name => ({ table: index, column: columns.get(name)! })))
    else unique = false
    if (index === 0 && !key) return { terms, unique } // the file's own order stands before any joined key
  }
  return { terms, unique }
}

/**
 * The whole order of a request's rows, without repetitions.
 * @param chosen by parameter, the names that the request gave
 */
export function orderTerms(query: Query, chosen?: ReadonlyMap<string, readonly string[]>): OrderTerm[] {
  const wanted = query.order.flatMap(entry =>
    'param' in entry ? (chosen?.get(entry.param) ?? entry.defaults).map(name => entry.choices.get(name)!) : [entry],
  )
  const tie = query.groups === null && !query.distinct
  const ties = query.ties.terms.map((term): OrderTerm => ({ ...term, direction: 'asc', ...(tie ? { tie } : {}) }))
  const all = [...wanted, ...ties]
  return all.filter((term, i) => all.findIndex(other => sameTerm(other, term)) === i)
}

/** The tables of a query, how they are joined, and what a name in a definition means among them. */
import { connectionOf, type Dataset } from '../catalog/datasets.ts'
import type { QueryDefinition } from '../catalog/query-definition.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { dialectOf } from './dialects.ts'
import type { ColumnRef, Table } from './query.ts'
import { comparable } from './values.ts'

export type DatasetResolver = (name: string) => Dataset | undefined

/** @throws Fault 422 a dataset or column that is not there, two tables of one name, columns that cannot be compared */
export function tablesOf(definition: QueryDefinition, resolve: DatasetResolver): Table[] {
  const { source, joins = [] } = definition
  const tables = [tableOf(source, resolve)]
  const { engine } = tables[0]!.dataset
  const { kind } = dialectOf({ engine })
  for (const join of joins) {
    const table = tableOf(join, resolve)
    if (tables.some(t => t.alias === table.alias))
      throw unprocessable(`Two tables are called ${shown(table.alias)}; give one of them another name with "as".`)
    checkTogether(tables[0]!, table)
    const own = [...tables, table]
    const on = join.on.map(({ left, right }) => {
      const pair = { left: refOf(left, tables, 'join'), right: refOf(right, [table], 'join') }
      return { left: pair.left, right: { ...pair.right, table: own.length - 1 } }
    })
    for (const { left, right } of on)
      if (!comparable(left.column) || kind(left.column) !== kind(right.column))
        throw unprocessable(
          `The join with ${shown(table.alias)} compares ${shown(left.column.name)} (${kind(left.column)}) with ${shown(right.column.name)} (${kind(right.column)}).`,
        )
    tables.push({ ...table, join: { type: join.type ?? 'inner', on } })
  }
  return tables
}

/** A statement runs in one engine, and of databases in one. */
function checkTogether(source: Table, joined: Table): void {
  const [a, b] = [source.dataset.engine, joined.dataset.engine]
  if (a !== b)
    throw unprocessable(
      `The join with ${shown(joined.alias)}: ${source.dataset.name} is read by ${a} and ${joined.dataset.name} by ${b}; a query is of one engine.`,
    )
  const [own, other] = [connectionOf(source.dataset), connectionOf(joined.dataset)]
  if (own !== other)
    throw unprocessable(
      `The join with ${shown(joined.alias)}: ${source.dataset.name} is in the database ${own} and ${joined.dataset.name} in ${other}; a query is of one database.`,
    )
}

function tableOf(source: { schema: string; table: string; as?: string }, resolve: DatasetResolver): Table {
  const name = `${source.schema}.${source.table}`
  const dataset = resolve(name)
  if (!dataset) throw unprocessable(`The project has no dataset ${shown(name)}.`)
  if (source.as?.includes('.')) throw unprocessable('The "as" of a table must not contain a dot.')
  return { alias: source.as ?? source.table, dataset, columns: new Map(dataset.columns.map(c => [c.name, c])) }
}

/** `column` of the source, or `alias.column` of any table. */
export function refOf(text: string, tables: Table[], place: string): ColumnRef {
  const own = tables[0]!.columns.get(text)
  if (own) return { table: 0, column: own }
  for (const [index, table] of tables.entries())
    if (text.startsWith(`${table.alias}.`)) {
      const column = table.columns.get(text.slice(table.alias.length + 1))
      if (column) return { table: index, column }
    }
  throw unprocessable(`${place}: there is no column ${shown(text)} in ${tables.map(t => shown(t.alias)).join(', ')}.`)
}

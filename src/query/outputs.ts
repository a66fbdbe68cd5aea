/** The columns of a query's answer: stored ones and aggregates, and what they are grouped by. */
import { type Column, MAX_DIGITS } from '../catalog/column.ts'
import type { AggregateFunction, QueryDefinition } from '../catalog/query-definition.ts'
import { INTEGER_DIGITS } from '../lib/decimal.ts'
import { unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { type ColumnRef, type Output, sameTerm, type Table } from './query.ts'
import { refOf } from './tables.ts'
import { comparable } from './values.ts'

/**
 * @throws Fault 422 a column that is not there, two of one name, an aggregate that its column's type does not have, a plain
 * column that is not grouped by
 */
export function outputsOf(
  definition: QueryDefinition,
  tables: Table[],
): { outputs: Output[]; groups: ColumnRef[] | null; distinct: boolean } {
  const outputs: Output[] = definition.columns
    ? definition.columns.map(entry => outputOf(typeof entry === 'string' ? { column: entry } : entry, tables))
    : [...tables[0]!.columns.values()].map(column => ({ table: 0, column, name: column.name }))
  checkNames(outputs)
  const grouped = (definition.group_by?.length ?? 0) > 0 || outputs.some(o => o.aggregate)
  const distinct = definition.distinct ?? false
  const groups = grouped ? groupsOf(definition, tables, outputs) : null
  if (distinct) checkDistinct(outputs, grouped)
  return { outputs, groups, distinct }
}

function outputOf(
  { column, fn, as }: { column?: string; fn?: AggregateFunction; as?: string },
  tables: Table[],
): Output {
  if (!fn) return { ...refOf(column!, tables, 'columns'), name: as ?? column! }
  const of = column === undefined ? undefined : refOf(column, tables, 'columns')
  const name = as ?? (column === undefined ? fn : `${fn}_${column}`)
  return { table: -1, column: resultOf(fn, of?.column, name), aggregate: { fn, ...(of ? { of } : {}) }, name }
}

/**
 * The column that an aggregate gives. Counts are integers; a sum has its column's type and is exact (of floats: to a
 * float's digits); an average is a float whatever it is of; the least and the greatest have their column's type.
 */
export function resultOf(fn: AggregateFunction, of: Column | undefined, name: string): Column {
  const result = { name, nullable: true, sensitivity: 'low' } as const
  if (fn === 'count') return { ...result, type: 'integer', nullable: false }
  const refuse = (what: string) =>
    unprocessable(`columns: ${fn} of ${shown(of!.name)}: a column of type ${of!.type} has no ${what}.`)
  if (!comparable(of!)) throw refuse('order')
  if (fn === 'count_distinct') return { ...result, type: 'integer', nullable: false }
  if (fn === 'min' || fn === 'max') {
    const { mask: _mask, ...column } = of!
    return { ...column, ...result }
  }
  if (of!.type !== 'integer' && of!.type !== 'float' && of!.type !== 'decimal') throw refuse(fn)
  if (fn === 'avg' || of!.type === 'float') return { ...result, type: 'float' }
  if (of!.type === 'integer') return { ...result, type: 'integer', wide: true }
  const { precision = MAX_DIGITS, scale } = of!
  // of a database's numbers without a scale
  if (scale === undefined) return { ...result, type: 'decimal' }
  return { ...result, type: 'decimal', precision: Math.max(precision, INTEGER_DIGITS), scale }
}

function checkNames(outputs: Output[]): void {
  const names = new Set<string>()
  for (const { name } of outputs) {
    // the engine would give such a column back under another name, past its mask
    if (!name.isWellFormed() || name.includes('\0'))
      throw unprocessable(`columns: ${shown(name.toWellFormed())} cannot be the name of a column.`)
    if (names.has(name)) throw unprocessable(`Two columns of the answer are called ${shown(name)}; name one with "as".`)
    names.add(name)
  }
}

function groupsOf(definition: QueryDefinition, tables: Table[], outputs: Output[]): ColumnRef[] {
  const groups = (definition.group_by ?? []).map(name => refOf(name, tables, 'group_by'))
  for (const { column } of groups)
    if (!comparable(column))
      throw unprocessable(`group_by: ${shown(column.name)}: a ${column.type} column cannot be grouped by.`)
  for (const output of outputs)
    if (!output.aggregate && !groups.some(group => sameTerm(group, output)))
      throw unprocessable(
        `columns: ${shown(output.name)} is neither an aggregate nor in group_by, so a group has no one value of it.`,
      )
  return groups.filter((group, i) => groups.findIndex(other => sameTerm(other, group)) === i)
}

function checkDistinct(outputs: Output[], grouped: boolean): void {
  if (grouped) throw unprocessable('distinct does not go with group_by or aggregates: groups are distinct already.')
  for (const { name, column } of outputs)
    if (!comparable(column))
      throw unprocessable(`distinct: ${shown(name)}: a ${column.type} column cannot be compared.`)
}

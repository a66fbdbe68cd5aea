import type { DuckDBConnection } from '@duckdb/node-api'
import { rowsOf } from './duck.ts'
import { firstMisfit } from './plan.ts'
import type { ColumnPlan } from './probe.ts'
import type { Source } from './source.ts'
import { shown, wrong } from './wrong.ts'

/** The types of which a column may become the key by itself: what someone would look a row up by. */
const KEY_TYPES = new Set(['integer', 'text', 'decimal', 'date', 'timestamp', 'timestamptz'])

/** DuckDB's estimate of distinct values is off by a fifth at times; what it finds this far from unique is not counted. */
const WORTH_COUNTING = 0.5

/**
 * The first unique column without nulls, `id` before all others; undefined where there is none. What looks personal is no
 * key: whoever may not see it could not look anything up by it.
 */
export async function chooseKey(
  connection: DuckDBConnection,
  source: Source,
  columns: ColumnPlan[],
  rowCount: number,
): Promise<string[] | undefined> {
  const candidates = columns.filter(({ stored }) => !stored.nullable && !stored.proposal && KEY_TYPES.has(stored.type))
  candidates.sort((a, b) => Number(isId(b)) - Number(isId(a)))
  if (rowCount === 0 || candidates.length === 0) return undefined
  const [estimates] = await rowsOf(
    connection,
    `SELECT ${candidates.map(({ select }) => `approx_count_distinct(${select})`).join(', ')} FROM ${source.relation}`,
  )
  for (const [i, { stored, select }] of candidates.entries()) {
    if (Number(estimates![i]) < WORTH_COUNTING * rowCount) continue
    const [exact] = await rowsOf(connection, `SELECT count(DISTINCT ${select}) FROM ${source.relation}`)
    if (Number(exact![0]) === rowCount) return [stored.name]
  }
  return undefined
}

const isId = ({ stored }: ColumnPlan) => stored.name.toLowerCase() === 'id'

/**
 * Checks that the key and the indexes name columns, and that the key has a value in every row.
 * @throws Fault 422
 */
export async function checkKeys(
  connection: DuckDBConnection,
  source: Source,
  columns: ColumnPlan[],
  primaryKey: string[] | undefined,
  indexes: string[][],
): Promise<void> {
  const names = columns.map(column => column.stored.name)
  for (const [what, group] of [
    ...(primaryKey ? [['primary key', primaryKey] as const] : []),
    ...indexes.map(index => ['index', index] as const),
  ]) {
    if (group.length === 0) throw wrong(`the ${what} names no column`)
    for (const name of group)
      if (!names.includes(name))
        throw wrong(`the ${what} names a column that is not there; the columns are ${names.map(shown).join(', ')}`, {
          column: name,
        })
    if (new Set(group).size < group.length) throw wrong(`the ${what} names a column twice`, { column: group })
  }
  const empty = columns.filter(({ stored }) => stored.nullable && primaryKey?.includes(stored.name))
  if (empty.length === 0) return
  const misfits = empty.map(({ stored, select }) => ({
    where: stored.type === 'float' ? `(${select} IS NULL OR isnan(${select}))` : `${select} IS NULL`,
    what: 'the primary key is empty',
    column: stored.name,
  }))
  const refusal = await firstMisfit(connection, source, misfits)
  if (refusal.members.row !== undefined) throw refusal
}

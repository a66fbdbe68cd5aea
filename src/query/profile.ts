import { type SQL, sql } from 'drizzle-orm'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import type { ColumnType } from '../catalog/column.ts'
import type { Dataset } from '../catalog/datasets.ts'
import type { Grant } from '../catalog/grant.ts'
import { Fault } from '../lib/fault.ts'
import { compileQuery } from './compile.ts'
import { type Treatment, type View, viewOf } from './policy.ts'
import type { QueryRunner } from './runner.ts'
import { comparable, decoderOf, needsBigints, type StoredValue } from './values.ts'

/** What is known of a column's values, as far as one caller may know it: null is what is not told. */
export interface ColumnProfile {
  name: string
  data_type: ColumnType
  /** how the caller sees the column: aggregates are of what it sees raw, nulls of what it does not see blocked */
  visible: Treatment
  nulls: number | null
  /** null also where counting took too long, and for blobs and JSON */
  distinct: number | null
  min: unknown
  max: unknown
}

type Output = View['outputs'][number]

const dialect = new SQLiteSyncDialect()
/** Columns in one statement: SQLite's results have 2000 at most, and each takes three. */
const BATCH = 500
/** A smaller table is read in this process, as its queries are. */
const SMALL_TABLE = 20_000

/**
 * Profiles a dataset (its `file` an absolute path) for a caller, under the same policy as its rows. Nulls, minima and maxima
 * are one pass; what is different is counted a column at a time for as long as `countUntil` allows.
 * @param times milliseconds since the epoch
 * @throws Fault 503 no worker is free; 504 not even the one pass was done by the deadline
 */
export async function profileOf(
  dataset: Dataset,
  grant: Grant,
  runner: QueryRunner,
  times: { deadline: number; countUntil: number },
): Promise<ColumnProfile[]> {
  const [schema, table] = dataset.name.split('.') as [string, string]
  const { outputs } = viewOf(
    compileQuery({ source: { schema, table } }, () => dataset),
    grant,
  )
  const ask = async (terms: SQL[], bigints: boolean, deadline: number) => {
    const text = sql`SELECT ${sql.join(terms, sql`, `)} FROM ${sql.identifier('d0')}.${sql.identifier('data')}`
    const statement = { sql: dialect.sqlToQuery(text).sql, files: [dataset.file], bigints }
    const rows =
      dataset.rowCount <= SMALL_TABLE
        ? runner.here(statement, [])
        : await runner.inWorker(statement, [], Math.max(deadline, Date.now() + 1))
    return rows[0] as Record<string, StoredValue>
  }
  const profiles: ColumnProfile[] = []
  for (let from = 0; from < outputs.length; from += BATCH)
    profiles.push(...(await extremes(outputs.slice(from, from + BATCH), ask, times.deadline)))
  await countDistinct(dataset, outputs, profiles, ask, Math.min(times.deadline, times.countUntil))
  return profiles
}

type Ask = (terms: SQL[], bigints: boolean, deadline: number) => Promise<Record<string, StoredValue>>

const columnOf = (output: Output) => sql.identifier(output.column.name)
/** Whether the caller may have values of the column put together. */
const open = (output: Output) => output.treatment === 'raw' && comparable(output.column)

async function extremes(outputs: Output[], ask: Ask, deadline: number): Promise<ColumnProfile[]> {
  const terms = outputs.flatMap((output, i) => {
    const column = columnOf(output)
    if (output.treatment === 'blocked') return []
    const nulls = sql`count(*) - count(${column}) AS ${sql.identifier(`n${i}`)}`
    if (!open(output)) return [nulls]
    return [nulls, sql`min(${column}) AS ${sql.identifier(`a${i}`)}`, sql`max(${column}) AS ${sql.identifier(`b${i}`)}`]
  })
  const bigints = outputs.some(output => open(output) && needsBigints(output.column))
  const found = terms.length > 0 ? await ask(terms, bigints, deadline) : {}
  return outputs.map((output, i) => {
    const decode = decoderOf(output.column, bigints)
    const answered = (value: StoredValue | undefined) => (decode && value != null ? decode(value) : (value ?? null))
    return {
      name: output.name,
      data_type: output.column.type,
      visible: output.treatment,
      nulls: output.treatment === 'blocked' ? null : Number(found[`n${i}`]),
      distinct: null,
      min: answered(found[`a${i}`]),
      max: answered(found[`b${i}`]),
    }
  })
}

async function countDistinct(
  dataset: Dataset,
  outputs: Output[],
  profiles: ColumnProfile[],
  ask: Ask,
  until: number,
): Promise<void> {
  const unique = dataset.primaryKey?.length === 1 ? dataset.primaryKey[0] : undefined
  for (const [i, output] of outputs.entries()) {
    if (!open(output)) continue
    if (output.column.name === unique) profiles[i]!.distinct = dataset.rowCount
    else if (Date.now() < until)
      try {
        profiles[i]!.distinct = Number((await ask([sql`count(DISTINCT ${columnOf(output)}) AS n`], false, until)).n)
      } catch (error) {
        if (!(error instanceof Fault && error.status === 504)) throw error
      }
  }
}

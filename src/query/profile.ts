import { sql } from 'drizzle-orm'
import type { ColumnType } from '../catalog/column.ts'
import type { Dataset } from '../catalog/datasets.ts'
import type { Grant } from '../catalog/grant.ts'
import type { AggregateFunction } from '../catalog/query-definition.ts'
import { Fault } from '../lib/fault.ts'
import { slices } from '../lib/slices.ts'
import { SMALL_TABLE } from './advice.ts'
import { compileQuery } from './compile.ts'
import { dialectOf } from './dialects.ts'
import type { Engine, Limits } from './engine.ts'
import { resultOf } from './outputs.ts'
import { type Treatment, type View, viewOf } from './policy.ts'
import type { Query, Table, Term } from './query.ts'
import type { QueryRunner } from './runner.ts'
import { selectList } from './sql.ts'
import { comparable, needsBigints, type StoredValue } from './values.ts'

/** What is known of a column's values, as far as one caller may know it: null is what is not told. */
interface ColumnProfile {
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

/** Columns in one statement: SQLite's results have 2000 at most, PostgreSQL's 1664, and each takes three. */
const BATCH = 500

/**
 * Profiles a dataset (its `file` an absolute path) for a caller, under the same policy as its rows. Nulls, minima and maxima
 * are one pass; what is different is counted a column at a time for as long as `countUntil` allows.
 * @param limits as performance.now(), and its caller's signal
 * @throws Fault 499 the caller has gone; 503 no worker is free; 504 not even the one pass was done by the deadline
 */
export async function profileOf(
  dataset: Dataset,
  grant: Grant,
  runner: QueryRunner,
  { deadline, countUntil, signal }: Limits & { countUntil: number },
): Promise<ColumnProfile[]> {
  const [schema, table] = dataset.name.split('.') as [string, string]
  const { query, outputs } = viewOf(
    compileQuery({ source: { schema, table } }, () => dataset),
    grant,
  )
  const ask = asking(query, runner.engineOf(query), signal)
  const profiles: ColumnProfile[] = []
  for (let from = 0; from < outputs.length; from += BATCH)
    profiles.push(...(await extremes(outputs.slice(from, from + BATCH), ask, deadline)))
  await countDistinct(dataset, outputs, profiles, ask, Math.min(deadline, countUntil))
  return profiles
}

/** The values of some aggregates over the whole table, as they are answered, in their order. */
type Ask = (terms: Term[], deadline: number) => Promise<unknown[]>

function asking(query: Query, engine: Engine, signal: AbortSignal | undefined): Ask {
  const dialect = dialectOf(query)
  const [table] = query.tables as [Table]
  const sources = [dialect.source(table.dataset)]
  const others = slices()
  return async (terms, deadline) => {
    if (terms.length === 0) return []
    const columns = terms.map((term, i) => ({ name: `c${i}`, sql: dialect.selected(term) }))
    const text = sql`SELECT ${selectList(dialect, columns)} FROM ${dialect.from(query, 0, sources)}`
    const names = columns.map(({ name }) => name)
    const bigints = terms.some(term => needsBigints(term.column))
    const statement = { sql: dialect.text(text).sql, sources, names, bigints }
    // of many columns there is a statement for each, one right after the other: others come in between
    const wait = others()
    if (wait) await wait
    const [row] =
      engine.local && table.dataset.rowCount * terms.length <= SMALL_TABLE
        ? engine.local.all(statement, [])
        : await engine.all(statement, [], { deadline: Math.max(deadline, performance.now() + 1), signal })
    return terms.map((term, i) => {
      const decode = dialect.decoder(term, bigints)
      const value = row![`c${i}`] as StoredValue
      return decode && value != null ? decode(value) : (value ?? null)
    })
  }
}

const aggregate = (fn: AggregateFunction, of?: Output): Term => ({
  table: -1,
  column: resultOf(fn, of?.column, fn),
  aggregate: { fn, ...(of ? { of } : {}) },
})
/** Whether the caller may have values of the column put together. */
const open = (output: Output) => output.treatment === 'raw' && comparable(output.column)

async function extremes(outputs: Output[], ask: Ask, deadline: number): Promise<ColumnProfile[]> {
  const shown = outputs.filter(output => output.treatment !== 'blocked')
  const ranged = outputs.filter(open)
  const [rows, ...found] = await ask(
    [
      aggregate('count'),
      ...shown.map(output => aggregate('count', output)),
      ...ranged.flatMap(output => [aggregate('min', output), aggregate('max', output)]),
    ],
    deadline,
  )
  return outputs.map(output => {
    const present = shown.indexOf(output)
    const range = ranged.indexOf(output)
    return {
      name: output.name,
      data_type: output.column.type,
      visible: output.treatment,
      nulls: present < 0 ? null : Number(rows) - Number(found[present]),
      distinct: null,
      min: range < 0 ? null : found[shown.length + 2 * range],
      max: range < 0 ? null : found[shown.length + 2 * range + 1],
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
  const unique = dataset.engine === 'sqlite' && dataset.primaryKey?.length === 1 ? dataset.primaryKey[0] : undefined
  for (const [i, output] of outputs.entries()) {
    if (!open(output)) continue
    if (output.column.name === unique) profiles[i]!.distinct = dataset.rowCount
    else if (performance.now() < until)
      try {
        profiles[i]!.distinct = Number((await ask([aggregate('count_distinct', output)], until))[0])
      } catch (error) {
        if (!(error instanceof Fault && error.status === 504)) throw error
      }
  }
}

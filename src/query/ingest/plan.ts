import type { DuckDBConnection } from '@duckdb/node-api'
import { type DeclaredType, declaredType } from '../../catalog/column.ts'
import { rowsOf } from './duck.ts'
import { nativeProbe } from './native-types.ts'
import type { ColumnPlan, Misfit, Probe } from './probe.ts'
import type { Source, SourceColumn } from './source.ts'
import { textProbe } from './text-probe.ts'
import { looksOfJson, looksOfText, plainOfFloat } from './text-types.ts'
import { shown, wrong } from './wrong.ts'

/**
 * Settles the type of every column: one pass over the file, and a second one for columns whose digits must be counted.
 * @throws Fault 422 naming row and column of the first value that does not fit its type
 */
export async function planColumns(
  connection: DuckDBConnection,
  source: Source,
  types: Record<string, DeclaredType>,
): Promise<{ columns: ColumnPlan[]; rowCount: number }> {
  const names = source.columns.map(column => column.name)
  for (const name of Object.keys(types))
    if (!names.includes(name))
      throw wrong(`there is no such column; the columns are ${names.map(shown).join(', ')}`, { column: name })
  const states: (ColumnPlan | Misfit | Probe)[] = source.columns.map(given => {
    const declared = Object.hasOwn(types, given.name) ? declaredType(types[given.name]!) : undefined
    const column = asDeclared(given, declared)
    return column.from === 'native' ? nativeProbe(column, declared?.type)! : textProbe(column, declared)
  })
  let rowCount = 0
  for (;;) {
    const asking = states.flatMap((state, index) => ('ask' in state ? [{ index, probe: state }] : []))
    if (asking.length === 0) break
    const { relation, looks } = withLooks(
      source,
      asking.flatMap(({ probe }) => probe.looks ?? []),
    )
    const asked = asking.map(({ probe }) => [...(probe.looks ? [looks(probe.looks)] : []), ...probe.ask])
    const [answers] = await rowsOf(connection, `SELECT count(*), ${asked.flat().join(', ')} FROM ${relation}`)
    rowCount = Number(answers![0])
    let next = 1
    for (const [i, { index, probe }] of asking.entries()) {
      const until = next + asked[i]!.length
      states[index] = probe.settle(answers!.slice(next, until))
      next = until
    }
  }
  const misfits = states.flatMap((state, index) => ('where' in state ? [{ ...state, column: names[index]! }] : []))
  if (misfits.length > 0) throw await firstMisfit(connection, source, misfits)
  return { columns: states as ColumnPlan[], rowCount }
}

/**
 * A relation, and the SQL for what a column looks like in it. The expression for one value is long, and DuckDB takes 20 ms to
 * plan each: over a list of the columns' values it stands there once.
 */
function withLooks({ relation, columns }: Source, wanted: SourceColumn[]) {
  const taken = columns.map(({ name }) => name.toLowerCase())
  let list = 'looks'
  while (taken.some(name => name.startsWith(list))) list += '_'
  const places = new Map<SourceColumn, string>()
  const lists = Object.entries({ text: looksOfText, json: looksOfJson }).flatMap(([from, looksOf]) => {
    const some = wanted.filter(column => column.from === from)
    for (const [i, column] of some.entries()) places.set(column, `bit_or(${list}_${from}[${i + 1}])`)
    const values = some.map(({ value }) => value).join(', ')
    return some.length > 0 ? [`list_transform([${values}], lambda x: ${looksOf('x')}) AS ${list}_${from}`] : []
  })
  return {
    relation: lists.length > 0 ? `(SELECT *, ${lists.join(', ')} FROM ${relation})` : relation,
    looks: (column: SourceColumn) => places.get(column)!,
  }
}

/** A column of a type of its own as what another type that is declared is read from: its text. */
export function asDeclared(column: SourceColumn, declared?: ReturnType<typeof declaredType>): SourceColumn {
  if (column.from !== 'native' || declared === undefined) return column
  if (declared.precision === undefined && nativeProbe(column, declared.type)) return column
  const text = `CAST(${column.value} AS VARCHAR)`
  const float = /^(FLOAT|DOUBLE)$/.test(column.type ?? '')
  return { ...column, from: 'text', value: declared.type === 'decimal' && float ? plainOfFloat(text) : text }
}

/** The refusal for the first row in which one of these is true. */
export async function firstMisfit(
  connection: DuckDBConnection,
  source: Source,
  misfits: (Misfit & { column: string })[],
) {
  const [found] = await rowsOf(
    connection,
    `SELECT min(n) AS first, arg_min(which, n) FROM (SELECT row_number() OVER () AS n, CASE
       ${misfits.map(({ where }, i) => `WHEN ${where} THEN ${i}`).join(' ')} END AS which FROM ${source.relation}) WHERE which IS NOT NULL`,
  )
  const misfit = misfits[Number(found?.[1] ?? 0)]!
  const row = found?.[0] == null ? undefined : await source.place(Number(found[0]))
  return wrong(misfit.what, { unit: source.unit, row, column: misfit.column })
}

import type { DuckDBConnection, DuckDBListValue, DuckDBValue } from '@duckdb/node-api'
import type { ColumnType, Proposal, StoredColumn } from '../../catalog/column.ts'
import { rowsOf } from './duck.ts'
import { isOfPersons, KINDS, type Kind, NAME_OF_PERSONS, plainName } from './personal-kinds.ts'
import type { ColumnPlan } from './probe.ts'
import type { Source, SourceColumn } from './source.ts'

/** How many values are looked at: of a row's width, and of a table. */
const MAX_CELLS = 200_000
const MAX_ROWS = 2000
const MIN_ROWS = 100
/** Of a column that is empty nearly everywhere, so many of its values are looked for in the whole file. */
const ENOUGH = 50
/** A longer value is text, and what is looked for stands at its beginning or is not found. */
const MAX_LENGTH = 256
/** Of a column that is called so, at least this share must be what it is called. */
const MOST = 0.5

const BY_VALUE = new Set<ColumnType>(KINDS.flatMap(kind => kind.types))

/**
 * Proposes a tier and a mask for columns that look personal, by their names and by a bounded sample of their values, the
 * same for the same file. @returns the columns, those with their proposals
 */
export async function proposeTiers(
  connection: DuckDBConnection,
  source: Source,
  columns: ColumnPlan[],
  rowCount: number,
): Promise<ColumnPlan[]> {
  const wanted = source.columns.map((column, i) => (isLookedAt(columns[i]!.stored) ? column : undefined))
  const samples = await sample(connection, source, wanted, rowCount)
  const stored = withProposals(
    columns.map(column => column.stored),
    samples,
  )
  return columns.map((column, i) => ({ ...column, stored: stored[i]! }))
}

/** Whether values of a column are looked at for what they may be. */
export const isLookedAt = ({ type }: StoredColumn): boolean => BY_VALUE.has(type)

/** The columns of a table, those that look personal with what is proposed for them. @param samples of each, trimmed, not empty */
export function withProposals<C extends StoredColumn>(columns: C[], samples: string[][]): C[] {
  const found = columns.map(({ name, type }, i) => lookAt(name, type, samples[i]!))
  const persons = found.some(f => f && isOfPersons(f.kind))
  return columns.map((column, i) => {
    const look = found[i] ?? (persons ? judge(NAME_OF_PERSONS, column.name, column.type, samples[i]!) : undefined)
    return look ? { ...column, proposal: look.proposal } : column
  })
}

interface Look {
  kind: Kind
  proposal: Proposal
}

/** What a column looks like, by its name and these of its values (none of them empty). */
export function lookAt(name: string, type: ColumnType, values: string[]): Look | undefined {
  for (const kind of KINDS) {
    const look = judge(kind, name, type, values)
    if (look) return look
  }
  return undefined
}

function judge(kind: Kind, name: string, type: ColumnType, values: string[]): Look | undefined {
  if (!kind.types.includes(type)) return undefined
  const { sensitivity, mask, certain } = kind
  const share = (is: (text: string) => boolean) => values.filter(is).length / values.length
  const named =
    kind.name.test(plainName(name)) &&
    (values.length > 0 ? share(kind.plausible) >= MOST : type !== 'integer' && type !== 'float')
  const hits = certain ? values.filter(certain.is) : []
  const looks = certain && hits.length >= certain.share * values.length && new Set(hits).size >= certain.distinct
  if (!named && !looks) return undefined
  const by = named && looks ? 'by its name and its values' : named ? 'by its name' : 'by its values'
  return { kind, proposal: { sensitivity, mask, reason: `${kind.looks} (${by})` } }
}

/** Values of the columns that are wanted, from rows all over the file, trimmed, without the empty ones. */
async function sample(
  connection: DuckDBConnection,
  source: Source,
  columns: (SourceColumn | undefined)[],
  rowCount: number,
): Promise<string[][]> {
  const samples: string[][] = columns.map(() => [])
  const wanted = columns.flatMap((column, index) => (column ? [{ ...column, index, text: textOf(column, index) }] : []))
  if (wanted.length === 0 || rowCount === 0) return samples
  const rows = Math.min(MAX_ROWS, Math.max(MIN_ROWS, Math.floor(MAX_CELLS / wanted.length)))
  const stride = Math.ceil(rowCount / rows)
  const all = (some: typeof wanted) =>
    `(SELECT row_number() OVER () AS n, ${some.map(c => `${c.value} AS v${c.index}`).join(', ')} FROM ${source.relation})`
  const take = (index: number, value: DuckDBValue) => {
    const text = value === null ? '' : String(value).trim()
    if (text !== '') samples[index]!.push(text)
  }
  const texts = wanted.map(({ text }) => text).join(', ')
  const sql = `SELECT ${texts} FROM ${all(wanted)} WHERE n % ${stride} = ${1 % stride}`
  for (const row of await rowsOf(connection, sql)) for (const [i, { index }] of wanted.entries()) take(index, row[i]!)
  const sparse = wanted.filter(({ index }) => samples[index]!.length < ENOUGH)
  if (stride === 1 || sparse.length === 0) return samples
  const firsts = sparse.map(({ text }) => `min_by(${text}, n, ${ENOUGH}) FILTER (WHERE trim(${text}) <> '')`)
  const [lists] = await rowsOf(connection, `SELECT ${firsts.join(', ')} FROM ${all(sparse)}`)
  for (const [j, { index }] of sparse.entries())
    for (const value of (lists![j] as DuckDBListValue | null)?.items ?? []) take(index, value)
  return samples
}

const textOf = ({ from }: SourceColumn, index: number): string =>
  `left(${from === 'json' ? `(v${index} ->> '$')` : `CAST(v${index} AS VARCHAR)`}, ${MAX_LENGTH})`

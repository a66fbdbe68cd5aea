import type { DuckDBConnection } from '@duckdb/node-api'
import { MAX_DIGITS } from '../../catalog/column.ts'
import { Fault } from '../../lib/fault.ts'
import { identifier, literal } from '../../lib/sql.ts'
import { rowsOf } from './duck.ts'
import { filesSql, type Input, type Reader, relationOf, type Source } from './source.ts'
import { checkNames, wrong } from './wrong.ts'

/** parquet, with the types that it has. @throws Fault 422: not a parquet file, columns whose names clash, or too many digits */
export async function openParquet(connection: DuckDBConnection, { names, hive = false }: Input): Promise<Source> {
  const options = `hive_partitioning = ${hive}, union_by_name = true`
  const reader: Reader = { read: 'read_parquet', options }
  const relation = relationOf(reader, names)
  const explain = async (error: unknown): Promise<Fault> =>
    wrong('the parquet file is damaged, or has a feature that cannot be read', {}, error)
  let schema: unknown[][]
  let described: unknown[][]
  try {
    schema = await rowsOf(connection, `SELECT name, num_children FROM parquet_schema(${literal(names[0]!)})`)
    checkNames(topLevel(schema), {}, 'the file')
    await checkDigits(connection, names)
    described = await rowsOf(connection, `DESCRIBE SELECT * FROM ${relation}`)
    if (names.length > 1) await checkScales(connection, names, described)
  } catch (error) {
    const { message } = error as Error
    if (/magic bytes|too small to be a Parquet/i.test(message)) throw wrong('not a parquet file', {}, error)
    if (/is encrypted/.test(message)) throw wrong('the parquet file is encrypted', {}, error)
    if (/at least one non-root column/.test(message)) throw wrong('the file has no columns', {}, error)
    throw error instanceof Fault ? error : await explain(error)
  }
  const columns = described.map(([name, type]) => ({
    name: String(name),
    value: identifier(String(name)),
    from: 'native' as const,
    type: String(type),
  }))
  return { reader, relation, columns, unit: 'row', place: async row => row, explain }
}

/** The names of the columns themselves, out of the schema's tree in depth-first order (its first node is the root). */
function topLevel(schema: unknown[][]): string[] {
  const names: string[] = []
  let at = 1
  const skip = (): void => {
    const children = Number(schema[at++]?.[1] ?? 0)
    for (let i = 0; i < children; i++) skip()
  }
  while (at < schema.length) {
    names.push(String(schema[at]![0]))
    skip()
  }
  return names
}

/**
 * Where decimals of several files have not room in one type, DuckDB rounds those that have more digits behind the point.
 * @throws Fault 422
 */
async function checkScales(connection: DuckDBConnection, names: string[], described: unknown[][]): Promise<void> {
  for (const [name, type] of described) {
    const scale = /^DECIMAL\(38,\s*(\d+)\)$/.exec(String(type))?.[1]
    if (scale === undefined) continue
    const own = `lower(name) = lower(${literal(String(name))}) AND scale > ${scale}`
    const [found] = await rowsOf(connection, `SELECT max(scale) FROM parquet_schema(${filesSql(names)}) WHERE ${own}`)
    if (found?.[0] == null) continue
    const what = `decimals of the files have not room in one of ${MAX_DIGITS} digits: some have ${found[0]} behind the point`
    throw wrong(what, { column: String(name) })
  }
}

/** What has more digits DuckDB reads as floats, and as wrong ones. @throws Fault 422 */
async function checkDigits(connection: DuckDBConnection, names: string[]): Promise<void> {
  const schema = `parquet_schema(${filesSql(names)})`
  const sql = `SELECT name, precision FROM ${schema} WHERE precision > ${MAX_DIGITS} LIMIT 1`
  const [found] = await rowsOf(connection, sql)
  if (!found) return
  const what = `a decimal of ${found[1]} digits, and ${MAX_DIGITS} can be read: write it as text, or with fewer`
  throw wrong(what, { column: String(found[0]) })
}

/** What files in place are: their columns as DuckDB has them, in ours; in a process of DuckDB's. */
import { dirname, sep } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type DeclaredType, declaredType, type StoredColumn } from '../../../catalog/column.ts'
import type { FilesLocation } from '../../../catalog/datasets.ts'
import { Fault, machineTrouble } from '../../../lib/fault.ts'
import { rowsOf } from '../../ingest/duck.ts'
import { openSource, shortageOf } from '../../ingest/job.ts'
import { checkKeys } from '../../ingest/key.ts'
import { nativeProbe } from '../../ingest/native-types.ts'
import { asDeclared, planColumns } from '../../ingest/plan.ts'
import type { ColumnPlan } from '../../ingest/probe.ts'
import { proposeTiers } from '../../ingest/propose.ts'
import type { Source } from '../../ingest/source.ts'
import { inFile, wrong } from '../../ingest/wrong.ts'
import { viewColumn } from './columns.ts'
import type { FoundFiles } from './files.ts'
import { viewSql } from './view.ts'

export interface DescribeRequest {
  path: string
  types: Record<string, DeclaredType>
  primaryKey: string[] | null
  /** whether tiers are proposed for columns that look personal */
  propose: boolean
}

export interface Described {
  columns: (StoredColumn & { native: string })[]
  location: FilesLocation
  rowCount: number
}

/** Of files that keep the types of their columns, so many rows are looked at for what looks personal. */
const LOOKED_AT = 100_000
/** Answers to a native column's probe with which nothing is out of the ordinary, and NULL may occur. */
const ORDINARY = [1n, 0n, 0n]

/**
 * Settles columns and checks the key. Parquet says itself what its columns are, without a pass over the data; of csv and
 * json all values are looked at, as an import does, so that both give the same types.
 * @throws Fault 422 what is wrong with the files; 503 they take more memory, or room on the disk, than there is
 */
export async function describeFiles(
  connection: DuckDBConnection,
  files: FoundFiles,
  request: DescribeRequest,
): Promise<Described> {
  try {
    return await described(connection, files, request)
  } catch (error) {
    throw shortageOf(error) ?? error
  }
}

async function described(
  connection: DuckDBConnection,
  files: FoundFiles,
  { path, types, primaryKey, propose }: DescribeRequest,
): Promise<Described> {
  checkFolders(files)
  await checkStarts(files)
  const { format, paths, hive } = files
  const opened = await openSource(format, { names: paths, paths, hive }, connection)
  const folders = hive ? foldersOf(paths[0]!) : []
  const columns = opened.columns.map(column =>
    folders.includes(column.name) && Object.hasOwn(types, column.name)
      ? asDeclared(column, declaredType(types[column.name]!))
      : column,
  )
  const source = { ...opened, columns }
  try {
    const planned = format === 'parquet' ? await planNative(connection, source, types) : undefined
    const { columns: plans, rowCount } = planned ?? (await planColumns(connection, source, types))
    const views = source.columns.map((column, i) => viewColumn(column, plans[i]!))
    // as the view has them: how an import would write integers of Parquet hangs on values that were not looked at
    const viewed = plans.map((plan, i) => ({ ...plan, select: views[i]!.select }))
    await checkKeys(connection, source, viewed, primaryKey ?? undefined, [])
    if (primaryKey)
      await checkUnique(
        connection,
        source,
        primaryKey.map(name => views.find(v => v.stored.name === name)!.select),
      )
    const location: FilesLocation = { path, reader: source.reader, selects: views.map(({ select }) => select) }
    const names = views.map(({ stored }) => stored.name)
    for (const sql of viewSql('described', location, source.relation, names)) await connection.run(sql)
    const proposed = propose ? await proposals(connection, source, plans, rowCount) : plans
    return {
      columns: views.map(({ stored }, i) => {
        const { proposal } = proposed[i]!.stored
        // files that come later may have it, where those that are there now have none
        const nullable = !primaryKey?.includes(stored.name)
        return { ...stored, nullable, ...(proposal ? { proposal } : {}) }
      }),
      location,
      rowCount,
    }
  } catch (error) {
    throw error instanceof Fault ? error : await source.explain(error)
  }
}

/** Of integers beyond 64 bits the values decide, as in an import. */
async function planNative(
  connection: DuckDBConnection,
  source: Source,
  types: Record<string, DeclaredType>,
): Promise<{ columns: ColumnPlan[]; rowCount: number }> {
  const columns: ColumnPlan[] = []
  for (const column of source.columns) {
    // of a folder, whose name is a text
    if (column.from === 'text') {
      const one = await planColumns(
        connection,
        { ...source, columns: [column] },
        { [column.name]: types[column.name]! },
      )
      columns.push(...one.columns)
      continue
    }
    const declared = Object.hasOwn(types, column.name) ? types[column.name] : undefined
    const wanted = declared && declaredType(declared)
    const probe = nativeProbe(column, wanted?.type)
    const other = () =>
      wrong(`the file says itself what this column is, and it is not ${declared}`, { column: column.name })
    if (!probe) throw other()
    const large = column.type === 'UBIGINT' || column.type?.includes('HUGEINT')
    const [answers] = large
      ? await rowsOf(connection, `SELECT ${probe.ask.join(', ')} FROM ${source.relation}`)
      : [ORDINARY]
    const plan = probe.settle(answers!)
    if (!('stored' in plan)) throw other()
    const { precision, scale } = plan.stored
    if (wanted?.precision !== undefined && (wanted.precision !== precision || wanted.scale !== scale)) throw other()
    columns.push(plan)
  }
  for (const name of Object.keys(types))
    if (!source.columns.some(column => column.name === name)) throw wrong('there is no such column', { column: name })
  const [row] = await rowsOf(connection, `SELECT count(*) FROM ${source.relation}`)
  return { columns, rowCount: Number(row![0]) }
}

async function checkUnique(connection: DuckDBConnection, source: Source, key: string[]): Promise<void> {
  const columns = key.map((select, i) => `${select} AS k${i}`).join(', ')
  const names = key.map((_, i) => `k${i}`).join(', ')
  const twice = await rowsOf(
    connection,
    `SELECT 1 FROM (SELECT ${columns} FROM ${source.relation}) GROUP BY ${names} HAVING count(*) > 1 LIMIT 1`,
  )
  if (twice.length > 0) throw wrong('the primary key is not unique')
}

async function proposals(
  connection: DuckDBConnection,
  source: Source,
  plans: ColumnPlan[],
  rowCount: number,
): Promise<ColumnPlan[]> {
  const relation = `(SELECT * FROM ${source.relation} LIMIT ${LOOKED_AT})`
  return proposeTiers(connection, { ...source, relation }, plans, Math.min(rowCount, LOOKED_AT))
}

/** The columns that the folders of a file are, such as `year` of `year=2024`. */
const foldersOf = (path: string): string[] =>
  dirname(path)
    .split(sep)
    .flatMap(folder => /^([^=]+)=[^=]*$/.exec(folder)?.[1] ?? [])

/** @throws Fault 422 files that have other folders for columns (`year=2024`) than the first */
function checkFolders({ paths, hive }: FoundFiles): void {
  if (!hive) return
  const columnsOf = (path: string) => foldersOf(path).sort().join()
  const first = columnsOf(paths[0]!)
  const other = paths.find(path => columnsOf(path) !== first)
  if (other !== undefined)
    throw wrong(inFile('its folders (such as year=2024) are other columns than those of the first file', other, paths))
}

/** @throws Fault 422 a file that is gone, or empty; JSON with a byte order mark, which DuckDB cannot skip in a file that stays where it is */
async function checkStarts({ paths, format }: FoundFiles): Promise<void> {
  for (const path of paths) {
    const start = await Bun.file(path)
      .slice(0, 3)
      .bytes()
      .catch(error => {
        throw machineTrouble(error) ?? wrong(inFile('the file cannot be opened', path, paths), {}, error)
      })
    if (start.length === 0) throw wrong('the file is empty')
    const marked = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf
    if (marked && (format === 'json' || format === 'ndjson'))
      throw wrong('the file begins with a byte order mark; take it out, or import the file (engine: sqlite)')
  }
}

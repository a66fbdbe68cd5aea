/** Datasets that endpoints may write to: how their files are made, and how they are replaced without losing a write. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Column, type DeclaredType, type StoredColumn, writableColumn } from '../catalog/column.ts'
import type { Dataset, Generation } from '../catalog/datasets.ts'
import { conflict, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import { isDataLost } from '../query/damage.ts'
import { lookAt } from '../query/ingest/propose.ts'
import { fileName, isLive } from '../query/live-file.ts'
import { wasLive } from '../query/write/live-state.ts'
import type { ManagementContext } from './context.ts'
import { discardStaged, knownType, sourceHash, type TableSource } from './intake.ts'

/** What is said of a table's columns beyond what an import finds. */
interface Declared {
  types?: Record<string, DeclaredType>
  nullable?: Record<string, boolean>
}

const MAX_COLUMNS = 2000

/**
 * What was imported or looked at, as one that can be written to where that is wanted.
 * @throws Fault what `staging` throws; 422 what its engine does not write to
 */
export async function stageWritable(
  context: ManagementContext,
  staging: Promise<Generation>,
  how: Declared & { writable: boolean },
): Promise<Generation> {
  const staged = await staging
  if (!how.writable) return staged
  if (staged.engine && staged.engine !== 'sqlite') return asWritten(staged)
  try {
    return await madeLive(context, staged, how)
  } finally {
    await discardStaged(context, staged)
  }
}

/** Where another engine has the rows, nothing is made. @throws Fault 422 it does not write */
function asWritten(generation: Generation): Generation {
  if (generation.engine === 'duckdb') throw unprocessable('Files that are read in place cannot be written to.')
  return { ...generation, writable: true }
}

/**
 * The same rows in a file that can be written to; the given one stays where it is.
 * @throws Fault 422 a column that is said never to be null, and is; 503 a disk that is full or fails
 */
async function madeLive(
  context: ManagementContext,
  generation: Generation,
  declared: Declared = {},
): Promise<Generation> {
  const { warehouseDir, writer } = context.publisher.registry.runtime
  const columns = generation.columns.map(column => liveColumn(column, generation, declared))
  checkNullable(generation.columns, declared)
  const file = fileName(randomUUID(), true)
  const { primaryKey, indexes } = generation
  const source = join(warehouseDir, generation.file)
  const rowCount = await writer.make({ target: join(warehouseDir, file), source, columns, primaryKey, indexes })
  return { ...generation, file, columns, rowCount, writable: true }
}

function liveColumn<T extends StoredColumn>(
  column: T,
  { primaryKey, rowCount }: Pick<Generation, 'primaryKey' | 'rowCount'>,
  { types = {}, nullable = {} }: Declared,
): T {
  return writableColumn(column, {
    key: primaryKey?.includes(column.name) ?? false,
    empty: rowCount === 0,
    nullable: Object.hasOwn(nullable, column.name) ? nullable[column.name] : undefined,
    digits: Object.hasOwn(types, column.name) && types[column.name]!.startsWith('decimal('),
  })
}

function checkNullable(columns: StoredColumn[], { nullable = {} }: Declared): void {
  const [wrong] = columns.filter(c => c.nullable && Object.hasOwn(nullable, c.name) && !nullable[c.name])
  if (wrong)
    throw unprocessable(`${shown(wrong.name)} is declared nullable: false, but there are rows without a value for it.`)
}

/** A dataset as one that is written to, or that is not; it must be held. @throws Fault 422 its engine does not write; 503 */
export async function turned(
  context: ManagementContext,
  dataset: Dataset,
  how: Declared & { writable: boolean },
): Promise<Generation> {
  const generation = generationOf(dataset)
  if (!how.writable) return settled(context, dataset)
  return dataset.engine === 'sqlite' ? madeLive(context, generation, how) : asWritten(generation)
}

/** A dataset's rows in an immutable file again; it must be held. @throws Fault 503 a disk that is full or fails */
export async function settled(context: ManagementContext, dataset: Dataset): Promise<Generation> {
  if (dataset.engine !== 'sqlite') return { ...generationOf(dataset), writable: false }
  const { warehouseDir, writer } = context.publisher.registry.runtime
  const file = fileName(randomUUID(), false)
  const rowCount = await writer.settle(join(warehouseDir, dataset.file), join(warehouseDir, file))
  return { ...generationOf(dataset), file, rowCount, writable: false }
}

/**
 * Runs a change with the file that makes a dataset one that is written to, or one that is not: undefined where it is already
 * as it shall be. Writes wait for it, and none is lost. What it is made of is the dataset as it was given: a change of its columns
 * meanwhile is the caller's to refuse.
 */
export async function turning<T>(
  context: ManagementContext,
  dataset: Dataset,
  writable: boolean | undefined,
  change: (generation: Generation | undefined) => T,
): Promise<T> {
  if (writable === undefined || writable === dataset.writable) return change(undefined)
  return holding(context, [dataset], async () => {
    const made = await turned(context, dataset, { writable })
    try {
      const changed = change(made)
      if (dataset.file) context.publisher.discardFile(dataset.file)
      return changed
    } catch (error) {
      await discardStaged(context, made)
      throw error
    }
  })
}

/** What a dataset is now, as a generation. */
const generationOf = (dataset: Dataset): Generation => {
  const { engine, file, columns, primaryKey, indexes, rowCount, source, origin, location, writable } = dataset
  return {
    engine,
    file,
    columns,
    primaryKey,
    indexes,
    rowCount,
    source,
    sourceHash: dataset.sourceHash,
    writable,
    ...(origin ? { origin } : {}),
    ...(location ? { location } : {}),
  }
}

/** A table without a file of rows, as it is declared. */
export interface EmptyTable {
  columns: Record<string, { type: DeclaredType; nullable?: boolean }>
  primaryKey?: string[]
  indexes?: string[][]
}

/** @throws Fault 422 what the table cannot be */
export async function madeEmpty(context: ManagementContext, table: EmptyTable): Promise<Generation> {
  const { primaryKey = null, indexes = [] } = table
  const columns = columnsOf(table)
  const { warehouseDir, writer } = context.publisher.registry.runtime
  const file = fileName(randomUUID(), true)
  await writer.make({ target: join(warehouseDir, file), columns, primaryKey, indexes })
  return { file, columns, primaryKey, indexes, rowCount: 0, writable: true, source: null, sourceHash: emptyHash(table) }
}

/** Whether a dataset is what this declaration makes, but for its rows: nothing to make. @throws Fault 422 as `madeEmpty` */
export function isAsDeclared(context: ManagementContext, known: Dataset, table: EmptyTable): boolean {
  if (!hasFile(context, known)) return false
  const { primaryKey = null, indexes = [] } = table
  const shapeOf = (columns: Column[], ...keys: unknown[]) =>
    JSON.stringify([columns.map(c => [c.name, c.type, c.precision, c.scale]), ...keys])
  return (
    known.sourceHash === emptyHash(table) ||
    shapeOf(known.columns, known.primaryKey, known.indexes) === shapeOf(columnsOf(table), primaryKey, indexes)
  )
}

/** Whether a dataset has rows that a table which begins without any does not: somebody uploaded them. */
export const wasFilled = (context: ManagementContext, known: Dataset): boolean =>
  known.rowCount > 0 && hasFile(context, known)

const hasFile = (context: ManagementContext, { file }: Dataset): boolean =>
  file !== '' && existsSync(join(context.publisher.registry.runtime.warehouseDir, file))

/** Equal for tables that are declared alike; what may be null is no part of it. */
function emptyHash({ columns, primaryKey, indexes }: EmptyTable): string {
  const types = Object.fromEntries(Object.entries(columns).map(([name, { type }]) => [name, type]))
  return sourceHash({ path: '', primaryKey, indexes, types } satisfies TableSource, 'declared')
}

function columnsOf({ columns: given, primaryKey, indexes = [] }: EmptyTable): Column[] {
  const names = Object.keys(given)
  if (names.length === 0) throw unprocessable('A table needs columns, each with a name and a type.')
  if (names.length > MAX_COLUMNS) throw unprocessable(`A table has at most ${MAX_COLUMNS} columns.`)
  const keys = primaryKey ? [['primary key', primaryKey] as const] : []
  for (const [what, list] of [...keys, ...indexes.map(i => ['index', i] as const)]) {
    if (list.length === 0) throw unprocessable(`The ${what} names no column.`)
    const unknown = list.find(name => !names.includes(name))
    if (unknown !== undefined) throw unprocessable(`The ${what} names ${shown(unknown)}, which is no column.`)
    if (new Set(list).size < list.length) throw unprocessable(`The ${what} names a column twice.`)
  }
  const seen = new Set<string>()
  return names.map(name => {
    if (name === '' || !name.isWellFormed() || name.includes('\0'))
      throw unprocessable(`${shown(name.toWellFormed())} cannot be the name of a column.`)
    if (seen.has(name.toLowerCase())) throw unprocessable(`Two columns are called ${shown(name)}.`)
    seen.add(name.toLowerCase())
    const { type, nullable } = given[name]!
    const known = knownType(name, type)
    const look = lookAt(name, known.type, [])
    const column: Column = {
      name,
      ...known,
      nullable: true,
      sensitivity: 'low',
      ...(look ? { proposal: look.proposal } : {}),
    }
    const declared = { types: { [name]: type }, ...(nullable === undefined ? {} : { nullable: { [name]: nullable } }) }
    return liveColumn(column, { primaryKey: primaryKey ?? null, rowCount: 0 }, declared)
  })
}

/** Runs a change that replaces the files of datasets, while nobody writes to those of them that are live. */
export async function holding<T>(
  context: ManagementContext,
  datasets: (Dataset | undefined)[],
  work: () => T | Promise<T>,
): Promise<T> {
  const { warehouseDir, writer } = context.publisher.registry.runtime
  const files = datasets.flatMap(d => (d && isLive(d.file) ? [join(warehouseDir, d.file)] : []))
  const releases: (() => void)[] = []
  try {
    for (const file of files) {
      const release = await writer.hold(file).catch(unlessLost)
      if (release) releases.push(release)
    }
    return await work()
  } finally {
    for (const release of releases) release()
  }
}

/** Nobody writes to a file that is missing or damaged. */
function unlessLost(error: unknown): undefined {
  if (!isDataLost(error)) throw error
}

/**
 * Whether rows of a dataset were written since they were imported: nothing has them but its file, which may be written to no more by
 * now. Of a live one that is damaged nobody knows, and what may be saved of it is not thrown away.
 */
export function wasWritten(context: ManagementContext, { file }: Pick<Dataset, 'file'>): boolean {
  const { warehouseDir, writer } = context.publisher.registry.runtime
  if (file === '') return false
  const path = join(warehouseDir, file)
  if (!isLive(file)) return wasLive(path)
  try {
    return writer.state(path).writes > 0
  } catch (error) {
    if (!isDataLost(error)) throw error
    return error.code === 'data_unreadable'
  }
}

/** @throws Fault 409 rows were written that would be lost */
export function refuseLoss(context: ManagementContext, dataset: Dataset | undefined, force: boolean): void {
  if (dataset && !force && wasWritten(context, dataset))
    throw conflict(
      `Rows of ${dataset.name} were written since it was imported, and would be lost; send force=true to replace them.`,
      'rows_written',
    )
}

/**
 * What takes the place of a dataset takes that of the one that was looked at before, or of none where there was none. Its file does
 * not tell: only the embedded store's datasets have one.
 * @throws Fault 409 another has its place by now
 */
export function refuseReplaced(name: string, before: Dataset | undefined, now: Dataset | undefined): void {
  if (now?.id === before?.id && now?.generation === before?.generation) return
  throw conflict(`${shown(name)} was replaced meanwhile; nothing was changed by this.`)
}

/** How many rows a dataset has now; where its file is missing, had. */
export function rowsNow(context: ManagementContext, { file, rowCount }: Dataset): number {
  const { warehouseDir, writer } = context.publisher.registry.runtime
  try {
    return isLive(file) ? writer.state(join(warehouseDir, file)).rows : rowCount
  } catch {
    return rowCount
  }
}

import { and, asc, eq, isNotNull } from 'drizzle-orm'
import { datasets } from '../../db/schema.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import {
  type Column,
  type DeclaredType,
  type Mask,
  SENSITIVITIES,
  type Sensitivity,
  type StoredColumn,
} from './column.ts'
import { checkDatasetName } from './names.ts'
import type { RefreshRule, RefreshState } from './refresh.ts'
import { type Actor, note, now, type Store } from './store.ts'

type Row = typeof datasets.$inferSelect
/** What reads a dataset: the embedded store, files in place, a database. */
export type EngineName = Row['engine']
export type Dataset = Omit<Row, 'columns' | 'formerColumns' | 'origin' | 'location' | 'refresh' | 'refreshState'> & {
  columns: Column[]
  formerColumns: Column[]
  origin: Origin | null
  /** null: the embedded store's `file` */
  location: Location | null
  refresh: RefreshRule
  refreshState: RefreshState | null
}

/** Where an engine other than the embedded store finds a dataset's rows. */
export type Location = FilesLocation | TableLocation

/** Files that are read in place: a file, a folder, or a pattern, as an absolute path that is shown to nobody. */
export interface FilesLocation {
  path: string
  /** all of DuckDB's call but the files */
  reader: { read: 'read_csv' | 'read_json' | 'read_parquet'; options: string }
  /** what each column of the dataset is in it, in SQL that was made when the files were described */
  selects: string[]
}

/** A table or view of a connection's database. */
export interface TableLocation {
  connection: string
  schema: string
  table: string
  /** the primary key as somebody declared it; absent: what the table itself says */
  key?: string[]
}

/** The connection whose table it is; undefined: it is none. */
export const connectionOf = ({ location }: Pick<Dataset, 'location'>): string | undefined =>
  location && 'connection' in location ? location.connection : undefined

/** A file of the operator's own and how it was read, so that it can be read again. Its path is shown to nobody. */
export interface Origin {
  path: string
  primaryKey?: string[]
  chooseKey?: boolean
  indexes?: string[][]
  types?: Record<string, DeclaredType>
}

/** Policy of columns as a manifest and the API give it; what is not named stays. */
export type ColumnPolicy = Record<string, { sensitivity?: Sensitivity; mask?: Mask | null }>

/** What an import, or a look at files or a table in place, produced. */
export interface Generation {
  /** default: sqlite */
  engine?: EngineName
  /** of the embedded store, else empty */
  file: string
  location?: Location
  columns: StoredColumn[]
  primaryKey: string[] | null
  indexes: string[][]
  rowCount: number
  /** whether endpoints may write to it: then its file is a live one */
  writable?: boolean
  source: string | null
  sourceHash: string | null
  /** absent: the file is gone after the import (an upload) */
  origin?: Origin
}

export const listDatasets = (store: Store, projectId: number): Dataset[] =>
  store.select().from(datasets).where(eq(datasets.projectId, projectId)).orderBy(asc(datasets.name)).all() as Dataset[]

/** Those whose file is read again by itself. */
export const refreshedDatasets = (store: Store): Dataset[] =>
  store.select().from(datasets).where(isNotNull(datasets.refresh)).all() as Dataset[]

export const allDatasets = (store: Store): Dataset[] => store.select().from(datasets).all() as Dataset[]

export const findDataset = (store: Store, projectId: number, name: string): Dataset | undefined =>
  store
    .select()
    .from(datasets)
    .where(and(eq(datasets.projectId, projectId), eq(datasets.name, name)))
    .get() as Dataset | undefined

/** @throws Fault 404 */
export function getDataset(store: Store, projectId: number, name: string): Dataset {
  const dataset = findDataset(store, projectId, name)
  if (!dataset) throw notFound('No such dataset.')
  return dataset
}

/**
 * Makes a generation the dataset's current one: a new dataset, or the next generation of one that exists. What was decided
 * of a column stays with its name, however that is spelt and through generations that lack it; what the import proposes for the
 * others protects them until somebody decides.
 * @returns the dataset, and the file that is no longer its (to be removed when its last reader is done)
 * @throws Fault 422 the name's form
 */
export function putGeneration(
  store: Store,
  actor: Actor,
  projectId: number,
  name: string,
  generation: Generation,
): { dataset: Dataset; replaced: string | null } {
  checkDatasetName(name)
  const existing = findDataset(store, projectId, name)
  const known = [...(existing?.formerColumns ?? []), ...(existing?.columns ?? [])]
  const placeOf = placesIn(known)
  const before = generation.columns.map(({ name }) => known[placeOf(name)])
  const columns = generation.columns.map((column, i) => withPolicy(column, before[i]))
  const goesOn = new Set(before)
  const formerColumns = known.filter(c => !goesOn.has(c) && (c.sensitivity !== 'low' || c.mask || c.decided))
  const origin = generation.origin ?? null
  const values = {
    ...generation,
    writable: generation.writable ?? false,
    engine: generation.engine ?? 'sqlite',
    location: generation.location ?? null,
    origin,
    refresh: ruleOf(existing, generation),
    refreshState: null,
    columns,
    formerColumns,
    updatedAt: now(),
  }
  const dataset = existing
    ? store
        .update(datasets)
        .set({ ...values, generation: existing.generation + 1 })
        .where(eq(datasets.id, existing.id))
        .returning()
        .get()
    : store
        .insert(datasets)
        .values({ ...values, projectId, name })
        .returning()
        .get()
  note(store, actor, existing ? 'dataset.replace' : 'dataset.create', name, projectId, { rows: generation.rowCount })
  return { dataset: dataset as Dataset, replaced: existing?.file || null }
}

/** The rule of before, where the new rows can follow it: an upload is read once, and a database's table has no file that could change. */
function ruleOf(before: Dataset | undefined, { origin, location }: Generation): RefreshRule {
  const rule = before?.refresh ?? null
  return origin || (location && rule && 'every' in rule) ? rule : null
}

/** A column's name as people read it: in any case, and with accents that are characters of their own or parts of others. */
const readAs = (name: string) => name.normalize().toLowerCase()

/** Where the column of a name is, or else one that is read as it is, the last; -1: nowhere. */
function placesIn(columns: readonly Column[]): (name: string) => number {
  const exact = new Map(columns.map(({ name }, at) => [name, at]))
  const read = new Map(columns.map(({ name }, at) => [readAs(name), at]))
  return name => exact.get(name) ?? read.get(readAs(name)) ?? -1
}

/** A column of a new generation with the policy that it had, or else what is proposed for it: the stricter, if twice. */
function withPolicy({ proposal, ...stored }: StoredColumn, before: Column | undefined): Column {
  const protectedBefore = before && (before.sensitivity !== 'low' || before.mask !== undefined)
  if (before?.decided || (protectedBefore && !before.proposal)) {
    const { sensitivity, mask } = before
    return { ...stored, sensitivity, ...(mask ? { mask } : {}), decided: true }
  }
  const [open] = [before?.proposal, proposal]
    .filter(p => p !== undefined)
    .sort((a, b) => SENSITIVITIES.indexOf(b.sensitivity) - SENSITIVITIES.indexOf(a.sensitivity))
  if (!open) return { ...stored, sensitivity: 'low' }
  return { ...stored, sensitivity: open.sensitivity, mask: open.mask, proposal: open }
}

/** What is proposed for a dataset and not decided yet, as one line; undefined: nothing. */
export function openProposals({ name, columns }: Dataset): string | undefined {
  const open = columns.flatMap(c => (c.proposal ? [`${shown(c.name)} ${c.proposal.reason}: ${c.sensitivity}`] : []))
  if (open.length === 0) return undefined
  return `dataset ${name}: ${open.join('; ')} until you decide (columns in a manifest, or PATCH /api/datasets/${name})`
}

/**
 * Changes the policy of the columns that are named, which decides of what was proposed for them: with an explicit tier
 * nothing of it stays, with a mask alone its tier does.
 * @param toCome whether columns that are not there are to have it when they come
 * @returns whether anything changed
 * @throws Fault 422 an unknown column
 */
export function setColumnPolicy(
  store: Store,
  actor: Actor,
  dataset: Dataset,
  policy: ColumnPolicy,
  toCome = false,
): boolean {
  const names = new Set(dataset.columns.map(c => c.name))
  const formerColumns = [...dataset.formerColumns]
  const placeOf = placesIn(formerColumns)
  for (const [name, change] of Object.entries(policy)) {
    if (names.has(name)) continue
    if (!toCome)
      throw unprocessable(
        `Dataset ${dataset.name} has no column ${shown(name)}; it has ${[...names].map(shown).join(', ')}.`,
      )
    if (!decides(change)) continue
    const at = placeOf(name)
    const known = formerColumns[at] ?? { name, type: 'text', nullable: true, sensitivity: 'low' }
    formerColumns.splice(at < 0 ? formerColumns.length : at, 1, decided(known, change))
  }
  const columns = dataset.columns.map(column => {
    const change = Object.hasOwn(policy, column.name) ? policy[column.name] : undefined
    return change && decides(change) ? decided(column, change) : column
  })
  const stateOf = (...lists: Column[][]) => JSON.stringify(lists)
  if (stateOf(columns, formerColumns) === stateOf(dataset.columns, dataset.formerColumns)) return false
  store.update(datasets).set({ columns, formerColumns, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.policy', dataset.name, dataset.projectId, { columns: policy })
  return true
}

const decides = ({ sensitivity, mask }: ColumnPolicy[string]) => sensitivity !== undefined || mask !== undefined

function decided({ mask: before, proposal, decided: _, ...column }: Column, change: ColumnPolicy[string]): Column {
  const kept = proposal && change.sensitivity !== undefined ? undefined : before
  const mask = change.mask === undefined ? kept : (change.mask ?? undefined)
  const sensitivity = change.sensitivity ?? column.sensitivity
  return { ...column, sensitivity, ...(mask ? { mask } : {}), decided: true }
}

/**
 * Lets values be missing in columns of a table that is written to.
 * @returns whether anything changed
 * @throws Fault 422 the dataset is not written to, an unknown column, one of the primary key, or one that may be NULL by now
 */
export function setNullable(store: Store, actor: Actor, dataset: Dataset, wanted: Record<string, boolean>): boolean {
  const changed = Object.entries(wanted).filter(([name, nullable]) => {
    const column = dataset.columns.find(c => c.name === name)
    const place = `Dataset ${dataset.name}: ${shown(name)}`
    if (!column) throw unprocessable(`${place}: there is no such column.`)
    if (column.nullable === nullable) return false
    if (!dataset.writable) throw unprocessable(`${place}: nullable goes with a dataset that is writable.`)
    if (dataset.primaryKey?.includes(name)) throw unprocessable(`${place} is in the primary key, which is never null.`)
    if (!nullable) throw unprocessable(`${place} accepts NULL already, and cannot be declared nullable: false.`)
    return true
  })
  if (changed.length === 0) return false
  const columns = dataset.columns.map(c => (changed.some(([name]) => name === c.name) ? { ...c, nullable: true } : c))
  store.update(datasets).set({ columns, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.update', dataset.name, dataset.projectId, { nullable: changed.map(([name]) => name) })
  return true
}

export function setDescription(store: Store, actor: Actor, dataset: Dataset, description: string): void {
  if (dataset.description === description) return
  store.update(datasets).set({ description, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.update', dataset.name, dataset.projectId, { fields: ['description'] })
}

/** Where the file of a dataset is now, when it moved but did not change. */
export function setOrigin(store: Store, dataset: Dataset, origin: Origin): void {
  if (JSON.stringify(dataset.origin) === JSON.stringify(origin)) return
  store.update(datasets).set({ origin }).where(eq(datasets.id, dataset.id)).run()
}

export function deleteDataset(store: Store, actor: Actor, dataset: Dataset): void {
  store.delete(datasets).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.delete', dataset.name, dataset.projectId)
}

import { and, asc, eq } from 'drizzle-orm'
import { datasets } from '../../db/schema.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { shown } from '../lib/text.ts'
import type { Column, Mask, Sensitivity, StoredColumn } from './column.ts'
import { checkDatasetName } from './names.ts'
import { type Actor, note, now, type Store } from './store.ts'

type Row = typeof datasets.$inferSelect
export type Dataset = Omit<Row, 'columns' | 'formerColumns'> & { columns: Column[]; formerColumns: Column[] }

/** Policy of columns as a manifest and the API give it; what is not named stays. */
export type ColumnPolicy = Record<string, { sensitivity?: Sensitivity; mask?: Mask | null }>

/** What an import produced. */
export interface Generation {
  file: string
  columns: StoredColumn[]
  primaryKey: string[] | null
  indexes: string[][]
  rowCount: number
  source: string | null
  sourceHash: string | null
}

export const listDatasets = (store: Store, projectId: number): Dataset[] =>
  store.select().from(datasets).where(eq(datasets.projectId, projectId)).orderBy(asc(datasets.name)).all() as Dataset[]

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
 * Makes a generation the dataset's current one: a new dataset, or the next generation of one that exists. Column policy
 * stays with the columns' names, in any case and through generations that lack them.
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
  const policy = new Map(known.map(c => [c.name.toLowerCase(), c]))
  const columns: Column[] = generation.columns.map(column => {
    const before = policy.get(column.name.toLowerCase())
    return { ...column, sensitivity: before?.sensitivity ?? 'low', ...(before?.mask ? { mask: before.mask } : {}) }
  })
  const present = new Set(columns.map(c => c.name.toLowerCase()))
  const formerColumns = [...policy.values()].filter(
    c => !present.has(c.name.toLowerCase()) && (c.sensitivity !== 'low' || c.mask),
  )
  const values = { ...generation, columns, formerColumns, updatedAt: now() }
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
  return { dataset: dataset as Dataset, replaced: existing?.file ?? null }
}

/** Changes the policy of the columns that are named. @returns whether anything changed. @throws Fault 422 an unknown column */
export function setColumnPolicy(store: Store, actor: Actor, dataset: Dataset, policy: ColumnPolicy): boolean {
  const names = new Set(dataset.columns.map(c => c.name))
  for (const name of Object.keys(policy))
    if (!names.has(name))
      throw unprocessable(
        `Dataset ${dataset.name} has no column ${shown(name)}; it has ${[...names].map(shown).join(', ')}.`,
      )
  const columns = dataset.columns.map(column => {
    const change = Object.hasOwn(policy, column.name) ? policy[column.name] : undefined
    if (!change) return column
    const { mask: oldMask, ...rest } = column
    const mask = change.mask === undefined ? oldMask : (change.mask ?? undefined)
    return { ...rest, sensitivity: change.sensitivity ?? column.sensitivity, ...(mask ? { mask } : {}) }
  })
  if (JSON.stringify(columns) === JSON.stringify(dataset.columns)) return false
  store.update(datasets).set({ columns, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.policy', dataset.name, dataset.projectId, { columns: policy })
  return true
}

export function setDescription(store: Store, actor: Actor, dataset: Dataset, description: string): void {
  if (dataset.description === description) return
  store.update(datasets).set({ description, updatedAt: now() }).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.update', dataset.name, dataset.projectId, { fields: ['description'] })
}

export function deleteDataset(store: Store, actor: Actor, dataset: Dataset): void {
  store.delete(datasets).where(eq(datasets.id, dataset.id)).run()
  note(store, actor, 'dataset.delete', dataset.name, dataset.projectId)
}

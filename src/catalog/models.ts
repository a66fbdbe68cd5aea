import { and, asc, count, desc, eq, getTableColumns, sql } from 'drizzle-orm'
import { models, modelVersions } from '../../db/schema.ts'
import { conflict, notFound } from '../lib/fault.ts'
import { checkModelName } from './names.ts'
import { type Actor, note, type Store } from './store.ts'
import type { ModelMetadata } from './tensor.ts'

export type Model = typeof models.$inferSelect
type VersionRow = typeof modelVersions.$inferSelect
/** One version of a named model; its `id` is the API's `model_id`. */
export type ModelVersion = Omit<VersionRow, 'metadata'> & { metadata: ModelMetadata }

export interface NewVersion {
  name: string
  /** Default: the next number. */
  version?: number
  sha256: string
  size: number
  features: string[] | null
  metadata: ModelMetadata
}

export const listModels = (store: Store, projectId: number): Model[] =>
  store.select().from(models).where(eq(models.projectId, projectId)).orderBy(asc(models.name)).all()

export const findModel = (store: Store, projectId: number, name: string): Model | undefined =>
  store
    .select()
    .from(models)
    .where(and(eq(models.projectId, projectId), eq(models.name, name)))
    .get()

const { metadata: _, ...LISTED } = getTableColumns(modelVersions)
/** What is said of a version in a list: there may be thousands of them, and what each takes and gives is long. */
export type ListedVersion = Omit<ModelVersion, 'metadata'>

/** The versions of a model, newest first. */
export const versionsOf = (store: Store, modelId: number): ListedVersion[] =>
  store
    .select(LISTED)
    .from(modelVersions)
    .where(eq(modelVersions.modelId, modelId))
    .orderBy(desc(modelVersions.version))
    .all()

/** The same, whole. Versions of which the same is known share it: those of a model that is trained again and again. */
export function wholeVersionsOf(store: Store, modelId: number): ModelVersion[] {
  const known = new Map<string, ModelMetadata>()
  const parsed = (text: string) => {
    const metadata = known.get(text) ?? (JSON.parse(text) as ModelMetadata)
    known.set(text, metadata)
    return metadata
  }
  return store
    .select({ ...LISTED, metadata: sql<string>`${modelVersions.metadata}` })
    .from(modelVersions)
    .where(eq(modelVersions.modelId, modelId))
    .orderBy(desc(modelVersions.version))
    .all()
    .map(({ metadata, ...version }) => ({ ...version, metadata: parsed(metadata) }))
}

/** A version of a model by its number, or undefined. */
export const versionNumbered = (store: Store, modelId: number, number: number): ModelVersion | undefined =>
  store
    .select()
    .from(modelVersions)
    .where(and(eq(modelVersions.modelId, modelId), eq(modelVersions.version, number)))
    .get() as ModelVersion | undefined

/** A version by its `model_id`, with its model, or undefined. */
export function findVersion(store: Store, id: number): { version: ModelVersion; model: Model } | undefined {
  const row = store
    .select()
    .from(modelVersions)
    .innerJoin(models, eq(models.id, modelVersions.modelId))
    .where(eq(modelVersions.id, id))
    .get()
  return row && { version: row.model_versions as ModelVersion, model: row.models }
}

/** The version that is served under the model's name. */
export function activeVersion(store: Store, model: Model): ModelVersion | undefined {
  return model.activeVersion === null ? undefined : versionNumbered(store, model.id, model.activeVersion)
}

/** Every artifact that a version still needs. */
export const artifactsInUse = (store: Store): Set<string> =>
  new Set(
    store
      .select({ sha256: modelVersions.sha256 })
      .from(modelVersions)
      .all()
      .map(row => row.sha256),
  )

/**
 * Adds a version. The same bytes and features under a number that exists change nothing; other bytes are refused: a
 * version that was published is never another model. The first version of a name becomes active.
 * @throws Fault 409, 422
 */
export function addVersion(
  store: Store,
  actor: Actor,
  projectId: number,
  input: NewVersion,
): { version: ModelVersion; model: Model; added: boolean } {
  checkModelName(input.name)
  const model =
    findModel(store, projectId, input.name) ??
    store.insert(models).values({ projectId, name: input.name }).returning().get()
  const number = input.version ?? Math.max(0, ...Object.keys(model.usedVersions).map(Number)) + 1
  const same = versionNumbered(store, model.id, number)
  if (same) {
    if (same.sha256 === input.sha256 && JSON.stringify(same.features) === JSON.stringify(input.features))
      return { version: same, model, added: false }
    throw conflict(`Model ${input.name} has another version ${number} already; give the new file a number of its own.`)
  }
  const { sha256, size, features, metadata } = input
  const before = model.usedVersions[number]
  if (before !== undefined && before !== sha256)
    throw conflict(
      `Model ${input.name} had another version ${number}, now deleted; give the new file a number of its own.`,
    )
  store
    .update(models)
    .set({ usedVersions: { ...model.usedVersions, [number]: sha256 } })
    .where(eq(models.id, model.id))
    .run()
  const version = store
    .insert(modelVersions)
    .values({ modelId: model.id, version: number, sha256, size, features, metadata })
    .returning()
    .get() as ModelVersion
  note(store, actor, 'model.add', `${input.name}:${number}`, projectId, { sha256 })
  if (model.activeVersion !== null) return { version, model, added: true }
  return { version, model: activate(store, actor, model, number), added: true }
}

/** Makes a version the one that is served under the model's name. @throws Fault 404 no such version */
export function activate(store: Store, actor: Actor, model: Model, number: number): Model {
  if (!versionNumbered(store, model.id, number)) throw notFound('No such version of this model.')
  if (model.activeVersion === number) return model
  store.update(models).set({ activeVersion: number }).where(eq(models.id, model.id)).run()
  note(store, actor, 'model.activate', `${model.name}:${number}`, model.projectId)
  return { ...model, activeVersion: number }
}

/** Deletes a version, and the name with its last one. @throws Fault 409 it is the active one and has siblings */
export function deleteVersion(store: Store, actor: Actor, model: Model, version: ListedVersion): void {
  const siblings =
    store.select({ n: count() }).from(modelVersions).where(eq(modelVersions.modelId, model.id)).get()!.n - 1
  if (siblings > 0 && model.activeVersion === version.version)
    throw conflict('This is the active version; activate another one first.')
  store.delete(modelVersions).where(eq(modelVersions.id, version.id)).run()
  if (siblings === 0) store.delete(models).where(eq(models.id, model.id)).run()
  note(store, actor, 'model.delete', `${model.name}:${version.version}`, model.projectId)
}

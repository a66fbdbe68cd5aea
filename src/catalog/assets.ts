import { and, asc, count, desc, eq, isNotNull, max, type SQL } from 'drizzle-orm'
import { apiKeys, assets, assetVersions } from '../../db/schema.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { checkServiceKey } from './names.ts'
import { checkServiceConfig, type ServiceConfig } from './service-config.ts'
import { type Actor, note, now, type Store } from './store.ts'

type Row = typeof assets.$inferSelect
export type Asset = Omit<Row, 'config' | 'publishedConfig'> & {
  config: ServiceConfig
  publishedConfig: ServiceConfig | null
}
type VersionRow = typeof assetVersions.$inferSelect
export type AssetVersion = Omit<VersionRow, 'config'> & { config: ServiceConfig }

export interface AssetFields {
  title: string
  description: string
  config: unknown
  theme: unknown
  roles: unknown
  isPublic: boolean
  icon: string
  sortOrder: number
}

export function listAssets(
  store: Store,
  filter: { projectId?: number; assetType?: string; status?: 'draft' | 'published' } = {},
): Asset[] {
  const wanted: SQL[] = []
  if (filter.projectId !== undefined) wanted.push(eq(assets.projectId, filter.projectId))
  if (filter.assetType !== undefined) wanted.push(eq(assets.assetType, filter.assetType))
  if (filter.status !== undefined) wanted.push(eq(assets.status, filter.status))
  return store
    .select()
    .from(assets)
    .where(and(...wanted))
    .orderBy(asc(assets.sortOrder), asc(assets.id))
    .all() as Asset[]
}

/** @throws Fault 404 */
export function getAsset(store: Store, id: number): Asset {
  const asset = store.select().from(assets).where(eq(assets.id, id)).get()
  if (!asset) throw notFound('No such asset.')
  return asset as Asset
}

export const findAsset = (store: Store, key: string): Asset | undefined =>
  store.select().from(assets).where(eq(assets.assetKey, key)).get() as Asset | undefined

/** How many keys each service has of its own, by its id; those without any are not in it. */
export function countServiceKeys(store: Store): Map<number, number> {
  const counted = store
    .select({ id: apiKeys.assetId, keys: count() })
    .from(apiKeys)
    .where(isNotNull(apiKeys.assetId))
    .groupBy(apiKeys.assetId)
    .all()
  return new Map(counted.map(({ id, keys }) => [id!, keys]))
}

/** A draft with its first version. @throws Fault 409 the key is taken; 422 its form or the config's shape */
export function createAsset(
  store: Store,
  actor: Actor,
  input: { projectId: number; assetType: string; assetKey: string } & Partial<AssetFields>,
): Asset {
  if (input.assetType !== 'api_service') throw unprocessable('asset_type must be api_service.')
  checkServiceKey(input.assetKey)
  const config = input.config ?? { endpoints: [] }
  checkServiceConfig(config)
  if (findAsset(store, input.assetKey)) throw conflict('A service with this key exists already.')
  const asset = store
    .insert(assets)
    .values({
      title: input.assetKey,
      theme: {},
      roles: [],
      ...definedOnly(input),
      projectId: input.projectId,
      assetType: input.assetType,
      assetKey: input.assetKey,
      config,
      updatedAt: now(),
    })
    .returning()
    .get() as Asset
  writeVersion(store, actor, asset, 'created')
  note(store, actor, 'service.create', asset.assetKey, asset.projectId)
  return asset
}

/** Saves what is given as a new version of the draft; what is published stays. @throws Fault 422 the config's shape */
export function saveAsset(
  store: Store,
  actor: Actor,
  asset: Asset,
  fields: Partial<AssetFields>,
  changeNote: string,
): Asset {
  if (fields.config !== undefined) checkServiceConfig(fields.config)
  return save(store, actor, asset, fields, changeNote)
}

function save(store: Store, actor: Actor, asset: Asset, fields: Partial<AssetFields>, changeNote: string): Asset {
  const saved = store
    .update(assets)
    .set({ ...definedOnly(fields), updatedAt: now() })
    .where(eq(assets.id, asset.id))
    .returning()
    .get() as Asset
  writeVersion(store, actor, saved, changeNote)
  note(store, actor, 'service.save', asset.assetKey, asset.projectId, { fields: Object.keys(definedOnly(fields)) })
  return saved
}

/** Marks the draft as what is served. That it compiles is the publisher's to find out, in the same transaction. */
export function markPublished(store: Store, actor: Actor, asset: Asset): Asset {
  const published = store
    .update(assets)
    .set({
      status: 'published',
      publishedConfig: asset.config,
      publishedVersion: latestVersion(store, asset.id),
      updatedAt: now(),
    })
    .where(eq(assets.id, asset.id))
    .returning()
    .get() as Asset
  note(store, actor, 'service.publish', asset.assetKey, asset.projectId, { version: published.publishedVersion })
  return published
}

export function markUnpublished(store: Store, actor: Actor, asset: Asset): Asset {
  const draft = store
    .update(assets)
    .set({ status: 'draft', publishedConfig: null, publishedVersion: null, updatedAt: now() })
    .where(eq(assets.id, asset.id))
    .returning()
    .get() as Asset
  note(store, actor, 'service.unpublish', asset.assetKey, asset.projectId)
  return draft
}

/** Applies an earlier version to the draft again, as a new version. What is published stays. @throws Fault 404 */
export function rollbackAsset(store: Store, actor: Actor, asset: Asset, number: number): Asset {
  const { config, theme, title, description } = getVersion(store, asset.id, number)
  // it was checked when it was saved: what has got a rule since then does not hold up who has to go back
  return save(store, actor, asset, { config, theme, title, description }, `rollback to version ${number}`)
}

export function deleteAsset(store: Store, actor: Actor, asset: Asset): void {
  store.delete(apiKeys).where(eq(apiKeys.assetId, asset.id)).run()
  store.delete(assets).where(eq(assets.id, asset.id)).run()
  note(store, actor, 'service.delete', asset.assetKey, asset.projectId)
}

/** What is listed of a service's versions, the latest. Nobody removes old ones: there may be tens of thousands. */
const MOST_LISTED = 1000

/** What is said of a version in a list: all that it holds may be a lot. */
export type ListedVersion = Omit<AssetVersion, 'assetId' | 'config' | 'theme' | 'title' | 'description'>

/** Newest first, as many as are listed. */
export const listVersions = (store: Store, assetId: number): ListedVersion[] =>
  store
    .select({
      id: assetVersions.id,
      version: assetVersions.version,
      publishedBy: assetVersions.publishedBy,
      changeNote: assetVersions.changeNote,
      createdAt: assetVersions.createdAt,
    })
    .from(assetVersions)
    .where(eq(assetVersions.assetId, assetId))
    .orderBy(desc(assetVersions.version))
    .limit(MOST_LISTED)
    .all()

/** @throws Fault 404 */
export function getVersion(store: Store, assetId: number, number: number): AssetVersion {
  const version = store
    .select()
    .from(assetVersions)
    .where(and(eq(assetVersions.assetId, assetId), eq(assetVersions.version, number)))
    .get()
  if (!version) throw notFound('No such version.')
  return version as AssetVersion
}

function writeVersion(store: Store, actor: Actor, asset: Asset, changeNote: string): void {
  const { config, theme, title, description } = asset
  const version = latestVersion(store, asset.id) + 1
  store
    .insert(assetVersions)
    .values({ assetId: asset.id, version, config, theme, title, description, publishedBy: actor.name, changeNote })
    .run()
}

const latestVersion = (store: Store, assetId: number): number =>
  store
    .select({ latest: max(assetVersions.version) })
    .from(assetVersions)
    .where(eq(assetVersions.assetId, assetId))
    .get()?.latest ?? 0

const FIELDS = ['title', 'description', 'config', 'theme', 'roles', 'isPublic', 'icon', 'sortOrder'] as const

function definedOnly(fields: Partial<AssetFields>): Partial<AssetFields> {
  return Object.fromEntries(FIELDS.filter(name => fields[name] !== undefined).map(name => [name, fields[name]]))
}

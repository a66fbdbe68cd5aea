import { type Static, Type } from '@sinclair/typebox'
import {
  type Asset,
  type AssetFields,
  type AssetVersion,
  countServiceKeys,
  createAsset,
  deleteAsset,
  getAsset,
  getVersion,
  type ListedVersion,
  listAssets,
  listVersions,
  markPublished,
  markUnpublished,
  rollbackAsset,
  saveAsset,
} from '../catalog/assets.ts'
import type { Role } from '../catalog/projects.ts'
import type { EndpointConfig } from '../catalog/service-config.ts'
import type { Store } from '../catalog/store.ts'
import { warningsOf } from '../endpoints/endpoint.ts'
import { diff } from '../lib/diff.ts'
import { notFound, unprocessable } from '../lib/fault.ts'
import { Description, Title } from '../lib/shape.ts'
import {
  change,
  editedProject,
  idOf,
  jsonBody,
  type ManagementContext,
  projectFor,
  type SignedIn,
  scopeOf,
  sees,
} from './context.ts'
import { checkMatch, json, list, single } from './respond.ts'

const Kept = Type.Not(Type.Null(), { error: 'must not be null.' })
const fields = {
  title: Type.Optional(Title(500)),
  description: Type.Optional(Description),
  config: Type.Optional(Type.Unknown()),
  theme: Type.Optional(Kept),
  roles: Type.Optional(Kept),
  is_public: Type.Optional(Type.Boolean()),
  icon: Type.Optional(Type.String({ maxLength: 200 })),
  sort_order: Type.Optional(Type.Integer()),
}
const NewAsset = Type.Object({ ...fields, asset_type: Type.String(), asset_key: Type.String() })
export type NewServiceInput = Static<typeof NewAsset>
const AssetUpdate = Type.Object({
  ...fields,
  /** as they are: who sends back what was read sends these too */
  asset_type: Type.Optional(Type.String()),
  asset_key: Type.Optional(Type.String()),
  change_note: Type.Optional(Type.String({ maxLength: 2000 })),
})
export type ServiceInput = Static<typeof AssetUpdate>

/** The asset, when the user has at least this role in its project. @throws Fault 404, 403 */
export function assetFor(context: ManagementContext, who: SignedIn, id: string, need: Role): Asset {
  const asset = getAsset(context.db, idOf(id))
  if (!sees(context, who.userNow(), asset.projectId)) throw notFound('No such asset.')
  projectFor(context, who, asset.projectId, need)
  return asset
}

export function assets(context: ManagementContext, request: Request, { user }: SignedIn): Response {
  const params = new URL(request.url).searchParams
  const status = params.get('status') ?? undefined
  if (status !== undefined && status !== 'draft' && status !== 'published')
    throw unprocessable('status must be draft or published.')
  const found = listAssets(context.db, {
    projectId: scopeOf(request),
    assetType: params.get('asset_type') ?? undefined,
    status,
  })
  const keys = countServiceKeys(context.db)
  const seen = found.filter(asset => sees(context, user, asset.projectId))
  return list(
    request,
    seen.map(asset => listedRow(asset, keys.get(asset.id) ?? 0)),
  )
}

export async function addAsset(context: ManagementContext, request: Request, who: SignedIn) {
  const may = editedProject(context, who, request, 'A service is created in')
  const body = await jsonBody(context, request, NewAsset)
  const asset = change(context, may, (tx, project) =>
    createAsset(tx, who.actor, {
      projectId: project.id,
      assetType: body.asset_type,
      assetKey: body.asset_key,
      ...fromWire(body),
    }),
  )
  return shown(context, asset, 201)
}

export const oneAsset = (context: ManagementContext, who: SignedIn, id: string): Response =>
  shown(context, assetFor(context, who, id, 'viewer'))

interface ServiceChange {
  need?: Role
  work: (tx: Store, asset: Asset) => Asset
  /** members of the answer that are no part of the asset */
  beside?: (changed: Asset) => object
  /** endpoints that it publishes */
  publishing?: readonly EndpointConfig[]
}

/**
 * Changes an asset in one transaction, and what is served of it with it: title and is_public act at once, the config when it
 * is published.
 * @throws Fault 404, 403; 412 it was changed meanwhile; what publishing refuses
 */
async function changeService(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  id: string,
  { need = 'editor', work, beside, publishing = [] }: ServiceChange,
): Promise<Response> {
  const changed = await context.publisher.changeChecked(publishing, (tx, touched) => {
    const asset = assetFor(context, who, id, need)
    checkMatch(request, detailed(context, asset))
    touched.assets.add(asset.id)
    return work(tx, asset)
  })
  return shown(context, changed, 200, beside?.(changed))
}

export async function changeAsset(context: ManagementContext, request: Request, who: SignedIn, id: string) {
  assetFor(context, who, id, 'editor') // who may not change it need not send it either
  const body = await jsonBody(context, request, AssetUpdate)
  return changeService(context, request, who, id, {
    work(tx, asset) {
      if ((body.asset_key ?? asset.assetKey) !== asset.assetKey)
        throw unprocessable('asset_key cannot be changed: callers have it in their URLs.')
      if ((body.asset_type ?? asset.assetType) !== asset.assetType)
        throw unprocessable(`asset_type must be ${asset.assetType}.`)
      return saveAsset(tx, who.actor, asset, fromWire(body), body.change_note ?? '')
    },
  })
}

/** The answer has `warnings`: what every call of an endpoint costs for want of an index. */
export const publishAsset = (context: ManagementContext, request: Request, who: SignedIn, id: string) =>
  changeService(context, request, who, id, {
    work: (tx, asset) => markPublished(tx, who.actor, asset),
    beside: ({ assetKey }) => ({ warnings: warningsOf(context.publisher.registry.get(assetKey)) }),
    publishing: assetFor(context, who, id, 'editor').config.endpoints,
  })

export const unpublishAsset = (context: ManagementContext, request: Request, who: SignedIn, id: string) =>
  changeService(context, request, who, id, { work: (tx, asset) => markUnpublished(tx, who.actor, asset) })

/** The draft only; what is published stays until it is published again. */
export const rollback = (
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  id: string,
  version: string,
): Promise<Response> =>
  changeService(context, request, who, id, {
    need: 'admin',
    work: (tx, asset) => rollbackAsset(tx, who.actor, asset, idOf(version)),
  })

export function removeAsset(context: ManagementContext, request: Request, who: SignedIn, id: string): Response {
  const may = () => assetFor(context, who, id, 'editor')
  change(context, may, (tx, asset, touched) => {
    checkMatch(request, detailed(context, asset))
    touched.removedServices.add(asset.assetKey)
    deleteAsset(tx, who.actor, asset)
  })
  context.keys.ring.forgetAll()
  return json({ deleted: true })
}

export function diffVersions(context: ManagementContext, who: SignedIn, id: string, a: string, b: string): Response {
  const asset = assetFor(context, who, id, 'viewer')
  const left = getVersion(context.db, asset.id, idOf(a))
  const right = getVersion(context.db, asset.id, idOf(b))
  return json({
    left: versionRow(left),
    right: versionRow(right),
    diff: diff(left.config, right.config),
    theme_diff: diff(left.theme, right.theme),
  })
}

/** What a version was, whole. */
export function oneVersion(context: ManagementContext, who: SignedIn, id: string, number: string): Response {
  const asset = assetFor(context, who, id, 'viewer')
  return json(wholeVersion(getVersion(context.db, asset.id, idOf(number))))
}

function fromWire(body: {
  title?: string
  description?: string
  config?: unknown
  theme?: unknown
  roles?: unknown
  is_public?: boolean
  icon?: string
  sort_order?: number
}): Partial<AssetFields> {
  const { title, description, config, theme, roles, is_public: isPublic, icon, sort_order: sortOrder } = body
  return { title, description, config, theme, roles, isPublic, icon, sortOrder }
}

const assetRow = (asset: Asset) => ({
  id: asset.id,
  asset_type: asset.assetType,
  asset_key: asset.assetKey,
  title: asset.title,
  description: asset.description,
  config: asset.config,
  theme: asset.theme,
  roles: asset.roles,
  is_public: asset.isPublic,
  icon: asset.icon,
  sort_order: asset.sortOrder,
  status: asset.status,
  project_id: asset.projectId,
  published_version: asset.publishedVersion,
  /** it is published, and its draft would serve something else */
  unpublished_changes:
    asset.publishedConfig !== null && JSON.stringify(asset.config) !== JSON.stringify(asset.publishedConfig),
  created_at: asset.createdAt,
  updated_at: asset.updatedAt,
})
export type AssetRow = ReturnType<typeof assetRow>

const listedRow = (asset: Asset, keys: number) => ({ ...assetRow(asset), key_count: keys })
export type ServiceRow = ReturnType<typeof listedRow>

const versionRow = (version: ListedVersion) => ({
  id: version.id,
  version: version.version,
  published_by: version.publishedBy,
  change_note: version.changeNote,
  created_at: version.createdAt,
})

export type VersionRow = ReturnType<typeof versionRow>

const wholeVersion = (version: AssetVersion) => ({
  ...versionRow(version),
  title: version.title,
  description: version.description,
  theme: version.theme,
  config: version.config,
})
export type WholeVersion = ReturnType<typeof wholeVersion>

const detailed = (context: ManagementContext, asset: Asset) => ({
  ...assetRow(asset),
  versions: listVersions(context.db, asset.id).map(versionRow),
})
export type Service = ReturnType<typeof detailed>

function shown(context: ManagementContext, asset: Asset, status = 200, beside: object = {}): Response {
  const self = `/api/publish/assets/${asset.id}`
  return single(
    detailed(context, asset),
    {
      self,
      api_keys: `${self}/api-keys`,
      project: `/api/projects/${asset.projectId}`,
      service: `/api/service/${asset.assetKey}`,
    },
    status,
    beside,
  )
}

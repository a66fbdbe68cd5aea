import { type Static, Type } from '@sinclair/typebox'
import { SENSITIVITIES } from '../catalog/column.ts'
import { METHODS } from '../catalog/grant.ts'
import type { ApiKey } from '../catalog/key-ring.ts'
import { type KeyFields, type KeyOwner, PLAIN_KEY } from '../catalog/keys.ts'
import { unprocessable } from '../lib/fault.ts'
import { closed, literals, Title } from '../lib/shape.ts'
import { assetFor } from './assets.ts'
import { change, idOf, jsonBody, type ManagementContext, projectFor, type SignedIn } from './context.ts'
import { checkMatch, json, listParts, single } from './respond.ts'

const Names = Type.Union([Type.Array(Type.String({ minLength: 1, maxLength: 400 }), { maxItems: 1000 }), Type.Null()])
const ScopeValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])
/** Each call hands all of the values on. */
export const ScopedColumns = Type.Record(Type.String(), Type.Array(ScopeValue, { maxItems: 500 }), {
  maxProperties: 1000,
  error: 'must be {column: [values]}, at most 500 values a column, and 1000 columns.',
})
const Scope = Type.Union([ScopedColumns, Type.Null()])
export const AllowedMethods = Type.Union([Type.Array(literals(METHODS)), Type.Null()], {
  error: `must be a list of ${METHODS.join(', ')}, or null.`,
})
export const RateLimit = Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000_000 }), Type.Null()], {
  error: 'must be calls a minute, a whole number from 1 to 1000000000, or null for no limit.',
})
const settings = {
  name: Type.Optional(Title(200, 1)),
  rate_limit: Type.Optional(RateLimit),
  masking_level: Type.Optional(literals(['masked', 'unmasked'])),
  sensitivity_max: Type.Optional(literals(SENSITIVITIES)),
  allowed_columns: Type.Optional(Names),
  allowed_endpoints: Type.Optional(Names),
  allowed_methods: Type.Optional(AllowedMethods),
  row_scope: Type.Optional(Scope),
  expires_at: Type.Optional(Type.Union([Type.String(), Type.Null()])),
}
const projectSettings = {
  allowed_services: Type.Optional(Names),
  allowed_deployments: Type.Optional(Names),
  manage_models: Type.Optional(Type.Boolean()),
}
const minting = {
  /** '' is what Honeyframe's SDK sends where its user says none */
  name: Type.Optional(Title(200)),
  expires_days: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 36_500 }), Type.Null()], {
      error: 'must be a whole number of days from 1 to 36500, or null for never.',
    }),
  ),
  secret: Type.Optional(Type.String({ maxLength: 200 })),
}
const NewServiceKey = Type.Object({ ...settings, ...minting }, closed)
const NewProjectKey = Type.Object({ ...settings, ...projectSettings, ...minting }, closed)
const patching = { is_active: Type.Optional(Type.Boolean()) }
const ServiceKeyPatch = Type.Object({ ...settings, ...patching }, closed)
const ProjectKeyPatch = Type.Object({ ...settings, ...projectSettings, ...patching }, closed)
const Rotation = Type.Object(
  {
    overlap_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 90 * 86_400 })),
    secret: Type.Optional(Type.String({ maxLength: 200 })),
  },
  closed,
)
const DEFAULT_DAYS = 90
const DEFAULT_OVERLAP_SECONDS = 24 * 3600

/** Whose keys a route is about, and where they are. */
export interface RoutedOwner extends KeyOwner {
  path: string
}

/** Keys of a service: editors and up. @throws Fault 404, 403 */
export function serviceOwner(context: ManagementContext, who: SignedIn, assetId: string): RoutedOwner {
  const asset = assetFor(context, who, assetId, 'editor')
  return { projectId: asset.projectId, assetId: asset.id, path: `/api/publish/assets/${asset.id}/api-keys` }
}

/** Keys of a project: editors and up. @throws Fault 404, 403 */
export function projectOwner(context: ManagementContext, who: SignedIn, projectId: string): RoutedOwner {
  const project = projectFor(context, who, idOf(projectId), 'editor')
  return { projectId: project.id, assetId: null, path: `/api/projects/${project.id}/api-keys` }
}

/** The secret is in this answer only. */
export async function mintKey(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  ownerNow: () => RoutedOwner,
) {
  const owner = ownerNow()
  const body = await jsonBody(context, request, owner.assetId === null ? NewProjectKey : NewServiceKey)
  const days = body.expires_days === undefined ? DEFAULT_DAYS : body.expires_days
  const fields: KeyFields = {
    ...PLAIN_KEY,
    rateLimit: 100,
    expiresAt: days === null ? null : new Date(Date.now() + days * 86_400_000).toISOString(),
    ...keyFieldsOf(body),
    name: body.name || 'key',
  }
  const { key, secret } = change(context, ownerNow, (tx, now) =>
    context.keys.mint(tx, who.actor, now, fields, body.secret),
  )
  return shown(key, owner, 201, { key: secret })
}

export const keys = (context: ManagementContext, request: Request, owner: RoutedOwner): Response =>
  listParts(
    request,
    () => context.keys.count(context.db, owner),
    part => context.keys.list(context.db, owner, part).map(keyRow),
  )

export const oneKey = (context: ManagementContext, owner: RoutedOwner, id: string): Response =>
  shown(context.keys.get(context.db, owner, idOf(id)), owner)

export async function changeKey(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  ownerNow: () => RoutedOwner,
  id: string,
) {
  const owner = ownerNow()
  const body = await jsonBody(context, request, owner.assetId === null ? ProjectKeyPatch : ServiceKeyPatch)
  const fields = { ...keyFieldsOf(body), ...(body.is_active === undefined ? {} : { isActive: body.is_active }) }
  const key = change(context, ownerNow, (tx, now) => {
    const current = context.keys.get(tx, now, idOf(id))
    checkMatch(request, settingsRow(current))
    return context.keys.update(tx, who.actor, current, fields)
  })
  return shown(key, owner)
}

/** A key is revoked by making it inactive: its callers get 403, and the row stays for the audit. */
export function revokeKey(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  ownerNow: () => RoutedOwner,
  id: string,
): Response {
  change(context, ownerNow, (tx, owner) => {
    const current = context.keys.get(tx, owner, idOf(id))
    checkMatch(request, settingsRow(current))
    return context.keys.update(tx, who.actor, current, { isActive: false })
  })
  return json({ revoked: true })
}

export async function rotateKey(
  context: ManagementContext,
  request: Request,
  who: SignedIn,
  ownerNow: () => RoutedOwner,
  id: string,
) {
  const owner = ownerNow()
  const { overlap_seconds = DEFAULT_OVERLAP_SECONDS, secret: given } = await jsonBody(context, request, Rotation)
  const { key, secret } = change(context, ownerNow, (tx, now) => {
    const current = context.keys.get(tx, now, idOf(id))
    checkMatch(request, settingsRow(current))
    return context.keys.rotate(tx, who.actor, current, overlap_seconds, given)
  })
  return shown(key, owner, 201, { key: secret, rotated_from: idOf(id) })
}

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/
const TIME = /^\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/

/** An ISO 8601 time (or day) in UTC; one without a zone is UTC. undefined: it is none. */
export function isoTime(text: string): string | undefined {
  const [date = '', time] = text.split('T', 2)
  const day = DAY.exec(date)
  const zone = time === undefined ? undefined : TIME.exec(time)
  if (!day || zone === null) return undefined
  // Date would take 30 February for 2 March
  const [, year, month, last] = day.map(Number) as [number, number, number, number]
  if (last > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined
  const at = new Date(zone && zone[3] === undefined ? `${text}Z` : text)
  if (Number.isNaN(at.getTime())) return undefined
  // times are compared as texts, and one whose zone takes it out of the years of four digits would come before all others
  const iso = at.toISOString()
  return DAY.test(iso.slice(0, 10)) ? iso : undefined
}

type Wire = Partial<Static<typeof NewProjectKey>>

/** The fields that are given (to the API, or in a manifest), in the catalog's spelling. @throws Fault 422 */
export function keyFieldsOf(body: Wire, place = ''): Partial<KeyFields> {
  const expiresAt = typeof body.expires_at === 'string' ? isoTime(body.expires_at) : body.expires_at
  if (typeof body.expires_at === 'string' && expiresAt === undefined)
    throw unprocessable(`${place}expires_at must be an ISO 8601 time such as 2030-01-31T12:00Z, or null.`)
  const fields = {
    name: body.name,
    rateLimit: body.rate_limit,
    maskingLevel: body.masking_level,
    sensitivityMax: body.sensitivity_max,
    allowedColumns: body.allowed_columns === null ? [] : body.allowed_columns,
    allowedEndpoints: body.allowed_endpoints,
    allowedServices: body.allowed_services,
    allowedDeployments: body.allowed_deployments,
    allowedMethods: body.allowed_methods,
    rowScope: body.row_scope,
    manageModels: body.manage_models,
    expiresAt,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** A key as it is listed: whole, but for its secret. */
const keyRow = (key: ApiKey) => ({ ...settingsRow(key), last_used_at: key.lastUsedAt })
export type KeyRow = ReturnType<typeof keyRow>
export type NewKeyInput = Static<typeof NewProjectKey>
export type KeyPatchInput = Static<typeof ProjectKeyPatch>
export type RotationInput = Static<typeof Rotation>

/** What somebody decided: its ETag does not change because the key is used. */
const settingsRow = (key: ApiKey) => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  last4: key.last4,
  rate_limit: key.rateLimit,
  masking_level: key.maskingLevel,
  sensitivity_max: key.sensitivityMax,
  allowed_columns: key.allowedColumns,
  allowed_endpoints: key.allowedEndpoints,
  ...(key.assetId === null
    ? {
        allowed_services: key.allowedServices,
        allowed_deployments: key.allowedDeployments,
        manage_models: key.manageModels,
      }
    : {}),
  allowed_methods: key.allowedMethods,
  row_scope: key.rowScope,
  is_active: key.isActive,
  expires_at: key.expiresAt,
  rotated_to: key.rotatedTo,
  created_by: key.createdBy,
  created_at: key.createdAt,
})

const shown = (key: ApiKey, owner: RoutedOwner, status = 200, shownOnce: object = {}) =>
  single(settingsRow(key), { self: `${owner.path}/${key.id}`, keys: owner.path }, status, {
    last_used_at: key.lastUsedAt,
    ...shownOnce,
  })

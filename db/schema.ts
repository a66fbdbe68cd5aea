/** The catalog's tables. Times are ISO 8601 in UTC; JSON columns hold what the management API takes and gives. */
import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

const id = () => integer('id').primaryKey({ autoIncrement: true })
const createdAt = () => text('created_at').notNull().default(sql`(strftime('%Y-%m-%dT%H:%M:%fZ','now'))`)
/** JSON whose shape belongs to the catalog, which casts it. */
const json = <T>(name: string) => text(name, { mode: 'json' }).$type<T>()
const bool = (name: string) => integer(name, { mode: 'boolean' })

/** One row a name: what belongs to the installation as a whole (its secret, its id). */
export const settings = sqliteTable('settings', { name: text('name').primaryKey(), value: text('value').notNull() })

export const users = sqliteTable('users', {
  id: id(),
  username: text('username').notNull().unique(),
  passwordHash: text('password_hash'),
  isAdmin: bool('is_admin').notNull().default(false),
  isActive: bool('is_active').notNull().default(true),
  /** Raised to end every session that was signed in before. */
  sessionEpoch: integer('session_epoch').notNull().default(0),
  createdAt: createdAt(),
})

export const projects = sqliteTable('projects', {
  id: id(),
  slug: text('slug').notNull().unique(),
  name: text('name').notNull(),
  description: text('description').notNull().default(''),
  icon: text('icon').notNull().default('folder'),
  color: text('color').notNull().default('#B45309'),
  createdAt: createdAt(),
})

const projectId = () =>
  integer('project_id')
    .notNull()
    .references(() => projects.id, { onDelete: 'cascade' })

export const roles = sqliteTable(
  'roles',
  {
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    projectId: projectId(),
    role: text('role', { enum: ['admin', 'editor', 'viewer'] }).notNull(),
  },
  t => [primaryKey({ columns: [t.userId, t.projectId] })],
)

export const tokens = sqliteTable('tokens', {
  id: id(),
  userId: integer('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  name: text('name').notNull(),
  hash: text('hash').notNull().unique(),
  prefix: text('prefix').notNull(),
  last4: text('last4').notNull(),
  createdAt: createdAt(),
  expiresAt: text('expires_at'),
  revokedAt: text('revoked_at'),
  lastUsedAt: text('last_used_at'),
})

/** Someone signed in with a browser. Only the SHA-256 of the cookie is stored. */
export const sessions = sqliteTable(
  'sessions',
  {
    id: id(),
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** What it was begun with, where that was no password: it ends with it. */
    tokenId: integer('token_id').references(() => tokens.id, { onDelete: 'cascade' }),
    hash: text('hash').notNull().unique(),
    /** Where from and with what it was begun, for the list that its user sees. */
    address: text('address').notNull(),
    userAgent: text('user_agent').notNull(),
    createdAt: createdAt(),
    lastUsedAt: text('last_used_at').notNull(),
    expiresAt: text('expires_at').notNull(),
  },
  t => [index('sessions_user').on(t.userId), index('sessions_token').on(t.tokenId)],
)

export const datasets = sqliteTable(
  'datasets',
  {
    id: id(),
    projectId: projectId(),
    /** `schema.table` */
    name: text('name').notNull(),
    engine: text('engine', { enum: ['sqlite', 'duckdb', 'postgres'] })
      .notNull()
      .default('sqlite'),
    description: text('description').notNull().default(''),
    /** Where its rows came from: a file's name, and its SHA-256, so that an unchanged file is not imported again. */
    source: text('source'),
    sourceHash: text('source_hash'),
    /** The operator's own file and how it was read, for reading it again; null: an upload. */
    origin: json<unknown>('origin'),
    /** When `origin` is read again by itself, and what came of the last time. */
    refresh: json<unknown>('refresh'),
    refreshState: json<unknown>('refresh_state'),
    /** The file under `warehouse/` that is served: immutable, or live where endpoints may write; empty where another engine has the rows. */
    file: text('file').notNull(),
    /** Whether endpoints may write to it. */
    writable: bool('writable').notNull().default(false),
    /** Where another engine finds the rows. */
    location: json<unknown>('location'),
    generation: integer('generation').notNull().default(1),
    columns: json<unknown>('columns').notNull(),
    /** columns of earlier generations that had a policy: it is theirs again if they come back */
    formerColumns: json<unknown>('former_columns').notNull().default([]),
    primaryKey: json<string[]>('primary_key'),
    indexes: json<string[][]>('indexes').notNull(),
    rowCount: integer('row_count').notNull(),
    createdAt: createdAt(),
    updatedAt: text('updated_at').notNull(),
  },
  t => [uniqueIndex('datasets_project_name').on(t.projectId, t.name)],
)

/** A database that datasets may be tables of. Its secret is in an environment variable or a file, never here. */
export const connections = sqliteTable('connections', {
  id: id(),
  name: text('name').notNull().unique(),
  kind: text('kind', { enum: ['postgres'] }).notNull(),
  urlEnv: text('url_env'),
  urlFile: text('url_file'),
  createdAt: createdAt(),
  updatedAt: text('updated_at').notNull(),
})

/** A named model; what is served under its name is `activeVersion`. */
export const models = sqliteTable(
  'models',
  {
    id: id(),
    projectId: projectId(),
    name: text('name').notNull(),
    activeVersion: integer('active_version'),
    /** Every version number that was ever given, with its file's SHA-256: a number is never another model. */
    usedVersions: json<Record<string, string>>('used_versions').notNull().default({}),
    createdAt: createdAt(),
  },
  t => [uniqueIndex('models_project_name').on(t.projectId, t.name)],
)

/** One version of a model. Its id is the API's `model_id`. */
export const modelVersions = sqliteTable(
  'model_versions',
  {
    id: id(),
    modelId: integer('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    version: integer('version').notNull(),
    sha256: text('sha256').notNull(),
    size: integer('size').notNull(),
    features: json<string[] | null>('features'),
    metadata: json<unknown>('metadata').notNull(),
    createdAt: createdAt(),
  },
  t => [uniqueIndex('model_versions_number').on(t.modelId, t.version)],
)

/** A published asset; today always an API service. `config` is the draft, `publishedConfig` what is served. */
export const assets = sqliteTable(
  'assets',
  {
    id: id(),
    projectId: projectId(),
    assetType: text('asset_type').notNull(),
    assetKey: text('asset_key').notNull().unique(),
    title: text('title').notNull(),
    description: text('description').notNull().default(''),
    config: json<unknown>('config').notNull(),
    theme: json<unknown>('theme').notNull(),
    roles: json<unknown>('roles').notNull(),
    isPublic: bool('is_public').notNull().default(false),
    icon: text('icon').notNull().default(''),
    sortOrder: integer('sort_order').notNull().default(0),
    status: text('status', { enum: ['draft', 'published'] })
      .notNull()
      .default('draft'),
    publishedVersion: integer('published_version'),
    publishedConfig: json<unknown>('published_config'),
    createdAt: createdAt(),
    updatedAt: text('updated_at').notNull(),
  },
  t => [index('assets_project').on(t.projectId)],
)

/** What each save of an asset was: written once, never changed. */
export const assetVersions = sqliteTable(
  'asset_versions',
  {
    id: id(),
    assetId: integer('asset_id')
      .notNull()
      .references(() => assets.id, { onDelete: 'cascade' }),
    version: integer('version').notNull(),
    config: json<unknown>('config').notNull(),
    theme: json<unknown>('theme').notNull(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    publishedBy: text('published_by').notNull(),
    changeNote: text('change_note').notNull().default(''),
    createdAt: createdAt(),
  },
  t => [uniqueIndex('asset_versions_number').on(t.assetId, t.version)],
)

/** A key of one service (`assetId`) or of a whole project (`assetId` null). Only its SHA-256 is stored. */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: id(),
    projectId: projectId(),
    assetId: integer('asset_id').references(() => assets.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    hash: text('hash').notNull().unique(),
    prefix: text('prefix').notNull(),
    last4: text('last4').notNull(),
    /** Requests a minute; null: no limit. */
    rateLimit: integer('rate_limit'),
    maskingLevel: text('masking_level', { enum: ['masked', 'unmasked'] }).notNull(),
    sensitivityMax: text('sensitivity_max', { enum: ['low', 'medium', 'high', 'critical'] }).notNull(),
    allowedColumns: json<string[]>('allowed_columns').notNull(),
    allowedEndpoints: json<string[] | null>('allowed_endpoints'),
    allowedServices: json<string[] | null>('allowed_services'),
    allowedDeployments: json<string[] | null>('allowed_deployments'),
    /** What it may do at endpoints of kind table; null or []: read. */
    allowedMethods: json<('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[] | null>('allowed_methods'),
    rowScope: json<Record<string, (string | number | boolean | null)[]> | null>('row_scope'),
    manageModels: bool('manage_models').notNull().default(false),
    isActive: bool('is_active').notNull().default(true),
    expiresAt: text('expires_at'),
    rotatedTo: integer('rotated_to'),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
    lastUsedAt: text('last_used_at'),
  },
  t => [index('api_keys_asset').on(t.assetId), index('api_keys_project').on(t.projectId)],
)

/** Deployments as they were declared. `revision` counts their changes; one that is not `enabled` is not served. */
export const deployments = sqliteTable(
  'deployments',
  {
    id: id(),
    projectId: projectId(),
    name: text('name').notNull(),
    config: json<unknown>('config').notNull(),
    enabled: bool('enabled').notNull().default(true),
    revision: integer('revision').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: text('updated_at').notNull(),
  },
  t => [uniqueIndex('deployments_project_name').on(t.projectId, t.name)],
)

/** Who changed what: a row for each change (one a day for what a rule does again and again), none for reads. `detail` names fields, never secrets or row values. */
export const audit = sqliteTable(
  'audit',
  {
    id: id(),
    at: text('at').notNull().default(sql`(strftime('%Y-%m-%dT%H:%M:%fZ','now'))`),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    target: text('target').notNull(),
    projectId: integer('project_id'),
    detail: json<unknown>('detail'),
  },
  t => [index('audit_project').on(t.projectId, t.id)],
)

/** What calls are told apart by in `usage`. No reference to what it names: what was called stays counted when that is gone. */
export const usageSeries = sqliteTable(
  'usage_series',
  {
    id: id(),
    /** 0: nobody's */
    projectId: integer('project_id').notNull(),
    /** empty: none */
    service: text('service').notNull(),
    endpoint: text('endpoint').notNull(),
    deployment: text('deployment').notNull(),
    /** a key's id; 0 the public, -1 an unknown key, -2 keys that were not told apart */
    keyId: integer('key_id').notNull(),
    /** 304, an error's, or its hundred */
    status: integer('status').notNull(),
  },
  t => [uniqueIndex('usage_series_names').on(t.projectId, t.service, t.endpoint, t.deployment, t.keyId, t.status)],
)

/** How often, in a step of time. Every call is in a row of each step, so that steps are pruned one without the other. */
export const usage = sqliteTable(
  'usage',
  {
    /** seconds: 60, 3600 or 86400 */
    step: integer('step').notNull(),
    /** where it begins, in seconds since the epoch */
    at: integer('at').notNull(),
    seriesId: integer('series_id').notNull(),
    calls: integer('calls').notNull(),
    /** a histogram (telemetry/latency.ts); empty for refusals */
    latency: blob('latency', { mode: 'buffer' }).notNull(),
  },
  t => [primaryKey({ columns: [t.step, t.at, t.seriesId] })],
)

import { and, asc, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { apiKeys } from '../../db/schema.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { hashSecret, mintSecret, shownParts, wellFormed } from '../lib/secret.ts'
import type { Sensitivity } from './column.ts'
import type { Grant, Method, RowScopeValue } from './grant.ts'
import { type Actor, note, now, type Store, transaction } from './store.ts'

export type ApiKey = typeof apiKeys.$inferSelect

/** What a key may carry; every field as the management API names it, in the catalog's spelling. */
export interface KeyFields {
  name: string
  rateLimit: number | null
  maskingLevel: 'masked' | 'unmasked'
  sensitivityMax: Sensitivity
  allowedColumns: string[]
  allowedEndpoints: string[] | null
  allowedServices: string[] | null
  allowedDeployments: string[] | null
  allowedMethods: Method[] | null
  rowScope: Record<string, RowScopeValue[]> | null
  manageModels: boolean
  expiresAt: string | null
}

/** A key that names nothing: masked, up to medium, without a limit or an end. */
export const PLAIN_KEY: Omit<KeyFields, 'name'> = {
  rateLimit: null,
  maskingLevel: 'masked',
  sensitivityMax: 'medium',
  allowedColumns: [],
  allowedEndpoints: null,
  allowedServices: null,
  allowedDeployments: null,
  allowedMethods: null,
  rowScope: null,
  manageModels: false,
  expiresAt: null,
}

/** A key as the gate needs it: its Grant, and whether it works now. */
export interface KnownKey {
  grant: Grant
  isActive: boolean
  /** Milliseconds since the epoch; Infinity: never. Compared at each call, so that no key outlives its expiry. */
  expiresAt: number
}

const CACHED_KEYS = 200_000
const RECENT_KEYS = 1000
/** Keys whose use is written in one transaction: some milliseconds. */
const TOUCHED_AT_ONCE = 500

/**
 * The keys. Grants are found by one map look-up of the secret's SHA-256; a miss asks the catalog's unique index. Every
 * change of a key goes through here, so nothing stale is ever served.
 */
export class KeyRing {
  #db: Db
  #known = new Map<string, KnownKey>()
  /** the same by the secrets that came lately: whoever calls often is spared the hash */
  #recent = new Map<string, KnownKey>()
  #touched = new Map<number, number>()
  /** what is being written, or could not be */
  #unwritten = new Map<number, number>()
  #noteUsed: ReturnType<typeof noteUsed>

  constructor(db: Db) {
    this.#db = db
    this.#noteUsed = noteUsed(db)
  }

  /** The key with this secret, or undefined; what does not have a secret's form is never looked up in the catalog. */
  find(secret: string): KnownKey | undefined {
    const recent = this.#recent.get(secret)
    if (recent) return recent
    const known = this.#find(secret)
    if (!known) return undefined
    if (this.#recent.size >= RECENT_KEYS) this.#recent.clear()
    this.#recent.set(secret, known)
    return known
  }

  #find(secret: string): KnownKey | undefined {
    const hash = hashSecret(secret)
    const known = this.#known.get(hash)
    if (known) return known
    if (!wellFormed(secret, 'dk')) return undefined
    const row = this.#db.select().from(apiKeys).where(eq(apiKeys.hash, hash)).get()
    if (!row) return undefined
    if (this.#known.size >= CACHED_KEYS) this.#known.clear()
    const fresh = knownOf(row)
    this.#known.set(hash, fresh)
    return fresh
  }

  /** Notes that a key was used; written by `flush`, at most once a minute a key. */
  touch(keyId: number, at: number): void {
    this.#touched.set(keyId, at)
  }

  /** Writes what `touch` noted. @throws what the database does: then what is left of it waits for the next time */
  flush(): void {
    this.#takeTouched()
    while (this.#writeSome());
  }

  /** The same with pauses in which calls are served. Called once a minute, so a key is written at most so often. */
  async flushInParts(): Promise<void> {
    this.#takeTouched()
    while (this.#writeSome()) await Bun.sleep(0)
  }

  #takeTouched(): void {
    for (const [id, at] of this.#touched) this.#unwritten.set(id, at)
    this.#touched = new Map()
  }

  /** @returns whether there are more */
  #writeSome(): boolean {
    const some = this.#unwritten.entries().take(TOUCHED_AT_ONCE).toArray()
    if (some.length === 0) return false
    transaction(this.#db, () => {
      for (const [id, at] of some) this.#noteUsed.run({ id, at: new Date(at).toISOString() })
    })
    for (const [id] of some) this.#unwritten.delete(id)
    return this.#unwritten.size > 0
  }

  /** A row as it will be when what is noted of its use is written: who looks before that is not told that nobody uses it. */
  #used(key: ApiKey): ApiKey {
    const at = this.#touched.get(key.id) ?? this.#unwritten.get(key.id)
    return at === undefined ? key : { ...key, lastUsedAt: new Date(at).toISOString() }
  }

  /** Keys changed outside of this ring's methods (a project was deleted): forget them all. */
  forgetAll(): void {
    this.#known.clear()
    this.#recent.clear()
  }

  /**
   * Mints a key of a service (`assetId`) or a project. `secret` may be given from outside.
   * @returns the row and the secret, which is shown once and stored nowhere
   * @throws Fault 422 a given secret's form or a bad expiry; 409 the secret is in use
   */
  mint(
    store: Store,
    actor: Actor,
    owner: { projectId: number; assetId: number | null },
    fields: KeyFields,
    given?: string,
  ): { key: ApiKey; secret: string } {
    if (given !== undefined && !wellFormed(given, 'dk'))
      throw unprocessable('A given secret must have the form that `callgate secret dk` prints.')
    const secret = given ?? mintSecret('dk')
    const hash = hashSecret(secret)
    if (given !== undefined && store.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, hash)).get())
      throw conflict('This secret is another key already.')
    const key = store
      .insert(apiKeys)
      .values({ ...normalised(fields), ...owner, hash, ...shownParts(secret), createdBy: actor.name })
      .returning()
      .get()
    note(store, actor, 'key.mint', `${key.name}#${key.id}`, owner.projectId, auditFields(fields))
    return { key, secret }
  }

  list(store: Store, owner: { projectId: number; assetId: number | null }): ApiKey[] {
    const own = owner.assetId === null ? isNull(apiKeys.assetId) : eq(apiKeys.assetId, owner.assetId)
    return store
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.projectId, owner.projectId), own))
      .orderBy(asc(apiKeys.id))
      .all()
      .map(key => this.#used(key))
  }

  /** @throws Fault 404 */
  get(store: Store, owner: { projectId: number; assetId: number | null }, id: number): ApiKey {
    const key = store.select().from(apiKeys).where(eq(apiKeys.id, id)).get()
    if (!key || key.projectId !== owner.projectId || key.assetId !== owner.assetId) throw notFound('No such key.')
    return this.#used(key)
  }

  /** A key of the project or of a service in it, as the gate has it. @throws Fault 404 */
  known(store: Store, projectId: number, id: number): KnownKey {
    const key = store.select().from(apiKeys).where(eq(apiKeys.id, id)).get()
    if (key?.projectId !== projectId) throw notFound('No such key.')
    return knownOf(key)
  }

  findByHash = (store: Store, secret: string): ApiKey | undefined =>
    store
      .select()
      .from(apiKeys)
      .where(eq(apiKeys.hash, hashSecret(secret)))
      .get()

  /** Changes what is given, which may be nothing. @returns the key as it is now */
  update(store: Store, actor: Actor, key: ApiKey, fields: Partial<KeyFields & { isActive: boolean }>): ApiKey {
    if (Object.keys(normalised(fields)).length === 0) return key
    const updated = store.update(apiKeys).set(normalised(fields)).where(eq(apiKeys.id, key.id)).returning().get()
    this.#known.delete(key.hash)
    this.#recent.clear()
    note(store, actor, 'key.update', `${key.name}#${key.id}`, key.projectId, auditFields(fields))
    return this.#used(updated)
  }

  /**
   * Mints a successor with the same settings and the same expiry; the old key ends after the overlap, or at its own
   * expiry when that comes first.
   * @throws Fault 409 the key is revoked, expired, or rotated already
   */
  rotate(
    store: Store,
    actor: Actor,
    key: ApiKey,
    overlapSeconds: number,
    given?: string,
  ): { key: ApiKey; secret: string } {
    if (!key.isActive) throw conflict('A revoked key cannot be rotated; mint a new one.')
    if (key.rotatedTo !== null) throw conflict('This key was rotated already; rotate its successor.')
    if (key.expiresAt && key.expiresAt <= now()) throw conflict('An expired key cannot be rotated; mint a new one.')
    const { projectId, assetId } = key
    const minted = this.mint(store, actor, { projectId, assetId }, key as KeyFields, given)
    const end = new Date(Date.now() + overlapSeconds * 1000).toISOString()
    this.update(store, actor, key, { expiresAt: key.expiresAt && key.expiresAt < end ? key.expiresAt : end })
    store.update(apiKeys).set({ rotatedTo: minted.key.id }).where(eq(apiKeys.id, key.id)).run()
    return minted
  }
}

const noteUsed = (db: Db) =>
  db
    .update(apiKeys)
    .set({ lastUsedAt: sql`${sql.placeholder('at')}` })
    .where(eq(apiKeys.id, sql.placeholder('id')))
    .prepare()

/** Names of keys by their ids, of those that there are. */
export function keyNames(store: Store, ids: readonly number[]): Map<number, string> {
  const names = new Map<number, string>()
  for (let i = 0; i < ids.length; i += NAMES_AT_ONCE) {
    const some = inArray(apiKeys.id, ids.slice(i, i + NAMES_AT_ONCE))
    for (const key of store.select({ id: apiKeys.id, name: apiKeys.name }).from(apiKeys).where(some).all())
      names.set(key.id, key.name)
  }
  return names
}
const NAMES_AT_ONCE = 500

/** Keys of some projects that are neither revoked nor expired, after an id, in the order of ids. */
export const workingKeys = (store: Store, projectIds: readonly number[], after: number, most: number): ApiKey[] =>
  store
    .select()
    .from(apiKeys)
    .where(
      and(
        inArray(apiKeys.projectId, [...projectIds]),
        eq(apiKeys.isActive, true),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now())),
        gt(apiKeys.id, after),
      ),
    )
    .orderBy(asc(apiKeys.id))
    .limit(most)
    .all()

const KEY_COLUMNS = [
  'name',
  'rateLimit',
  'maskingLevel',
  'sensitivityMax',
  'allowedColumns',
  'allowedEndpoints',
  'allowedServices',
  'allowedDeployments',
  'allowedMethods',
  'rowScope',
  'manageModels',
  'expiresAt',
  'isActive',
] as const

/** Only a key's own settings, whatever else the object carries. */
function normalised<T extends object>(fields: T): T {
  const own: Record<string, unknown> = {}
  for (const name of KEY_COLUMNS) {
    const value = (fields as Record<string, unknown>)[name]
    if (value !== undefined) own[name] = value
  }
  return own as T
}

/** Reach and limits, without the values of a row scope: those are data. */
function auditFields(fields: Partial<KeyFields>): unknown {
  const { rowScope, ...rest } = normalised(fields)
  return { ...rest, ...(rowScope !== undefined ? { row_scope: rowScope && Object.keys(rowScope) } : {}) }
}

const setOrAll = <T extends string>(list: T[] | null): ReadonlySet<T> | null =>
  list === null || list.length === 0 ? null : new Set(list)

const knownOf = (row: ApiKey): KnownKey => ({
  grant: grantOf(row),
  isActive: row.isActive,
  expiresAt: row.expiresAt ? Date.parse(row.expiresAt) : Number.POSITIVE_INFINITY,
})

/** What a key may do, whether or not it works now. */
export function grantOf(row: ApiKey): Grant {
  return {
    keyId: row.id,
    projectId: row.projectId,
    assetId: row.assetId,
    masked: row.maskingLevel === 'masked',
    sensitivityMax: row.sensitivityMax,
    allowedColumns: setOrAll(row.allowedColumns),
    rowScope: Object.entries(row.rowScope ?? {}),
    rateLimit: row.rateLimit,
    manageModels: row.manageModels,
    allowedEndpoints: setOrAll(row.allowedEndpoints),
    allowedServices: setOrAll(row.allowedServices),
    allowedDeployments: setOrAll(row.allowedDeployments),
    allowedMethods: setOrAll(row.allowedMethods),
  }
}

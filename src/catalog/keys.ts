import { and, asc, count, desc, eq, gt, inArray, isNull, or } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { apiKeys } from '../../db/schema.ts'
import { conflict, notFound, unprocessable } from '../lib/fault.ts'
import { hashSecret, mintSecret, shownParts, wellFormed } from '../lib/secret.ts'
import type { Sensitivity } from './column.ts'
import type { Method, RowScopeValue } from './grant.ts'
import { type ApiKey, KeyRing, type KnownKey, knownOf } from './key-ring.ts'
import { type Actor, note, now, type Store } from './store.ts'

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

/** The keys' rows. What changes here is told to the ring, so that it has nothing stale. */
export class Keys {
  readonly ring: KeyRing

  constructor(db: Db) {
    this.ring = new KeyRing(db)
  }

  /**
   * Mints a key of a service (`assetId`) or a project. `secret` may be given from outside.
   * @returns the row and the secret, which is shown once and stored nowhere
   * @throws Fault 422 a given secret's form or a bad expiry; 409 the secret is in use
   */
  mint(
    store: Store,
    actor: Actor,
    owner: KeyOwner,
    fields: KeyFields,
    given?: string,
  ): { key: ApiKey; secret: string } {
    if (given !== undefined && !wellFormed(given, 'dk'))
      throw unprocessable('A given secret must have the form that `callgate secret dk` prints.')
    const secret = given ?? mintSecret('dk')
    const hash = hashSecret(secret)
    if (given !== undefined && store.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, hash)).get())
      throw conflict('This secret is already used by another key.')
    const key = store
      .insert(apiKeys)
      .values({ ...normalised(fields), ...owner, hash, ...shownParts(secret), createdBy: actor.name })
      .returning()
      .get()
    note(store, actor, 'key.mint', `${key.name}#${key.id}`, owner.projectId, auditFields(fields))
    return { key, secret }
  }

  /** @param part which of them, in the order of ids; default: all */
  list(store: Store, owner: KeyOwner, part?: { from: number; most: number }): ApiKey[] {
    return store
      .select()
      .from(apiKeys)
      .where(ownedBy(owner))
      .orderBy(asc(apiKeys.id))
      .limit(part?.most ?? -1)
      .offset(part?.from ?? 0)
      .all()
      .map(key => this.ring.used(key))
  }

  count = (store: Store, owner: KeyOwner): number =>
    store.select({ n: count() }).from(apiKeys).where(ownedBy(owner)).get()!.n

  /** The newest of a name. */
  named = (store: Store, owner: KeyOwner, name: string): ApiKey | undefined =>
    store
      .select()
      .from(apiKeys)
      .where(and(ownedBy(owner), eq(apiKeys.name, name)))
      .orderBy(desc(apiKeys.id))
      .limit(1)
      .get()

  /** @throws Fault 404 */
  get(store: Store, owner: KeyOwner, id: number): ApiKey {
    const key = store.select().from(apiKeys).where(eq(apiKeys.id, id)).get()
    if (!key || key.projectId !== owner.projectId || key.assetId !== owner.assetId) throw notFound('No such key.')
    return this.ring.used(key)
  }

  /** A key of the project or of a service in it, as the gate has it. @throws Fault 404 */
  known(store: Store, projectId: number, id: number): KnownKey {
    const key = store.select().from(apiKeys).where(eq(apiKeys.id, id)).get()
    if (key?.projectId !== projectId) throw notFound('No such key.')
    return knownOf(key)
  }

  /** The key with this secret, whether it works still or not. */
  withSecret = (store: Store, secret: string): ApiKey | undefined =>
    store
      .select()
      .from(apiKeys)
      .where(eq(apiKeys.hash, hashSecret(secret)))
      .get()

  /** Changes what is given, which may be nothing. @returns the key as it is now */
  update(store: Store, actor: Actor, key: ApiKey, fields: Partial<KeyFields & { isActive: boolean }>): ApiKey {
    if (Object.keys(normalised(fields)).length === 0) return key
    const updated = store.update(apiKeys).set(normalised(fields)).where(eq(apiKeys.id, key.id)).returning().get()
    this.ring.forget(key)
    note(store, actor, 'key.update', `${key.name}#${key.id}`, key.projectId, auditFields(fields))
    return this.ring.used(updated)
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

/** A service, or a project. */
export interface KeyOwner {
  projectId: number
  assetId: number | null
}

const ownedBy = ({ projectId, assetId }: KeyOwner) =>
  and(eq(apiKeys.projectId, projectId), assetId === null ? isNull(apiKeys.assetId) : eq(apiKeys.assetId, assetId))

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

const KEY_COLUMNS = ['name', ...Object.keys(PLAIN_KEY), 'isActive']

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

/** Keys as the gate finds them, and what is noted of their use. */
import { eq, sql } from 'drizzle-orm'
import type { Db } from '../../db/connect.ts'
import { apiKeys } from '../../db/schema.ts'
import { hashSecret, wellFormed } from '../lib/secret.ts'
import type { Grant } from './grant.ts'
import { transaction } from './store.ts'

export type ApiKey = typeof apiKeys.$inferSelect

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
 * Finds keys by their secrets: by one map look-up of the SHA-256; a miss asks the catalog's unique index. Every change of a key is
 * told to it (catalog/keys.ts), so nothing stale is ever served.
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
  used(key: ApiKey): ApiKey {
    const at = this.#touched.get(key.id) ?? this.#unwritten.get(key.id)
    return at === undefined ? key : { ...key, lastUsedAt: new Date(at).toISOString() }
  }

  /** A key has changed, or is about to in a transaction. */
  forget({ hash }: ApiKey): void {
    this.#known.delete(hash)
    this.#recent.clear()
  }

  /** Keys went with what they were of. */
  forgetAll(): void {
    this.#known.clear()
    this.#recent.clear()
  }
}

const noteUsed = (db: Db) =>
  db
    .update(apiKeys)
    .set({ lastUsedAt: sql`${sql.placeholder('at')}` })
    .where(eq(apiKeys.id, sql.placeholder('id')))
    .prepare()

const setOrAll = <T extends string>(list: T[] | null): ReadonlySet<T> | null =>
  list === null || list.length === 0 ? null : new Set(list)

export const knownOf = (row: ApiKey): KnownKey => ({
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

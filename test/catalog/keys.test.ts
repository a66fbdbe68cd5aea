import { afterEach, beforeEach, describe, expect, setSystemTime, test } from 'bun:test'
import { eq, isNotNull } from 'drizzle-orm'
import { apiKeys } from '../../db/schema.ts'
import { createAsset, deleteAsset } from '../../src/catalog/assets.ts'
import type { KeyRing } from '../../src/catalog/key-ring.ts'
import { Keys } from '../../src/catalog/keys.ts'
import { transaction } from '../../src/catalog/store.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { ACTOR, auditText, KEY, openCatalog, refused } from './catalog-fixture.ts'

let catalog: ReturnType<typeof openCatalog>
let keys: Keys
let ring: KeyRing
let owner: { projectId: number; assetId: number | null }
beforeEach(() => {
  catalog = openCatalog()
  keys = new Keys(catalog.db)
  ring = keys.ring
  owner = { projectId: catalog.project.id, assetId: null }
})
afterEach(() => {
  setSystemTime()
  catalog.close()
})
const mint = (fields = {}, given?: string) => keys.mint(catalog.db, ACTOR, owner, { ...KEY, ...fields }, given)

describe('finding', () => {
  test('a secret finds its grant; the catalog holds no secret, only its hash, prefix and last four', () => {
    const { key, secret } = mint({
      allowedColumns: ['a'],
      allowedEndpoints: ['s.a'],
      rowScope: { region: ['eu', null] },
      rateLimit: 7,
    })
    expect(ring.find(secret)).toEqual({
      isActive: true,
      expiresAt: Number.POSITIVE_INFINITY,
      grant: {
        keyId: key.id,
        projectId: owner.projectId,
        assetId: null,
        masked: true,
        sensitivityMax: 'medium',
        allowedColumns: new Set(['a']),
        rowScope: [['region', ['eu', null]]],
        rateLimit: 7,
        manageModels: false,
        allowedEndpoints: new Set(['s.a']),
        allowedServices: null,
        allowedDeployments: null,
        allowedMethods: null,
      },
    })
    expect(key).toMatchObject({ prefix: secret.slice(0, 7), last4: secret.slice(-4), createdBy: 'tester' })
    const everything = JSON.stringify(catalog.db.select().from(apiKeys).all()) + auditText(catalog.db)
    expect(everything).not.toContain(secret)
    expect(everything).not.toContain(secret.slice(3, 33))
  })
  test('an unknown one finds nothing, also once it is minted only afterwards', () => {
    const secret = mintSecret('dk')
    expect(ring.find(secret)).toBeUndefined()
    mint({}, secret)
    expect(ring.find(secret)?.grant.projectId).toBe(owner.projectId)
  })
  test('empty lists mean all', () => {
    const { secret } = mint({ allowedColumns: [], allowedEndpoints: [], allowedServices: [], allowedDeployments: [] })
    expect(ring.find(secret)!.grant).toMatchObject({
      allowedColumns: null,
      allowedEndpoints: null,
      allowedServices: null,
      allowedDeployments: null,
    })
  })
  test('a scope on a column that is called as a prototype is kept', () => {
    const rowScope = JSON.parse('{"__proto__":["eu"],"constructor":[1]}')
    const { secret } = mint({ rowScope })
    expect(ring.find(secret)!.grant.rowScope).toEqual([
      ['__proto__', ['eu']],
      ['constructor', [1]],
    ])
  })
})

describe('changes act at once', () => {
  test('update, revoke and expiry reach a key that is in use', () => {
    const { key, secret } = mint()
    expect(ring.find(secret)!.isActive).toBe(true)
    keys.update(catalog.db, ACTOR, key, { isActive: false, rowScope: { a: [1] } })
    expect(ring.find(secret)).toMatchObject({ isActive: false, grant: { rowScope: [['a', [1]]] } })
    keys.update(catalog.db, ACTOR, key, { expiresAt: '2001-01-01T00:00:00.000Z' })
    expect(ring.find(secret)!.expiresAt).toBe(Date.parse('2001-01-01T00:00:00.000Z'))
  })
  test('only what is named changes, and nothing that is no setting of a key', () => {
    const { key } = mint({ rateLimit: 5 })
    const changed = keys.update(catalog.db, ACTOR, key, { name: 'new', hash: 'x', projectId: 99, id: 99 } as never)
    expect(changed).toEqual({ ...key, name: 'new' })
  })
  test('a change that is rolled back leaves the key as it was', () => {
    const { key, secret } = mint()
    ring.find(secret)
    expect(() =>
      transaction(catalog.db, tx => {
        keys.update(tx, ACTOR, key, { isActive: false })
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(ring.find(secret)!.isActive).toBe(true)
  })
  test("a service's keys end with it", () => {
    const asset = createAsset(catalog.db, ACTOR, {
      projectId: owner.projectId,
      assetType: 'api_service',
      assetKey: 's',
    })
    owner = { ...owner, assetId: asset.id }
    const { secret } = mint()
    expect(ring.find(secret)!.grant.assetId).toBe(asset.id)
    deleteAsset(catalog.db, ACTOR, asset)
    ring.forgetAll()
    expect(ring.find(secret)).toBeUndefined()
  })
})

describe('given secrets', () => {
  test('must have the form, and be nobody else', () => {
    const secret = mintSecret('dk')
    expect(mint({}, secret).secret).toBe(secret)
    expect(refused(() => mint({}, secret))).toBe('409 This secret is already used by another key.')
    for (const bad of ['', 'dk_short', mintSecret('hf'), `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`])
      expect(refused(() => mint({}, bad))).toBe(
        '422 A given secret must have the form that `callgate secret dk` prints.',
      )
  })
})

test('keys are listed and got within their owner only', () => {
  const asset = createAsset(catalog.db, ACTOR, { projectId: owner.projectId, assetType: 'api_service', assetKey: 's' })
  const projectKey = mint().key
  const serviceKey = keys.mint(catalog.db, ACTOR, { projectId: owner.projectId, assetId: asset.id }, KEY).key
  expect(keys.list(catalog.db, owner).map(k => k.id)).toEqual([projectKey.id])
  expect(keys.list(catalog.db, { ...owner, assetId: asset.id }).map(k => k.id)).toEqual([serviceKey.id])
  const successor = mint().key
  const third = mint({ name: 'another' }).key
  expect(keys.count(catalog.db, owner)).toBe(3)
  expect(keys.list(catalog.db, owner, { from: 1, most: 1 }).map(k => k.id)).toEqual([successor.id])
  expect(keys.list(catalog.db, owner, { from: 2, most: 5 }).map(k => k.id)).toEqual([third.id])
  expect(keys.named(catalog.db, owner, KEY.name)!.id).toBe(successor.id)
  expect(keys.named(catalog.db, { ...owner, assetId: asset.id }, 'another')).toBeUndefined()
  for (const wrong of [
    { projectId: 99, assetId: null },
    { projectId: owner.projectId, assetId: asset.id },
  ])
    expect(refused(() => keys.get(catalog.db, wrong, projectKey.id))).toBe('404 No such key.')
})

describe('rotation', () => {
  test('the successor has the same settings and expiry; the old one ends after the overlap', () => {
    setSystemTime(new Date('2026-05-01T00:00:00Z'))
    const settings = {
      rateLimit: 3,
      rowScope: { a: ['x'] },
      allowedEndpoints: ['e'],
      maskingLevel: 'unmasked',
      sensitivityMax: 'high',
    }
    const { key, secret } = mint({ ...settings, expiresAt: '2026-06-01T00:00:00.000Z' })
    const next = keys.rotate(catalog.db, ACTOR, key, 3600)
    expect(next.key).toMatchObject({
      ...settings,
      expiresAt: '2026-06-01T00:00:00.000Z',
      isActive: true,
      rotatedTo: null,
      lastUsedAt: null,
    })
    expect(next.secret).not.toBe(secret)
    expect(ring.find(secret)!.expiresAt).toBe(Date.parse('2026-05-01T01:00:00Z'))
    expect(keys.get(catalog.db, owner, key.id).rotatedTo).toBe(next.key.id)
  })
  test('the overlap never lengthens a life', () => {
    setSystemTime(new Date('2026-05-01T00:00:00Z'))
    const { key, secret } = mint({ expiresAt: '2026-05-01T00:30:00.000Z' })
    keys.rotate(catalog.db, ACTOR, key, 3600)
    expect(ring.find(secret)!.expiresAt).toBe(Date.parse('2026-05-01T00:30:00Z'))
  })
  test('without overlap the old one ends at once', () => {
    setSystemTime(new Date('2026-05-01T00:00:00Z'))
    const { key, secret } = mint()
    keys.rotate(catalog.db, ACTOR, key, 0)
    expect(ring.find(secret)!.expiresAt).toBe(Date.now())
  })
  test('a rotated key has one successor', () => {
    const { key } = mint()
    const next = keys.rotate(catalog.db, ACTOR, key, 3600)
    const again = keys.get(catalog.db, owner, key.id)
    expect(refused(() => keys.rotate(catalog.db, ACTOR, again, 3600))).toBe(
      '409 This key was rotated already; rotate its successor.',
    )
    expect(keys.get(catalog.db, owner, key.id).rotatedTo).toBe(next.key.id)
  })
  test('a revoked or expired key has no successor', () => {
    const { key } = mint()
    const revoked = keys.update(catalog.db, ACTOR, key, { isActive: false })
    expect(refused(() => keys.rotate(catalog.db, ACTOR, revoked, 0))).toBe(
      '409 A revoked key cannot be rotated; mint a new one.',
    )
    const expired = mint({ expiresAt: '2001-01-01T00:00:00.000Z' }).key
    expect(refused(() => keys.rotate(catalog.db, ACTOR, expired, 0))).toBe(
      '409 An expired key cannot be rotated; mint a new one.',
    )
  })
})

test('last used waits for the flush that comes once a minute, and none is lost', () => {
  const { key } = mint()
  const lastUsed = () => catalog.db.select().from(apiKeys).where(eq(apiKeys.id, key.id)).get()!.lastUsedAt
  const at = Date.parse('2026-05-01T00:00:00Z')
  ring.flush()
  expect(lastUsed()).toBeNull()
  ring.touch(key.id, at)
  ring.touch(key.id, at + 5)
  expect(lastUsed()).toBeNull()
  ring.flush()
  expect(lastUsed()).toBe('2026-05-01T00:00:00.005Z')
  ring.touch(key.id, at + 30_000)
  expect(lastUsed()).toBe('2026-05-01T00:00:00.005Z')
  ring.touch(key.id, at + 60_005)
  ring.flush()
  expect(lastUsed()).toBe('2026-05-01T00:01:00.005Z')
})

test('the use of thousands of keys is written with others served in between', async () => {
  const ids = transaction(catalog.db, tx => Array.from({ length: 600 }, () => keys.mint(tx, ACTOR, owner, KEY).key.id))
  const written = () => catalog.db.select().from(apiKeys).where(isNotNull(apiKeys.lastUsedAt)).all().length
  for (const id of ids) ring.touch(id, Date.parse('2026-05-01T00:00:00Z'))
  const writing = ring.flushInParts()
  expect(written()).toBeWithin(1, 600)
  expect(keys.list(catalog.db, owner).every(({ lastUsedAt }) => lastUsedAt === '2026-05-01T00:00:00.000Z')).toBe(true)
  ring.touch(ids[0]!, Date.parse('2026-05-01T00:01:00Z'))
  await writing
  expect(written()).toBe(600)
  ring.flush()
  expect(keys.get(catalog.db, owner, ids[0]!).lastUsedAt).toBe('2026-05-01T00:01:00.000Z')
})

test('whoever looks at a key is told of its use before that is written', () => {
  const { key } = mint()
  const owner = { projectId: key.projectId, assetId: key.assetId }
  const shown = () => [
    keys.get(catalog.db, owner, key.id).lastUsedAt,
    keys.list(catalog.db, owner).find(({ id }) => id === key.id)?.lastUsedAt,
    keys.update(catalog.db, ACTOR, key, { rateLimit: 7 }).lastUsedAt,
  ]
  expect(shown()).toEqual([null, null, null])
  ring.touch(key.id, Date.parse('2026-05-01T00:00:00Z'))
  expect(shown()).toEqual(Array(3).fill('2026-05-01T00:00:00.000Z'))
  ring.flush()
  expect(shown()).toEqual(Array(3).fill('2026-05-01T00:00:00.000Z'))
})

test("the audit names what a key may do, never a row scope's values or a secret", () => {
  const { key, secret } = mint({ rowScope: { region: ['SECRET-REGION'] }, allowedEndpoints: ['flight'] })
  keys.update(catalog.db, ACTOR, key, { rowScope: { region: ['OTHER-REGION'] } })
  keys.update(catalog.db, ACTOR, key, { rowScope: null })
  const next = keys.rotate(catalog.db, ACTOR, key, 60)
  const text = auditText(catalog.db)
  expect(text).toContain('"row_scope":["region"]')
  expect(text).toContain('"row_scope":null')
  expect(text).toContain('flight')
  for (const hidden of ['SECRET-REGION', 'OTHER-REGION', secret, next.secret, key.hash])
    expect(text).not.toContain(hidden)
})

import { afterEach, beforeEach, describe, expect, setSystemTime, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { tokens } from '../../db/schema.ts'
import { createProject, roleOf } from '../../src/catalog/projects.ts'
import {
  createToken,
  createUser,
  deleteUser,
  findToken,
  getUser,
  listTokens,
  revokeToken,
  rolesOf,
  tokenWith,
  updateUser,
} from '../../src/catalog/users.ts'
import { mintSecret } from '../../src/lib/secret.ts'
import { ACTOR, auditText, openCatalog, refused } from './catalog-fixture.ts'

let catalog: ReturnType<typeof openCatalog>
beforeEach(() => {
  catalog = openCatalog()
})
afterEach(() => {
  setSystemTime()
  catalog.close()
})
const create = (username: string, fields = {}) =>
  createUser(catalog.db, ACTOR, { username, passwordHash: 'HASH-OF-A-PASSWORD', isAdmin: false, roles: {}, ...fields })
const update = (id: number, fields: Parameters<typeof updateUser>[3]) =>
  updateUser(catalog.db, ACTOR, getUser(catalog.db, id), fields)

describe('the last administrator', () => {
  const last = '409 This is the last administrator; make another one first.'
  test('cannot be deleted, demoted or made inactive, even with other people about', () => {
    const admin = create('ada', { isAdmin: true })
    create('bob')
    expect(refused(() => deleteUser(catalog.db, ACTOR, admin))).toBe(last)
    expect(refused(() => update(admin.id, { isAdmin: false }))).toBe(last)
    expect(refused(() => update(admin.id, { isActive: false }))).toBe(last)
    expect(getUser(catalog.db, admin.id)).toMatchObject({ isAdmin: true, isActive: true })
  })
  test('an inactive one does not count; with a second active one the first may go', () => {
    const ada = create('ada', { isAdmin: true })
    const bob = create('bob', { isAdmin: true })
    update(bob.id, { isActive: false })
    expect(refused(() => deleteUser(catalog.db, ACTOR, ada))).toBe(last)
    update(bob.id, { isActive: true })
    deleteUser(catalog.db, ACTOR, getUser(catalog.db, ada.id))
    expect(refused(() => getUser(catalog.db, ada.id))).toBe('404 No such user.')
  })
})

describe('roles', () => {
  test('are of projects that exist, and a change replaces them', () => {
    createProject(catalog.db, ACTOR, { slug: 'constructor', name: 'x' })
    const ada = create('ada', { roles: { p: 'viewer', constructor: 'admin' } })
    expect(rolesOf(catalog.db, ada.id)).toEqual({ p: 'viewer', constructor: 'admin' } as never)
    update(ada.id, { roles: { p: 'editor' } })
    expect(rolesOf(catalog.db, ada.id)).toEqual({ p: 'editor' })
    expect(roleOf(catalog.db, ada.id, catalog.project.id)).toBe('editor')
    expect(refused(() => update(ada.id, { roles: { nowhere: 'admin' } }))).toBe(
      '422 roles names the project nowhere, which does not exist.',
    )
  })
  test('a name is plain and one', () => {
    create('ada')
    expect(refused(() => create('ada'))).toBe('409 This username is taken.')
    for (const name of ['', 'a b', 'a/b', 'a\n', 'é', '.', '..', 'x'.repeat(65)])
      expect(refused(() => create(name))).toStartWith('422 A username is')
  })
})

test('a new password or a switch to inactive ends every session, other changes do not', () => {
  create('root', { isAdmin: true })
  const { id } = create('ada')
  const epoch = () => getUser(catalog.db, id).sessionEpoch
  update(id, { isAdmin: true })
  update(id, { roles: {} })
  expect(epoch()).toBe(0)
  update(id, { passwordHash: 'x' })
  expect(epoch()).toBe(1)
  update(id, { isActive: false })
  expect(epoch()).toBe(2)
})

describe('tokens', () => {
  const tokenOf = (user: ReturnType<typeof create>, fields = {}) =>
    createToken(catalog.db, ACTOR, user, { name: 't', expiresAt: null, ...fields })

  test('find their user while they work and the user does', () => {
    create('root', { isAdmin: true })
    const ada = create('ada')
    const { token, secret } = tokenOf(ada)
    expect(findToken(catalog.db, secret)?.user.id).toBe(ada.id)
    update(ada.id, { isActive: false })
    expect(findToken(catalog.db, secret)).toBeUndefined()
    update(ada.id, { isActive: true })
    revokeToken(catalog.db, ACTOR, ada.id, token.id)
    expect(findToken(catalog.db, secret)).toBeUndefined()
    expect(listTokens(catalog.db, ada.id)).toEqual([])
    expect(refused(() => revokeToken(catalog.db, ACTOR, ada.id, token.id))).toBe('404 No such token.')
  })
  test('end at their expiry, and with their user', () => {
    setSystemTime(new Date('2026-05-01T00:00:00Z'))
    const ada = create('ada')
    const { secret } = tokenOf(ada, { expiresAt: '2026-05-02T00:00:00.000Z' })
    expect(findToken(catalog.db, secret)?.user.id).toBe(ada.id)
    setSystemTime(new Date('2026-05-02T00:00:00Z'))
    expect(findToken(catalog.db, secret)).toBeUndefined()
    expect(listTokens(catalog.db, ada.id)).toEqual([])
    deleteUser(catalog.db, ACTOR, ada)
    expect(catalog.db.select().from(tokens).all()).toEqual([])
  })
  test("one's own only can be revoked", () => {
    const { token } = tokenOf(create('ada'))
    expect(refused(() => revokeToken(catalog.db, ACTOR, create('bob').id, token.id))).toBe('404 No such token.')
  })
  test('a key is no token, nor is a token with a character changed', () => {
    const { secret } = tokenOf(create('ada'))
    for (const other of [
      mintSecret('dk'),
      mintSecret('hf'),
      `hf_${mintSecret('dk').slice(3)}`,
      '',
      secret.slice(0, -1),
    ])
      expect(findToken(catalog.db, other)).toBeUndefined()
  })
  test('a given one must have the form', () => {
    const ada = create('ada')
    const secret = mintSecret('hf')
    expect(tokenOf(ada, { secret }).secret).toBe(secret)
    expect(tokenWith(catalog.db, secret)).toMatchObject({ userId: ada.id })
    expect(refused(() => tokenOf(ada, { secret: mintSecret('dk') }))).toBe(
      '422 A given token must have the form that `callgate secret hf` prints.',
    )
  })
  test('last use is written at most once a minute', () => {
    setSystemTime(new Date('2026-05-01T00:00:00Z'))
    const { token, secret } = tokenOf(create('ada'))
    const lastUsed = () => catalog.db.select().from(tokens).where(eq(tokens.id, token.id)).get()!.lastUsedAt
    findToken(catalog.db, secret)
    setSystemTime(new Date('2026-05-01T00:00:59Z'))
    findToken(catalog.db, secret)
    expect(lastUsed()).toBe('2026-05-01T00:00:00.000Z')
    setSystemTime(new Date('2026-05-01T00:01:01Z'))
    findToken(catalog.db, secret)
    expect(lastUsed()).toBe('2026-05-01T00:01:01.000Z')
  })
})

test('the audit has no password, hash or token', () => {
  create('root', { isAdmin: true })
  const ada = create('ada')
  update(ada.id, { passwordHash: 'ANOTHER-HASH', roles: { p: 'viewer' } })
  const { secret, token } = createToken(catalog.db, ACTOR, ada, { name: 'ci', expiresAt: null })
  revokeToken(catalog.db, ACTOR, ada.id, token.id)
  const text = auditText(catalog.db)
  for (const action of ['user.create', 'user.update', 'token.create', 'token.revoke']) expect(text).toContain(action)
  for (const hidden of ['HASH-OF-A-PASSWORD', 'ANOTHER-HASH', secret, token.hash]) expect(text).not.toContain(hidden)
})

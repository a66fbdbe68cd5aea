import { afterAll, expect, test } from 'bun:test'
import { createProject } from '../../src/catalog/projects.ts'
import { note } from '../../src/catalog/store.ts'
import { createUser, type User } from '../../src/catalog/users.ts'
import { type AuditRow, auditTrail } from '../../src/management/audit.ts'
import type { ManagementContext, SignedIn } from '../../src/management/context.ts'
import { ACTOR, openCatalog } from '../catalog/catalog-fixture.ts'

const catalog = openCatalog()
const { db, project } = catalog
afterAll(catalog.close)

async function read(user: User, query = ''): Promise<AuditRow[]> {
  const request = new Request(`http://callgate/api/audit${query}`)
  const response = await auditTrail({ db } as ManagementContext, request, { user } as SignedIn)
  return ((await response.json()) as { items: AuditRow[] }).items
}

test('the audit is read whole, however long it is: newest first, none twice, and of others’ projects nothing', async () => {
  const other = createProject(db, ACTOR, { slug: 'other', name: 'Other' })
  const plain = { passwordHash: 'HASH-OF-A-PASSWORD', isAdmin: false }
  const editor = createUser(db, ACTOR, { ...plain, username: 'editor', roles: { p: 'editor' } })
  const admin = createUser(db, ACTOR, { ...plain, username: 'root', isAdmin: true, roles: {} })
  for (let i = 0; i < 405; i++) note(db, ACTOR, 'changed', `thing ${i}`, i % 2 ? other.id : project.id)
  const all = (await read(admin)).filter(({ action }) => action === 'changed')
  expect(all.map(({ target }) => target)).toEqual(Array.from({ length: 405 }, (_, i) => `thing ${404 - i}`))
  const own = await read(editor)
  expect(own.filter(({ action }) => action === 'changed')).toHaveLength(203)
  expect(own.filter(({ project_id }) => project_id !== project.id)).toEqual([])
  expect((await read(admin, '?page=2&page_size=3')).map(({ target }) => target)).toEqual([
    'thing 401',
    'thing 400',
    'thing 399',
  ])
})

import { afterAll, expect, setSystemTime, test } from 'bun:test'
import { audit } from '../../db/schema.ts'
import { createProject } from '../../src/catalog/projects.ts'
import { BY_RULE, note, SYSTEM } from '../../src/catalog/store.ts'
import { createUser, type User } from '../../src/catalog/users.ts'
import { type AuditRow, auditTrail } from '../../src/management/audit.ts'
import type { ManagementContext, SignedIn } from '../../src/management/context.ts'
import { ACTOR, openCatalog } from '../catalog/catalog-fixture.ts'

const catalog = openCatalog()
const { db, project } = catalog
afterAll(catalog.close)

const ask = (user: User, query = '') =>
  auditTrail({ db } as ManagementContext, new Request(`http://callgate/api/audit${query}`), { user } as SignedIn)

async function read(user: User, query = ''): Promise<AuditRow[]> {
  const response = await ask(user, query)
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

test('what a rule does again and again is one entry a day, with how often and when last; what anybody else does is one each', () => {
  const entries = () =>
    db
      .select()
      .from(audit)
      .all()
      .filter(({ action }) => action === 'dataset.replace')
      .map(({ target, detail }): object => ({ target, ...(detail as object) }))
  const replace = (actor = BY_RULE, target = 'shop.t') =>
    note(db, actor, 'dataset.replace', target, project.id, { rows: entries().length })
  try {
    setSystemTime(new Date('2026-05-01T10:00:00Z'))
    replace(SYSTEM)
    replace()
    replace()
    setSystemTime(new Date('2026-05-01T11:00:00Z'))
    note(db, ACTOR, 'changed', 'something between', project.id)
    replace()
    replace(SYSTEM)
    replace(BY_RULE, 'shop.u')
    setSystemTime(new Date('2026-05-02T00:00:00Z'))
    replace()
  } finally {
    setSystemTime()
  }
  expect(entries()).toEqual([
    { target: 'shop.t', rows: 0 },
    { target: 'shop.t', rows: 2, times: 3, last: '2026-05-01T11:00:00.000Z' },
    { target: 'shop.t', rows: 2 },
    { target: 'shop.u', rows: 3, times: 1 },
    { target: 'shop.t', rows: 4, times: 1 },
  ])
})

test('pages go back to the first entry, beyond what is listed without one', async () => {
  const admin = createUser(db, ACTOR, { username: 'back', passwordHash: 'HASH', isAdmin: true, roles: {} })
  db.transaction(tx => {
    for (let i = 0; i < 10_500; i++) note(tx, ACTOR, 'changed', `many ${i}`, project.id)
  })
  const total = db.select().from(audit).all().length
  const last = Math.ceil(total / 1000)
  expect(await read(admin)).toHaveLength(10_000)
  const response = await ask(admin, `?page=${last}&page_size=1000`)
  expect(response.headers.get('link')).toContain(`page=${last}&page_size=1000>; rel="last"`)
  const { items } = (await response.json()) as { items: AuditRow[] }
  expect(items).toHaveLength(total % 1000 || 1000)
  expect(items.at(-1)).toMatchObject({ id: 1, action: 'project.create' })
  expect(await read(admin, `?page=${last + 1}&page_size=1000`)).toEqual([])
})

/** Datasets in the management API: their rows, profile, settings and refresh, masked for whoever asks. */
import { beforeAll, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import type { Answer } from '../../harness.ts'
import { CUSTOMERS, type World } from './world.ts'

const PASSWORD = 'a long enough secret'
const CUSTOMERS_PATH = '/api/datasets/marts.customers'
/** What a viewer must never be sent of customer 1, and what an editor is. */
const PROTECTED = ['Lovelace', 'person1@', '1970-03-0', 'P1001', '000-11-2001', 'nick1', '+493012340001']

export function datasets(world: World): void {
  const sessions: Record<string, string> = {}
  const scope = () => ({ 'x-project-id': String(world.shop) })
  const as = (who: string, method: string, path: string, body?: unknown): Promise<Answer> =>
    world.call(path, { method, body, headers: { authorization: `Bearer ${sessions[who]}`, ...scope() } })
  const admin = (method: string, path: string, body?: unknown) => world.admin(method, path, body, scope())
  const upload = (name: string, text: string, more: Record<string, string> = {}) => {
    const form = new FormData()
    form.set('file', new File([text], 'table.csv'))
    for (const [field, value] of Object.entries({ name, replace: 'true', ...more })) form.set(field, value)
    return admin('POST', '/api/datasets/file/upload', form)
  }

  beforeAll(async () => {
    for (const role of ['viewer', 'editor', 'stranger']) {
      const roles = role === 'stranger' ? { other: 'admin' } : { shop: role }
      await world.admin('POST', '/api/users', { username: `rows-${role}`, password: PASSWORD, roles })
      const body = { username: `rows-${role}`, password: PASSWORD }
      sessions[role] = (await world.call('/api/auth/login', { body, headers: world.stranger() })).json.access_token
    }
  })

  test('a viewer sees rows as a masked key up to medium does, in preview and explore', async () => {
    for (const view of ['preview', 'explore?page=1&page_size=100']) {
      const answer = await as('viewer', 'GET', `${CUSTOMERS_PATH}/${view}`)
      expect([view, answer.status]).toEqual([view, 200])
      expect(answer.json.rows).toEqual((await world.serve('all?limit=100')).json.rows)
      expect(answer.json.rows[0]).toMatchObject({ id: 1, name: 'A. L.', email: '[BLOCKED]', phone: '***0001' })
      for (const raw of PROTECTED) expect([view, answer.text.includes(raw)]).toEqual([view, false])
    }
  })

  test('the list is searched by name and description, in any case', async () => {
    const names = async (search: string) =>
      (await admin('GET', `/api/datasets?search=${search}`)).json.datasets.map((d: { name: string }) => d.name)
    expect(await names('CUSTOM')).toEqual(['marts.customers'])
    await admin('PATCH', '/api/datasets/marts.plans', { description: 'What customers pay' })
    expect(await names('customers')).toEqual(['marts.customers', 'marts.plans'])
    expect(await names('nothing%25')).toEqual([])
    await admin('PATCH', '/api/datasets/marts.plans', { description: '' })
  })

  test('editors and administrators see them raw, exactly; a stranger sees no dataset', async () => {
    for (const rows of [
      (await as('editor', 'GET', `${CUSTOMERS_PATH}/preview`)).json.rows,
      (await admin('GET', `${CUSTOMERS_PATH}/explore?page_size=1000`)).json.rows,
    ]) {
      expect(rows).toHaveLength(CUSTOMERS.length)
      expect(rows[0]).toMatchObject({ name: 'Ada Lovelace', email: 'person1@example.org', ssn: '000-11-2001' })
      expect(rows[2]).toMatchObject({ visits: '9223372036854775807', balance: '1234567890123456.78' })
    }
    for (const view of ['preview', 'explore', 'profile', 'settings'])
      expect([view, (await as('stranger', 'GET', `${CUSTOMERS_PATH}/${view}`)).status]).toEqual([view, 404])
  })

  test('explore pages to the total, in a stable order; preview is short', async () => {
    const seen: number[] = []
    for (let page = 1; ; page++) {
      const { json } = await as('viewer', 'GET', `${CUSTOMERS_PATH}/explore?page=${page}&page_size=7`)
      expect(json.total).toBe(20)
      expect(json.columns[0]).toEqual({ name: 'id', type: 'integer' })
      if (json.rows.length === 0) break
      seen.push(...json.rows.map((row: { id: number }) => row.id))
    }
    expect(seen).toEqual(CUSTOMERS.map(c => c.id))
    expect((await as('viewer', 'GET', `${CUSTOMERS_PATH}/preview?limit=3`)).json.rows).toHaveLength(3)
    for (const bad of ['explore?page=0', 'explore?page_size=1001', 'explore?page=x', 'preview?limit=101'])
      expect([bad, (await as('viewer', 'GET', `${CUSTOMERS_PATH}/${bad}`)).status]).toEqual([bad, 422])
    expect((await admin('GET', '/api/datasets/marts.none/preview')).status).toBe(404)
  })

  test('a profile puts together only what its caller sees raw', async () => {
    const profile = async (who: string) => {
      const answer = await as(who, 'GET', `${CUSTOMERS_PATH}/profile`)
      expect([answer.status, answer.json.row_count]).toEqual([200, 20])
      return { answer, of: Object.fromEntries(answer.json.columns.map((c: { name: string }) => [c.name, c])) }
    }
    const { answer, of } = await profile('viewer')
    expect(of.id).toMatchObject({ data_type: 'integer', visible: 'raw', nulls: 0, distinct: 20, min: 1, max: 20 })
    expect(of.plan).toMatchObject({ nulls: 1, distinct: 4, min: '', max: 'premium' })
    expect(of.balance).toMatchObject({ data_type: 'decimal', min: '1.50', max: '1234567890123456.78' })
    expect(of.active).toMatchObject({ distinct: 2, min: false, max: true })
    expect(of.phone).toMatchObject({ visible: 'masked', nulls: 1, distinct: null, min: null, max: null })
    expect(of.email).toMatchObject({ visible: 'blocked', nulls: null, distinct: null, min: null, max: null })
    for (const raw of PROTECTED) expect([raw, answer.text.includes(raw)]).toEqual([raw, false])
    const raw = (await profile('editor')).of
    expect(raw.email).toMatchObject({ visible: 'raw', nulls: 1, distinct: 19, min: 'person10@example.org' })
    expect(raw.visits).toMatchObject({ max: '9223372036854775807', distinct: 20 })
    expect(raw.born).toMatchObject({ min: '1970-03-01', max: '1989-03-02' })
  })

  test('settings are the policy and the description; what is not named keeps its protection', async () => {
    await upload('uploads.governed', 'id,email,code\n1,ada@example.org,x\n', { primary_key: 'id' })
    const path = '/api/datasets/uploads.governed/settings'
    const before = await as('viewer', 'GET', path)
    expect(before.json).toMatchObject({
      managed: true,
      description: '',
      masking: { email: { sensitivity: 'high', strategy: 'email', unmask_roles: [] } },
      proposals: { email: { sensitivity: 'high', reason: 'looks like e-mail addresses (by its name and its values)' } },
    })
    expect((await as('viewer', 'PUT', path, { description: 'd' })).status).toBe(403)
    const masking = { code: { sensitivity: 'medium', strategy: 'hash', unmask_roles: [], unmask_project_roles: [] } }
    const put = await as('editor', 'PUT', path, { description: 'Codes', masking, tags: [] })
    expect([put.status, put.json.ok, put.json.name]).toEqual([200, true, 'uploads.governed'])
    const rows = async () => (await as('viewer', 'GET', '/api/datasets/uploads.governed/preview')).json.rows
    expect(await rows()).toEqual([{ id: 1, email: '[BLOCKED]', code: expect.stringMatching(/^[0-9a-f]{16}$/) }])
    expect((await admin('GET', '/api/datasets/uploads.governed')).json.description).toBe('Codes')
    expect((await as('editor', 'PUT', path, { masking: { email: { sensitivity: 'low' } } })).json).toMatchObject({
      masking: { email: { sensitivity: 'low', strategy: null }, code: { strategy: 'hash' } },
      proposals: {},
    })
    expect((await rows())[0].email).toBe('ada@example.org')
  })

  test('settings that are kept elsewhere are 501, wrong ones 422, and a stale one 412', async () => {
    const path = `${CUSTOMERS_PATH}/settings`
    for (const [body, status] of [
      [{ tags: ['a'] }, 501],
      [{ friendly_name: 'Customers' }, 501],
      [{ sync_interval: 60 }, 501],
      [{ masking: { name: { sensitivity: 'low', unmask_roles: ['analyst'] } } }, 501],
      [{ masking: { nobody: { sensitivity: 'low' } } }, 422],
      [{ masking: { name: { strategy: 'rot13' } } }, 422],
      [{ colour: 'red' }, 422],
    ] as const)
      expect([body, (await admin('PUT', path, body)).status]).toEqual([body, status])
    const wrong = await admin('PUT', path, { masking: { name: { sensitivity: 'top' } } })
    expect(wrong.json.detail).toContain('sensitivity one of low, medium, high, critical')
    const stale = await world.admin('PUT', path, { description: 'x' }, { ...scope(), 'if-match': '"0"' })
    expect(stale.status).toBe(412)
    expect((await as('viewer', 'GET', `${CUSTOMERS_PATH}/preview`)).json.rows[0].name).toBe('A. L.')
  })

  test('an upload with personal columns is protected at once on what is published, until an editor decides', async () => {
    const text = 'id,contact,town\n1,ada@example.org,Ulm\n2,bob@example.org,Bonn\n'
    const made = await upload('uploads.contacts', text, { primary_key: 'id' })
    expect(made.json.columns[1]).toMatchObject({
      sensitivity: 'high',
      mask: 'email',
      proposal: { sensitivity: 'high', mask: 'email', reason: 'looks like e-mail addresses (by its values)' },
    })
    expect(made.json.columns[2]).toMatchObject({ sensitivity: 'low', mask: null, proposal: null })
    const filters = [{ column: 'contact', param: 'contact' }]
    const query = { source: { schema: 'uploads', table: 'contacts' }, filters }
    const asset = await world.publish('contacts', [{ id: 'all', kind: 'sql', query }])
    const { key } = await world.mint({}, asset)
    const { key: high } = await world.mint({ sensitivity_max: 'high' }, asset)
    const call = (secret: string, params = '') => world.call(`/api/service/contacts/all${params}`, { key: secret })
    const blocked = await call(key)
    expect(blocked.json.rows.map((r: { contact: string }) => r.contact)).toEqual(['[BLOCKED]', '[BLOCKED]'])
    expect(blocked.text).not.toContain('@example')
    expect((await call(high)).json.rows[0].contact).toBe('a***@example.org')
    expect((await call(high, '?contact=ada%40example.org')).status).toBe(403)
    const path = '/api/datasets/uploads.contacts'
    const decided = await as('editor', 'PATCH', path, { columns: { contact: { sensitivity: 'low' } } })
    expect(decided.json.columns[1]).toMatchObject({ sensitivity: 'low', mask: null, proposal: null })
    expect((await call(key, '?contact=ada%40example.org')).json.rows[0].contact).toBe('ada@example.org')
    await upload('uploads.contacts', 'id,contact,town,phone\n1,eve@example.org,Ulm,+49 30 1234567\n', {
      primary_key: 'id',
    })
    expect((await call(key)).json.rows).toEqual([
      { id: 1, contact: 'eve@example.org', town: 'Ulm', phone: '[BLOCKED]' },
    ])
  })

  test('refresh: an upload has no file to read again; a viewer may not ask', async () => {
    const path = '/api/datasets/uploads.contacts/refresh'
    const answer = await as('editor', 'POST', path)
    expect([answer.status, answer.json.detail]).toEqual([
      409,
      "uploads.contacts was not imported from a file of this server's; upload its new rows with replace=true.",
    ])
    expect((await as('viewer', 'POST', path)).status).toBe(403)
    expect((await as('viewer', 'POST', `${CUSTOMERS_PATH}/refresh`)).status).toBe(403)
    const same = await as('editor', 'POST', `${CUSTOMERS_PATH}/refresh`)
    expect([same.status, same.json.refreshed, same.json.generation]).toEqual([200, false, 1])
    expect(same.text).not.toContain(tmpdir())
  })

  test('a profile of a large table runs in a worker and is exact', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `${i},${i % 100},${i % 3 === 0 ? '' : `w${i % 7}`}`)
    await upload('uploads.large', `id,n,w\n${lines.join('\n')}\n`, { primary_key: 'id' })
    const { json } = await as('viewer', 'GET', '/api/datasets/uploads.large/profile')
    expect(json.columns).toEqual([
      { name: 'id', data_type: 'integer', visible: 'raw', nulls: 0, distinct: 30_000, min: 0, max: 29_999 },
      { name: 'n', data_type: 'integer', visible: 'raw', nulls: 0, distinct: 100, min: 0, max: 99 },
      { name: 'w', data_type: 'text', visible: 'raw', nulls: 10_000, distinct: 7, min: 'w0', max: 'w6' },
    ])
    const deep = await as('viewer', 'GET', '/api/datasets/uploads.large/explore?page=30&page_size=1000')
    expect(deep.json.rows.at(-1).id).toBe(29_999)
  })
}

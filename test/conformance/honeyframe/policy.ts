import { beforeAll, expect, test } from 'bun:test'
import { filter, ids, source, type World } from './world.ts'

export function policy(world: World): void {
  let asset: number
  const ask = async (fields: object, path: string) => {
    const { key } = await world.mint(fields, asset)
    return world.call(`/api/service/ruled/${path}`, { key })
  }
  const row = async (fields: object, id = 1) => (await ask(fields, `customer?id=${id}`)).json.rows[0]

  beforeAll(async () => {
    const join = (type: string) => ({
      source,
      columns: ['id', 'region', { column: 'plans.label', as: 'label' }, { column: 'email', as: 'contact' }],
      joins: [{ schema: 'marts', table: 'plans', type, on: [{ left: 'plan', right: 'plan' }] }],
      filters: [filter('plans.label', 'eq', 'label')],
      pagination: { default_limit: 20 },
    })
    asset = await world.publish('ruled', [
      { id: 'customer', kind: 'lookup', dataset: 'marts.customers', key_column: 'id' },
      { id: 'plan', kind: 'lookup', dataset: 'marts.plans', key_column: 'plan' },
      {
        id: 'by_name',
        kind: 'lookup',
        dataset: 'marts.customers',
        key_column: 'name',
        key_param: 'name',
        columns: ['id'],
      },
      { id: 'left', kind: 'sql', query: join('left') },
      { id: 'inner', kind: 'sql', query: join('inner') },
      {
        id: 'authors',
        kind: 'sql',
        query: {
          source,
          columns: ['id'],
          filters: [{ column: 'email', op: 'like', value: 'person1%' }, filter('region', 'eq')],
          order_by: [{ column: 'ssn', direction: 'desc' }],
        },
      },
      ...Object.entries({
        count: { columns: [{ fn: 'count', as: 'n' }] },
        counted: { columns: [{ fn: 'count_distinct', column: 'email', as: 'n' }] },
        grouped: { columns: [{ fn: 'count', as: 'n' }], group_by: ['ssn'] },
        distinct: { columns: ['phone'], distinct: true },
        sorted: { columns: ['id'], order_by: [{ param: 'sort', allow: ['ssn', 'id'], default: 'ssn' }] },
      }).map(([id, query]) => ({ id, kind: 'sql', query: { source, ...query } })),
    ])
  })

  test('a masked key up to medium sees medium masked, and what is above blocked, each by its own mask', async () => {
    expect(await row({})).toEqual({
      id: 1,
      name: 'A. L.',
      email: '[BLOCKED]',
      phone: '***0001',
      born: '[BLOCKED]',
      passport: '[BLOCKED]',
      ssn: '[BLOCKED]',
      nickname: null,
      region: 'north',
      plan: 'free',
      visits: 10,
      balance: '1.50',
      score: 0.25,
      active: false,
      since: '2024-01-01T08:30:00',
    })
  })

  test('a masked key up to critical sees every mask', async () => {
    expect(await row({ sensitivity_max: 'critical' })).toMatchObject({
      name: 'A. L.',
      email: 'p***@example.org',
      born: '1970',
      passport: expect.stringMatching(/^[0-9a-f]{16}$/),
      ssn: '***',
    })
    const passports = await Promise.all([row({ sensitivity_max: 'critical' }), row({ sensitivity_max: 'critical' }, 2)])
    expect(passports[0].passport).not.toBe(passports[1].passport)
  })

  test('an unmasked key sees raw what is at or under its cap; the cap binds it too', async () => {
    const medium = {
      name: 'Ada Lovelace',
      phone: '+493012340001',
      email: '[BLOCKED]',
      born: '[BLOCKED]',
      ssn: '[BLOCKED]',
    }
    expect(await row({ masking_level: 'unmasked' })).toMatchObject(medium)
    const high = { email: 'person1@example.org', born: '1970-03-01', passport: 'P1001', ssn: '[BLOCKED]' }
    expect(await row({ masking_level: 'unmasked', sensitivity_max: 'high' })).toMatchObject(high)
    const critical = { ssn: '000-11-2001', nickname: 'nick1' }
    expect(await row({ masking_level: 'unmasked', sensitivity_max: 'critical' })).toMatchObject(critical)
    expect(await row({ sensitivity_max: 'low' })).toMatchObject({
      name: '[BLOCKED]',
      phone: '[BLOCKED]',
      region: 'north',
    })
  })

  test('NULL stays NULL under a mask and is blocked like any other value', async () => {
    expect(await row({ sensitivity_max: 'critical' }, 7)).toMatchObject({ email: null, phone: null })
    expect(await row({}, 7)).toMatchObject({ email: '[BLOCKED]', phone: null })
  })

  test('a masked or blocked column is announced as text', async () => {
    const { json } = await ask({}, 'customer?id=1')
    expect(json.columns.find((c: { name: string }) => c.name === 'born')).toEqual({ name: 'born', type: 'text' })
  })

  test('no answer to a masked key holds a raw value', async () => {
    for (const path of ['customer?id=1', 'left?limit=20', 'authors']) {
      const { text } = await ask({}, path)
      expect(text, path).not.toMatch(/person\d|Lovelace|000-11|nick1|P1001|49301234/)
    }
  })

  test('allowed_columns names stored columns, whatever their alias; the rest is left out', async () => {
    expect(await row({ allowed_columns: ['id', 'plan'] })).toEqual({ id: 1, plan: 'free' })
    expect((await ask({ allowed_columns: ['id', 'email'] }, 'left?limit=1')).json.rows).toEqual([
      { id: 1, contact: '[BLOCKED]' },
    ])
    expect((await ask({ allowed_columns: ['id', 'contact', 'label'] }, 'left?limit=1')).json.rows).toEqual([{ id: 1 }])
    expect((await ask({ allowed_columns: ['plans.label'] }, 'left?limit=1')).json.rows).toEqual([
      { label: 'Free of charge' },
    ])
    const answer = await ask({ allowed_columns: ['id', 'plan'] }, 'customer?id=1')
    expect(answer.json.columns.map((c: { name: string }) => c.name)).toEqual(['id', 'plan'])
  })

  test('row_scope is ANDed in before paging and counting', async () => {
    const north = { row_scope: { region: ['north'] } }
    expect((await ask(north, 'customer?id=2')).json).toMatchObject({ rows: [], count: 0 })
    expect((await ask(north, 'customer?id=1')).json.count).toBe(1)
    const page = await ask(north, 'left?limit=3')
    expect([ids(page), page.json.has_more]).toEqual([[1, 5, 9], true])
    const two = { row_scope: { region: ['north', 'south'], id: [1, 2, 3] } }
    expect(ids(await ask(two, 'left'))).toEqual([1, 2])
    expect((await ask({ row_scope: { region: [] } }, 'left')).json.rows).toEqual([])
    expect((await ask({ row_scope: { id: ['not a number'] } }, 'left')).json.rows).toEqual([])
    expect((await ask({ row_scope: { plan: [null] } }, 'customer?id=7')).json.count).toBe(1)
    expect((await ask({ row_scope: { plan: [null] } }, 'customer?id=8')).json.count).toBe(0)
  })

  test('row_scope binds every table that has the column; a left join keeps its left rows', async () => {
    const north = { row_scope: { region: ['north'] } }
    const labels = async (path: string) =>
      (await ask(north, path)).json.rows.map((r: { id: number; label: string }) => [r.id, r.label])
    expect(await labels('left')).toEqual([
      [1, 'Free of charge'],
      [5, null],
      [9, 'Premium'],
      [13, 'Free of charge'],
      [17, null],
    ])
    expect(await labels('inner')).toEqual([
      [1, 'Free of charge'],
      [9, 'Premium'],
      [13, 'Free of charge'],
    ])
  })

  test('a row_scope on a column that the source lacks is 403', async () => {
    expect((await ask({ row_scope: { visits: [10] } }, 'plan?id=free')).status).toBe(403)
    expect((await ask({ row_scope: { nothing: [1] } }, 'left')).status).toBe(403)
  })

  test('filtering by what a key may not see raw, or may not see at all, is 403; the same filter is free to a raw key', async () => {
    const raw = { masking_level: 'unmasked', sensitivity_max: 'critical' }
    expect((await ask({}, 'by_name?name=Ada%20Lovelace')).status).toBe(403)
    expect((await ask({ sensitivity_max: 'critical' }, 'by_name?name=Ada%20Lovelace')).status).toBe(403)
    expect(ids(await ask(raw, 'by_name?name=Ada%20Lovelace'))).toEqual([1, 5, 9, 13, 17])
    expect((await ask({ ...raw, sensitivity_max: 'low' }, 'by_name?name=Ada%20Lovelace')).status).toBe(403)
    expect((await ask({ allowed_columns: ['id'] }, 'left?label=Premium')).status).toBe(403)
    expect((await ask({ allowed_columns: ['id', 'plans.label'] }, 'left?label=Premium')).json.rows[0].label).toBe(
      'Premium',
    )
    expect((await ask({ allowed_columns: ['name'] }, 'customer?id=1')).status).toBe(403)
    const refused = await ask({}, 'by_name?name=Ada%20Lovelace')
    expect(refused.text).not.toContain('Lovelace')
  })

  test("the author's fixed filters and order stand, on columns that the key may not see too", async () => {
    expect(ids(await ask({}, 'authors'))).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 1])
    expect(ids(await ask({ allowed_columns: ['id', 'region'] }, 'authors?region=north'))).toEqual([17, 13, 1])
  })

  test('grouping, counting or choosing an order by what a key may not see raw is 403; rows are counted in scope', async () => {
    const raw = { masking_level: 'unmasked', sensitivity_max: 'critical' }
    for (const path of ['counted', 'grouped', 'distinct', 'sorted?sort=-ssn']) {
      for (const fields of [{}, { ...raw, sensitivity_max: 'low' }, { ...raw, allowed_columns: ['id'] }])
        expect([path, (await ask(fields, path)).status]).toEqual([path, 403])
      expect([path, (await ask(raw, path)).status]).toEqual([path, 200])
    }
    expect((await ask({}, 'count')).json.rows).toEqual([{ n: 20 }])
    expect((await ask({ row_scope: { region: ['north'] } }, 'count')).json.rows).toEqual([{ n: 5 }])
    const page = await ask({}, 'sorted?limit=5')
    expect([page.status, page.json.has_more]).toEqual([200, true])
    expect(Buffer.from(page.json.next, 'base64url').toString('latin1')).not.toMatch(/\d{3}-\d{2}/)
  })

  test('a changed policy of a column acts at once on what is published', async () => {
    const set = (sensitivity: string) =>
      world.admin(
        'PATCH',
        '/api/datasets/marts.customers',
        { columns: { region: { sensitivity } } },
        { 'x-project-id': String(world.shop) },
      )
    try {
      expect((await set('high')).status).toBe(200)
      expect((await row({})).region).toBe('[BLOCKED]')
    } finally {
      await set('low')
    }
    expect((await row({})).region).toBe('north')
  })
}

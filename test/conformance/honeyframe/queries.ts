import { beforeAll, expect, test } from 'bun:test'
import type { Answer } from '../../harness.ts'
import { filter, ids, source, type World } from './world.ts'

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

export function queries(world: World): void {
  let ask: (params?: string) => Promise<Answer>

  beforeAll(async () => {
    ask = await world.query('operators', {
      source,
      columns: ['id'],
      filters: [
        filter('region', 'eq'),
        filter('region', 'ne', 'not_region'),
        filter('id', 'lt', 'below'),
        filter('id', 'lte', 'to'),
        filter('id', 'gt', 'above'),
        filter('id', 'gte', 'from'),
        filter('plan', 'in'),
        filter('plan', 'not_in', 'not_plan'),
        filter('name', 'like', 'like'),
        filter('name', 'ilike', 'ilike'),
        filter('score', 'is_null', 'no_score'),
        filter('born', 'between', ['born_from', 'born_to']),
        filter('active', 'eq'),
        filter('since', 'gte'),
        filter('balance', 'eq'),
        filter('visits', 'gte'),
        filter('score', 'eq'),
        filter('email', 'eq'),
      ],
    })
  })

  test.each<[string, number[]]>([
    ['region=north', [1, 5, 9, 13, 17]],
    ['region=', []],
    ['not_region=north&to=5', [2, 3, 4]],
    ['below=3', [1, 2]],
    ['to=3', [1, 2, 3]],
    ['above=18', [19, 20]],
    ['from=18', [18, 19, 20]],
    ['from=3&below=6', [3, 4, 5]],
    ['plan=free&to=5', [1, 4]],
    ['plan=free&plan=premium&to=6', [1, 3, 4, 6]],
    ['plan=&from=1', [8]],
    ['not_plan=free&not_plan=basic&to=9', [3, 6, 8, 9]],
    ['like=Ada%25', [1, 5, 9, 13, 17]],
    ['like=ada%25', []],
    ['like=A%25e&to=6', [1, 5]],
    ['like=%5C%25', []],
    ['ilike=ada%25&to=6', [1, 5]],
    ['ilike=zo_%25&to=6', [4]],
    ['no_score=true', [7]],
    ['no_score=false&to=8', [1, 2, 3, 4, 5, 6, 8]],
    ['born_from=1972-01-01&born_to=1974-12-31', [3, 4, 5]],
    ['active=true&to=4', [2, 4]],
    ['active=0&to=4', [1, 3]],
    ['since=2024-01-19', [19, 20]],
    ['since=2024-01-20T08:30', [20]],
    ['since=2024-01-20T08:30:01', []],
    ['balance=1234567890123456.78', [3]],
    ['balance=2.5', [2]],
    ['visits=9223372036854775807', [3]],
    ['score=0.25', [1]],
    ['email=person5%40example.org', [5]],
  ])('%s', async (params, expected) => {
    const answer = await ask(params)
    expect([answer.status, ids(answer)]).toEqual([200, expected])
  })

  test.each([
    'below=x',
    'below=1.5',
    'below=',
    'below=9223372036854775808',
    'active=yes',
    'no_score=1',
    'born_from=1972-02-30&born_to=1974-01-01',
    'born_from=1972-01-01',
    'since=yesterday',
    'since=2024-01-01T00:00:00Z',
    'balance=1e3',
    'balance=1.505',
    'score=nan',
    'below=1&below=2',
    'region=%00',
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1&limit=2',
    'offset=-1',
    'offset=1e3',
    'cursor=abc',
  ])('%s is 422 that names the parameter and no value', async params => {
    const answer = await ask(params)
    expect(answer.status).toBe(422)
    expect(answer.json.detail).toMatch(new RegExp(params.includes('born') ? 'born_(from|to)' : params.split('=')[0]!))
    const value = decodeURIComponent(params.split('=')[1]!.split('&')[0]!)
    if (value.length > 3) expect(answer.json.detail).not.toContain(value)
  })

  test('a parameter that is not declared is 400 that names it', async () => {
    const answer = await ask('colour=red')
    expect([answer.status, answer.json.code]).toEqual([400, 'unknown_parameter'])
    expect(answer.json.detail).toContain('colour')
    expect(answer.json.detail).not.toContain('red')
  })

  test('paging is stable, by primary key where no order is given', async () => {
    const all: number[] = []
    for (let offset = 0; ; offset += 7) {
      const page = await ask(`limit=7&offset=${offset}`)
      expect(page.json).toMatchObject({ limit: 7, offset, count: page.json.rows.length })
      all.push(...ids(page))
      if (!page.json.has_more) break
    }
    expect(all).toEqual(upTo(20))
    expect((await ask('offset=20')).json).toMatchObject({ rows: [], count: 0, has_more: false })
    expect((await ask('limit=20')).json.has_more).toBe(false)
    expect((await ask()).json.limit).toBe(100)
  })

  test("the definition's pagination is the default and the maximum, and so is a lookup's max_results", async () => {
    expect((await world.serve('search')).json).toMatchObject({ limit: 5, count: 5, has_more: true })
    expect((await world.serve('search?limit=10')).json.count).toBe(10)
    expect((await world.serve('search?limit=11')).status).toBe(422)
    expect((await world.serve('by%20id%2F2?no=1&limit=6')).status).toBe(422)
  })

  test('order_by sorts both ways with NULLs last, and ties by primary key', async () => {
    const ordered = async (name: string, order_by: object[]) =>
      ids(await (await world.query(name, { source, columns: ['id'], order_by }))('limit=20'))
    const down = await ordered('down', [{ column: 'score', direction: 'desc' }])
    expect([down[0], down.at(-1)]).toEqual([20, 7])
    const up = await ordered('up', [{ column: 'score' }])
    expect([up[0], up.at(-1)]).toEqual([1, 7])
    expect((await ordered('ties', [{ column: 'region', direction: 'desc' }])).slice(0, 6)).toEqual([
      4, 8, 12, 16, 20, 2,
    ])
  })

  test('required, default and fixed values of filters', async () => {
    const fixed = await world.query('fixed', {
      source,
      columns: ['id', { column: 'plan', as: 'tariff' }],
      filters: [
        { column: 'region', op: 'in', value: ['north', 'east'] },
        { column: 'id', op: 'between', value: [2, 12] },
        { column: 'plan', op: 'is_null', value: false },
        { column: 'active', value: false },
        filter('plan', 'eq', 'plan', { required: true }),
        filter('id', 'lte', 'to', { default: 10 }),
      ],
    })
    expect((await fixed()).status).toBe(422)
    expect((await fixed()).json.detail).toContain('plan')
    expect((await fixed('plan=premium')).json.rows).toEqual([
      { id: 3, tariff: 'premium' },
      { id: 9, tariff: 'premium' },
    ])
    expect(ids(await fixed('plan=basic'))).toEqual([5])
    expect(ids(await fixed('plan=basic&to=12'))).toEqual([5, 11])
  })

  test('joins: inner drops what has no match, left keeps it with NULL', async () => {
    const join = (name: string, type?: string) =>
      world.query(name, {
        source: { ...source, as: 'c' },
        columns: ['c.id', { column: 'p.label', as: 'label' }, 'p.price'],
        joins: [
          {
            schema: 'marts',
            table: 'plans',
            as: 'p',
            ...(type ? { type } : {}),
            on: [{ left: 'plan', right: 'plan' }],
          },
        ],
        filters: [filter('c.id', 'gte', 'from'), filter('p.label', 'eq', 'label')],
      })
    const inner = await join('joined')
    expect((await inner('from=6&limit=2')).json.rows).toEqual([
      { 'c.id': 6, label: 'Premium', 'p.price': expect.anything() },
      { 'c.id': 9, label: 'Premium', 'p.price': expect.anything() },
    ])
    const left = await join('kept', 'left')
    expect((await left('from=7&limit=1')).json.rows).toEqual([{ 'c.id': 7, label: null, 'p.price': null }])
    expect((await left('label=Basic&limit=1')).json.rows[0]['c.id']).toBe(2)
  })

  test('groups, having, an order that the request chooses, and a total', async () => {
    const by = await world.query('regions', {
      source,
      columns: ['region', { fn: 'count', as: 'customers' }, { fn: 'sum', column: 'balance', as: 'owed' }],
      group_by: ['region'],
      having: [filter('customers', 'gte', 'least')],
      order_by: [{ param: 'sort', allow: ['owed', 'region'], default: 'region' }],
      pagination: { total: true },
    })
    const all = (await by()).json
    expect(all.columns).toEqual([
      { name: 'region', type: 'text' },
      { name: 'customers', type: 'integer' },
      { name: 'owed', type: 'decimal' },
    ])
    expect(all.rows.reduce((sum: number, row: { customers: number }) => sum + row.customers, 0)).toBe(20)
    expect([all.total, all.has_more]).toEqual([all.rows.length, false])
    const regions = (answer: Answer) => answer.json.rows.map((row: { region: string }) => row.region)
    expect(regions(await by('sort=-region'))).toEqual(regions(await by()).reverse())
    expect((await by('least=21')).json).toMatchObject({ rows: [], total: 0 })
    const refused = await by('sort=secret')
    expect([refused.status, refused.json.detail]).toEqual([422, 'sort must be one of owed, -owed, region, -region.'])
  })

  test('following next gives every row once; one that was changed, or of another endpoint, is 422', async () => {
    const definition = { source, columns: ['id', 'region'], order_by: [{ column: 'region', direction: 'desc' }] }
    const walk = await world.query('walked', definition)
    const other = await world.query('walked-too', { ...definition, columns: ['id'] })
    const whole = ids(await walk())
    const seen: number[] = []
    let next = ''
    do {
      const page = await walk(`limit=3${next && `&cursor=${next}`}`)
      seen.push(...ids(page))
      expect(page.json.next !== undefined).toBe(page.json.has_more)
      next = page.json.next ?? ''
    } while (next)
    expect(seen).toEqual(whole)
    const { next: first } = (await walk('limit=3')).json
    expect((await walk(`cursor=${first.slice(0, -2)}xx`)).status).toBe(422)
    expect((await other(`cursor=${first}`)).status).toBe(422)
  })

  test('a query that does not fit its data is refused at publish', async () => {
    const wrong: Record<string, object> = {
      column: { source, columns: ['nope'] },
      filter: { source, filters: [filter('nope', 'eq')] },
      order: { source, order_by: [{ column: 'nope' }] },
      join: { source, joins: [{ schema: 'marts', table: 'plans', on: [{ left: 'id', right: 'plan' }] }] },
      twice: { source, columns: ['id', { column: 'plan', as: 'id' }] },
      value: { source, filters: [{ column: 'id', value: 'abc' }] },
      pair: { source, filters: [{ column: 'id', op: 'between', value: [1] }] },
      text: { source, filters: [filter('id', 'like')] },
      reserved: { source, filters: [filter('id', 'eq', 'limit')] },
      limits: { source, pagination: { default_limit: 10, max_limit: 5 } },
      grouped: { source, columns: ['name', { fn: 'count' }], group_by: ['region'] },
      aggregate: { source, columns: ['name', { fn: 'count' }] },
      summed: { source, columns: [{ fn: 'sum', column: 'name' }] },
      having: { source, columns: [{ fn: 'count' }], having: [{ column: 'id', value: 1 }] },
      choice: { source, order_by: [{ param: 'sort', allow: ['nope'] }] },
    }
    for (const [why, query] of Object.entries(wrong)) {
      const id = await world.publish(`wrong-${why}`, [{ id: 'w', kind: 'sql', query }], { publish: false })
      const refused = await world.admin('POST', `/api/publish/assets/${id}/publish`, {})
      expect([why, refused.status]).toEqual([why, 422])
      expect(refused.json.detail).not.toMatch(/SELECT|sqlite|t0\./i)
    }
  })
}

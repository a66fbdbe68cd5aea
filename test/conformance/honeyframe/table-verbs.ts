import { expect, test } from 'bun:test'
import { fields, type TableWorld } from './table-world.ts'

export function verbs(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const ids = (rows: { id: number }[]) => rows.map(row => row.id)

  test('the list is a query: its answer, every column as a filter, an order, pages', async () => {
    const all = await send('GET', 'fixed')
    expect(all.status).toBe(200)
    expect(all.json).toMatchObject({ count: 3, limit: 100, offset: 0, has_more: false })
    expect(all.json.columns[0]).toEqual({ name: 'id', type: 'integer' })
    expect(ids(all.json.rows)).toEqual([1, 2, 3])
    expect(ids((await send('GET', 'fixed?region=north&visits=9')).json.rows)).toEqual([3])
    expect(ids((await send('GET', 'fixed?id=1&id=3')).json.rows)).toEqual([1, 3])
    expect(ids((await send('GET', 'fixed?order=-visits')).json.rows)).toEqual([3, 2, 1])
    expect(ids((await send('GET', 'fixed?order=region&order=-id')).json.rows)).toEqual([3, 1, 2])
    const first = await send('GET', 'fixed?limit=2')
    expect(first.json.has_more).toBe(true)
    expect(ids((await send('GET', `fixed?limit=2&cursor=${first.json.next}`)).json.rows)).toEqual([3])
    expect((await send('GET', 'fixed?visits=many')).status).toBe(422)
    expect((await send('GET', 'fixed?colour=red')).status).toBe(400)
    expect((await send('HEAD', 'fixed')).text).toBe('')
  })

  test('columns and pagination of the endpoint are its own', async () => {
    const page = await send('GET', 'by%20region%2F2')
    expect(page.json).toMatchObject({ limit: 2, count: 2 })
    expect(Object.keys(page.json.rows[0])).toEqual(['id', 'region', 'visits'])
    expect(page.json.total).toBeGreaterThanOrEqual(3)
    expect((await send('GET', 'by%20region%2F2?limit=4')).status).toBe(422)
    expect(fields(await send('PATCH', 'by%20region%2F2/1', { note: 'x' }))).toEqual(['note'])
    const { json } = await send('PATCH', 'by%20region%2F2/1', { visits: 5 })
    expect(json._links.self.href).toBe('/api/service/shop/by%20region%2F2/1')
    expect((await send('GET', 'people/1')).json.note).toBe('first')
  })

  test('a row is found at its key, with links and a tag; a tag that is known is 304', async () => {
    const { status, json, headers } = await send('GET', 'fixed/2')
    expect(status).toBe(200)
    expect(json).toEqual({
      id: 2,
      name: 'Grace Hopper',
      email: 'grace@example.org',
      region: 'south',
      visits: 7,
      note: null,
      _links: { self: { href: '/api/service/shop/fixed/2' }, collection: { href: '/api/service/shop/fixed' } },
    })
    const etag = headers.get('etag')!
    expect(etag).toMatch(/^"[\w-]{22}"$/)
    expect(headers.get('cache-control')).toBe('private, no-cache')
    expect(headers.get('vary')).toContain('X-API-Key')
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await send('GET', 'fixed/2', undefined, { 'if-none-match': tags })
      expect([tags, same.status, same.text, same.headers.get('etag')]).toEqual([tags, 304, '', etag])
    }
    expect((await send('GET', 'fixed/2', undefined, { 'if-none-match': '"other"' })).status).toBe(200)
    const head = await send('HEAD', 'fixed/2')
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', etag])
    for (const path of ['fixed/9', 'fixed/two', 'fixed/', 'fixed/1.5', 'fixed/9223372036854775808', 'log/1'])
      expect([path, (await send('GET', path)).status]).toEqual([path, 404])
    expect((await send('GET', 'fixed/2?limit=1')).status).toBe(400)
    expect((await send('GET', 'fixed/%E0%A4%A')).status).toBe(404)
  })

  test('POST adds a row, says where, and gives it a key; PUT, PATCH and DELETE act on it', async () => {
    const made = await send('POST', 'people', {
      name: 'Edith Clarke',
      email: 'e@example.org',
      region: 'west',
      visits: 1,
    })
    expect(made.status).toBe(201)
    const path = made.headers.get('location')!
    const { id } = made.json
    expect(path).toBe(`/api/service/shop/people/${id}`)
    expect(made.json).toMatchObject({ name: 'Edith Clarke', note: null, _links: { self: { href: path } } })
    const read = await send('GET', `people/${id}`)
    expect([read.json, read.headers.get('etag')]).toEqual([made.json, made.headers.get('etag')])

    const patched = await send('PATCH', `people/${id}`, { visits: 2, note: 'new' })
    expect([patched.status, patched.json.visits, patched.json.name]).toEqual([200, 2, 'Edith Clarke'])
    expect(patched.headers.get('etag')).not.toBe(read.headers.get('etag'))
    const put = await send('PUT', `people/${id}`, { ...patched.json, visits: 3, note: undefined })
    expect([put.status, put.json.visits, put.json.note]).toEqual([200, 3, null])
    expect((await send('GET', `person?id=${id}`)).json.rows[0].visits).toBe(3)
    const gone = await send('DELETE', `people/${id}`)
    expect([gone.status, gone.text]).toEqual([204, ''])
    for (const method of ['GET', 'PATCH', 'DELETE'])
      expect((await send(method, `people/${id}`, method === 'PATCH' ? { visits: 1 } : undefined)).status).toBe(404)
    const next = await send('POST', 'people', { name: 'N', email: 'n@example.org', region: 'west', visits: 0 })
    expect(next.json.id).toBeGreaterThan(id) // a key is never given twice
    await send('DELETE', `people/${next.json.id}`)
  })

  test('PUT creates a row that is not there, and needs the key only in the path', async () => {
    const row = { name: 'K', email: 'k@example.org', region: 'east', visits: 0 }
    const made = await send('PUT', 'people/500', row)
    expect([made.status, made.headers.get('location'), made.json.id]).toEqual([
      201,
      '/api/service/shop/people/500',
      500,
    ])
    expect((await send('PUT', 'people/500', { ...row, id: 500 })).status).toBe(200)
    const other = await send('PUT', 'people/500', { ...row, id: 501 })
    expect([other.status, fields(other)]).toEqual([422, ['id']])
    expect((await send('PATCH', 'people/500', { id: 501 })).status).toBe(422)
    expect((await send('PUT', 'people/500', { name: 'K' })).status).toBe(422)
    await send('DELETE', 'people/500')
  })

  test('a list of rows is added whole, in one form or the other, or not at all', async () => {
    const row = (n: number) => ({ shop: 'bulk', number: n, amount: '1.00' })
    const made = await send('POST', 'orders', [row(1), row(2)])
    expect([made.status, made.json, made.headers.get('location')]).toEqual([
      201,
      {
        count: 2,
        keys: [
          { shop: 'bulk', number: 1 },
          { shop: 'bulk', number: 2 },
        ],
      },
      null,
    ])
    expect((await send('POST', 'orders', { rows: [row(3)] })).json.count).toBe(1)
    const taken = await send('POST', 'orders', [row(4), row(5), row(2), row(6)])
    expect([taken.status, taken.json.code, taken.json.errors[0].row]).toEqual([409, 'row_exists', 2])
    const wrong = await send('POST', 'orders', [row(4), { ...row(5), amount: '1.234' }, 7, { shop: 'bulk' }])
    expect([wrong.status, fields(wrong)]).toEqual([422, ['1 amount', '2', '3 number', '3 amount']])
    expect((await send('GET', 'orders?shop=bulk')).json.count).toBe(3)
    expect((await send('POST', 'orders', [])).status).toBe(422)
    expect((await send('POST', 'orders', { rows: [] })).status).toBe(422)
    const generated = await send(
      'POST',
      'people',
      [1, 2].map(n => ({ name: `${n}`, email: 'b@x.org', region: 'bulk', visits: n })),
    )
    expect(generated.json.keys).toHaveLength(2)
    for (const { id } of generated.json.keys) expect((await send('DELETE', `people/${id}`)).status).toBe(204)
  })

  test('a table without a key takes rows and lists them', async () => {
    const made = await send('POST', 'log', { line: 'one' })
    expect([made.status, made.headers.get('location'), made.json]).toEqual([
      201,
      null,
      { line: 'one', _links: { collection: { href: '/api/service/shop/log' } } },
    ])
    expect((await send('POST', 'log', [{ line: 'two' }, {}])).json).toEqual({ count: 2 })
    expect((await send('GET', 'log')).json.rows).toEqual([{ line: 'one' }, { line: 'two' }, { line: null }])
  })

  test('a method that a path does not have is 405 and says which it has', async () => {
    const allow = async (method: string, path: string) => {
      const { status, headers } = await send(method, path, method === 'GET' ? undefined : {})
      return [status, headers.get('allow')]
    }
    expect(await allow('DELETE', 'people')).toEqual([405, 'GET, HEAD, POST'])
    expect(await allow('PATCH', 'people')).toEqual([405, 'GET, HEAD, POST'])
    expect(await allow('POST', 'people/1')).toEqual([405, 'GET, HEAD, PUT, PATCH, DELETE'])
    expect(await allow('POST', 'fixed')).toEqual([405, 'GET, HEAD'])
    expect(await allow('DELETE', 'fixed/1')).toEqual([405, 'GET, HEAD'])
    expect(await allow('POST', 'person')).toEqual([405, 'GET, HEAD'])
    expect((await send('GET', 'person/1')).status).toBe(404)
    expect((await send('GET', 'people/1/2')).status).toBe(404)
  })

  test('a body that cannot be read is 415, 400 or 413, and changes nothing', async () => {
    const headers = (type: string) => ({ 'content-type': type })
    const { status, headers: back } = await send('PATCH', 'people/1', '[]', headers('application/json-patch+json'))
    expect([status, back.get('accept-patch')]).toEqual([415, 'application/merge-patch+json, application/json'])
    expect((await send('PATCH', 'people/1', '{"visits":5}', headers('application/merge-patch+json'))).status).toBe(200)
    expect((await send('POST', 'people', 'a=1', headers('application/x-www-form-urlencoded'))).status).toBe(415)
    for (const body of ['', '{', '"\ud800', '['.repeat(100) + ']'.repeat(100)])
      expect([body.slice(0, 3), (await send('POST', 'people', body, headers('application/json'))).status]).toEqual([
        body.slice(0, 3),
        400,
      ])
    for (const body of ['1', 'null', '"x"', 'true'])
      for (const [method, path] of [
        ['POST', 'people'],
        ['PUT', 'people/1'],
        ['PATCH', 'people/1'],
      ] as const)
        expect([method, body, (await send(method, path, body, headers('application/json'))).status]).toEqual([
          method,
          body,
          422,
        ])
    const large = await send(
      'POST',
      'log',
      JSON.stringify({ line: 'x'.repeat(17 * 2 ** 20) }),
      headers('application/json'),
    )
    expect(large.status).toBe(413)
    expect((await send('GET', 'people/1')).json).toMatchObject({ name: 'Ada Lovelace', visits: 5 })
  })

  test('the list has the formats and the validator that queries have', async () => {
    const csv = await send('GET', 'fixed?format=csv&limit=1')
    expect(csv.headers.get('content-type')).toContain('text/csv')
    expect(csv.text).toBe('id,name,email,region,visits,note\r\n1,Ada Lovelace,ada@example.org,north,5,first\r\n')
    const lines = await send('GET', 'fixed', undefined, { accept: 'application/x-ndjson' })
    expect(lines.text.trim().split('\n')).toHaveLength(3)
    const list = await send('GET', 'named')
    const same = (etag: string | null) => send('GET', 'named', undefined, { 'if-none-match': etag! })
    expect((await same(list.headers.get('etag'))).status).toBe(304)
    await send('PUT', 'named/tag', { n: 1 })
    expect((await same(list.headers.get('etag'))).status).toBe(200)
    await send('DELETE', 'named/tag')
  })

  test('an answer that was kept is not given after a write, and kept anew', async () => {
    if (world.engine === 'postgres') return // of what others may write to, a kept answer is as old as its ttl says
    const count = async () => {
      const { json, headers } = await send('GET', 'kept')
      return [json.rows[0].n, headers.has('age')]
    }
    const [before] = await count()
    expect(await count()).toEqual([before, true])
    await send('PUT', 'named/one more', { n: 1 })
    expect(await count()).toEqual([before + 1, false])
    expect(await count()).toEqual([before + 1, true])
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        await send('PUT', `named/more ${i}`, { n: 1 })
        expect((await count())[0]).toBeGreaterThan(before + 1)
      }),
    )
    expect((await count())[0]).toBe(before + 21)
    for (const name of ['one more', ...Array.from({ length: 20 }, (_, i) => `more ${i}`)])
      expect((await send('DELETE', `named/${name}`)).status).toBe(204)
    expect((await count())[0]).toBe(before)
  })

  test('queries and lookups of the same table see a write at once', async () => {
    const counted = async () =>
      Object.fromEntries(
        (await send('GET', 'regions')).json.rows.map((r: { region: string; n: number }) => [r.region, r.n]),
      )
    const before = await counted()
    const { json } = await send('POST', 'people', { name: 'Q', email: 'q@x.org', region: 'seen', visits: 1 })
    expect(await counted()).toEqual({ ...before, seen: 1 })
    expect((await send('GET', `person?id=${json.id}`)).json.count).toBe(1)
    await send('DELETE', `people/${json.id}`)
    expect(await counted()).toEqual(before)
    expect((await send('GET', `person?id=${json.id}`)).json.count).toBe(0)
  })
}

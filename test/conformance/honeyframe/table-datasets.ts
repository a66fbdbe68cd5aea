import { expect, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitFor } from '../../harness.ts'
import { RAW, type TableWorld, VERBS } from './table-world.ts'

export function datasets(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const admin: TableWorld['admin'] = (...args) => world.admin(...args)
  const upload = (name: string, csv: string, more: Record<string, string> = {}) => {
    const form = new FormData()
    form.set('file', new File([csv], 'up.csv'))
    for (const [field, value] of Object.entries({ name, primary_key: 'id', ...more })) form.set(field, value)
    return admin('POST', '/api/datasets/file/upload', form)
  }
  /** A service of its own on a dataset, and a way to ask it. */
  const serve = async (service: string, dataset: string, methods = VERBS) => {
    const config = { endpoints: [{ id: 'rows', kind: 'table', dataset, methods }] }
    const { json } = await admin('POST', '/api/publish/assets', {
      asset_type: 'api_service',
      asset_key: service,
      config,
    })
    const published = await admin('POST', `/api/publish/assets/${json.id}/publish`, {})
    const key = await world.mint(RAW, json.id)
    const ask = (method: string, path = '', body?: unknown, headers: Record<string, string> = {}) =>
      world.callgate.call(`/api/service/${service}/rows${path}`, { method, key, body, headers })
    return { published, ask, id: json.id }
  }

  test('a table is made empty, whole as it is declared, and protected by the names of its columns', async () => {
    const columns = {
      id: { type: 'integer' },
      email: { type: 'text' },
      price: { type: 'decimal(8,2)', nullable: false },
      at: { type: 'date', sensitivity: 'high', mask: 'year' },
    }
    const made = await admin('POST', '/api/datasets', {
      name: 'made.here',
      primary_key: 'id',
      indexes: [['price']],
      columns,
      description: 'D',
    })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({
      name: 'made.here',
      writable: true,
      row_count: 0,
      primary_key: ['id'],
      description: 'D',
    })
    const { json } = await admin('GET', '/api/datasets/made.here')
    expect(
      json.columns.map((c: { name: string; nullable: boolean; sensitivity: string }) => [
        c.name,
        c.nullable,
        c.sensitivity,
      ]),
    ).toEqual([
      ['id', false, 'low'],
      ['email', true, 'high'],
      ['price', false, 'low'],
      ['at', true, 'high'],
    ])
    const { ask } = await serve('made', 'made.here')
    expect((await ask('POST', '', { price: '1.5', email: 'a@x.org' })).json).toMatchObject({ id: 1, price: '1.50' })
    expect((await ask('POST', '', { price: '1234567.00' })).status).toBe(422)
    expect((await admin('GET', '/api/datasets/made.here')).json.row_count).toBe(1)
    expect(
      (await admin('GET', '/api/datasets')).json.datasets.find((d: { name: string }) => d.name === 'made.here')
        .row_count,
    ).toBe(1)
    expect((await admin('GET', '/api/datasets/made.here/explore')).json).toMatchObject({ total: 1, rows: [{ id: 1 }] })
    expect((await admin('GET', '/api/datasets/made.here/profile')).json.row_count).toBe(1)
    expect((await admin('POST', '/api/datasets', { name: 'made.here', columns })).status).toBe(409)
  })

  test.each([
    ['a type that is none', { columns: { a: { type: 'number' } } }],
    ['too many digits', { columns: { a: { type: 'decimal(39,2)' } } }],
    ['more digits behind the point than there are', { columns: { a: { type: 'decimal(2,3)' } } }],
    ['no columns', { columns: {} }],
    ['columns that differ in case', { columns: { a: { type: 'text' }, A: { type: 'text' } } }],
    ['a key that is no column', { columns: { a: { type: 'text' } }, primary_key: 'b' }],
    ['a key that names a column twice', { columns: { a: { type: 'text' } }, primary_key: ['a', 'a'] }],
    ['an index on nothing', { columns: { a: { type: 'text' } }, indexes: [[]] }],
    ['a name that is none', { name: 'x', columns: { a: { type: 'text' } } }],
  ])('no table is made with %s', async (_, body) => {
    const files = readdirSync(join(world.dataDir, 'warehouse')).length
    expect((await admin('POST', '/api/datasets', { name: 'not.made', ...body })).status).toBe(422)
    expect((await admin('GET', '/api/datasets/not.made')).status).toBe(404)
    expect(readdirSync(join(world.dataDir, 'warehouse')).length).toBe(files)
  })

  test('columns may be called anything: a quote, a statement, what means something to JavaScript or to this API', async () => {
    const names = [
      'id',
      'a"b',
      "x'); DROP TABLE data; --",
      'sélect',
      'rowid',
      'data',
      '-id',
      'order',
      'limit',
      'rows',
      '_links',
      '__proto__',
      'constructor',
      'a.b',
      '?',
      '$1',
      ' ',
    ]
    const columns = JSON.stringify(Object.fromEntries(names.slice(1).map(name => [name, { type: 'text' }]))).replace(
      '{',
      '{"id":{"type":"integer"},"__proto__":{"type":"text"},',
    )
    const made = await admin(
      'POST',
      '/api/datasets',
      `{"name": "odd.names", "primary_key": "id", "columns": ${columns}}`,
      { 'content-type': 'application/json' },
    )
    expect(made.status).toBe(201)
    const { ask } = await serve('odd', 'odd.names')
    const whole = (value: string) =>
      `{${names
        .slice(1)
        .map(name => `${JSON.stringify(name)}:${JSON.stringify(`${value} ${name}`)}`)
        .join()}}`
    const json = { 'content-type': 'application/json' }
    const raw = (method: string, path: string, body: string) => ask(method, path, body, json)
    expect((await raw('POST', '', whole('first'))).status).toBe(201)
    expect((await raw('PUT', '/1', whole('second'))).status).toBe(200)
    expect((await raw('PATCH', '/1', whole('third'))).status).toBe(200)
    expect((await raw('POST', '', `[${whole('bulk')}]`)).json.count).toBe(1)
    const { text } = await ask('GET', '/1')
    for (const name of names.slice(1))
      expect(text).toContain(`${JSON.stringify(name)}:${JSON.stringify(`third ${name}`)}`)
    expect(text).not.toContain('href') // the column of the name goes before
    expect((await ask('GET', `?${encodeURIComponent('a"b')}=${encodeURIComponent('bulk a"b')}`)).json.rows[0].id).toBe(
      2,
    )
    expect((await ask('GET', `?order=-${encodeURIComponent('a"b')}`)).json.count).toBe(2)
    expect((await raw('POST', '', '{"rows": "a column"}')).json.rows).toBe('a column')
  })

  test('a service may write only to what is writable, by methods that it has, to columns without which there is no row', async () => {
    const draft = async (endpoint: object) => {
      const config = { endpoints: [{ id: 'rows', kind: 'table', ...endpoint }] }
      const body = { asset_type: 'api_service', asset_key: `draft-${Bun.randomUUIDv7()}`, config }
      const { status, json } = await admin('POST', '/api/publish/assets', body)
      if (status !== 201) return [status, json.detail]
      const published = await admin('POST', `/api/publish/assets/${json.id}/publish`, {})
      await admin('DELETE', `/api/publish/assets/${json.id}`)
      return [published.status, published.json.detail]
    }
    expect(await draft({ dataset: 't.fixed' })).toEqual([200, undefined])
    expect(await draft({ dataset: 't.fixed', methods: ['GET', 'POST'] })).toEqual([
      422,
      expect.stringContaining('writable: true'),
    ])
    expect(await draft({ dataset: 't.nothing' })).toEqual([422, expect.stringContaining('t.nothing')])
    expect(await draft({ dataset: 't.log', methods: ['PATCH'] })).toEqual([
      422,
      expect.stringContaining('no primary key'),
    ])
    expect(await draft({ dataset: 't.people', columns: ['name'] })).toEqual([
      422,
      expect.stringContaining('leaves out id'),
    ])
    expect(await draft({ dataset: 't.people', columns: ['id', 'nothing'] })).toEqual([
      422,
      expect.stringContaining('nothing'),
    ])
    expect(await draft({ dataset: 't.people', columns: ['id', 'name'], methods: ['POST'] })).toEqual([
      422,
      expect.stringContaining('leaves out email'),
    ])
    expect(await draft({ dataset: 't.people', columns: ['id', 'name'], methods: ['PATCH'] })).toEqual([200, undefined])
    expect((await draft({ dataset: 't.people', methods: ['HEAD'] }))[0]).toBe(422)
    expect((await draft({ dataset: 't.people', methods: [] }))[0]).toBe(422)
    expect((await draft({ dataset: 't.people', verbs: ['GET'] }))[0]).toBe(422)
    expect((await draft({}))[0]).toBe(422)
  })

  test('a dry-run of a table is its list', async () => {
    const config = { endpoints: [{ id: 'rows', kind: 'table', dataset: 't.fixed' }] }
    const { json } = await admin('POST', '/api/publish/assets', { asset_type: 'api_service', asset_key: 'dry', config })
    const { status, json: list } = await admin('POST', `/api/api-services/${json.id}/endpoints/rows/test`, {
      region: 'south',
    })
    expect([status, list.rows.map((r: { id: number }) => r.id)]).toEqual([200, [2]])
  })

  test('a dataset is made writable and back, while it is served, and no row is lost', async () => {
    expect((await upload('turned.rows', 'id,n,wide\n1,1,5\n2,2,6\n')).status).toBe(201)
    const { ask, id } = await serve('turned', 'turned.rows', ['GET'])
    expect((await ask('GET', '/1')).json.n).toBe(1)
    const on = await admin('PATCH', '/api/datasets/turned.rows', { writable: true })
    expect([on.status, on.json.writable, on.json.row_count]).toEqual([200, true, 2])
    const config = { endpoints: [{ id: 'rows', kind: 'table', dataset: 'turned.rows', methods: VERBS }] }
    await admin('PUT', `/api/publish/assets/${id}`, { config })
    await admin('POST', `/api/publish/assets/${id}/publish`, {})
    expect((await ask('POST', '', { n: 3, wide: '9007199254740993' })).json).toMatchObject({
      id: 3,
      wide: '9007199254740993',
    })
    const refused = await admin('PATCH', '/api/datasets/turned.rows', { writable: false })
    expect([refused.status, refused.json.code]).toEqual([409, 'still_needed']) // published to be written to
    await admin('PUT', `/api/publish/assets/${id}`, {
      config: { endpoints: [{ ...config.endpoints[0], methods: ['GET'] }] },
    })
    await admin('POST', `/api/publish/assets/${id}/publish`, {})
    const off = await admin('PATCH', '/api/datasets/turned.rows', { writable: false })
    expect([off.status, off.json.writable, off.json.row_count]).toEqual([200, false, 3])
    expect((await ask('GET')).json.rows.map((r: { n: number }) => r.n)).toEqual([1, 2, 3])
    expect((await admin('PATCH', '/api/datasets/turned.rows', { writable: false })).status).toBe(200)
  })

  test('rows that were written are not replaced unasked, nor is a key given twice, when the table is written to no more', async () => {
    await upload('settled.rows', 'id,n\n1,1\n', { writable: 'true' })
    const { ask, id } = await serve('settled', 'settled.rows')
    for (const n of [2, 3]) expect((await ask('POST', '', { n })).json.id).toBe(n)
    expect((await ask('DELETE', '/3')).status).toBe(204)
    await admin('POST', `/api/publish/assets/${id}/unpublish`, {})
    for (const writable of [false, true]) {
      expect((await admin('PATCH', '/api/datasets/settled.rows', { writable })).status).toBe(200)
      const refused = await upload('settled.rows', 'id,n\n7,7\n', { replace: 'true' })
      expect([refused.status, refused.json.code]).toEqual([409, 'rows_written'])
    }
    await admin('POST', `/api/publish/assets/${id}/publish`, {})
    expect((await ask('POST', '', { n: 4 })).json.id).toBe(4)
    await admin('DELETE', `/api/publish/assets/${id}`)
    const forced = await upload('settled.rows', 'id,n\n7,7\n', { replace: 'true', force: 'true', writable: 'false' })
    expect([forced.status, forced.json.row_count]).toEqual([201, 1])
    expect((await upload('settled.rows', 'id,n\n8,8\n', { replace: 'true' })).status).toBe(201)
  })

  test('writes that meet a change of the file are made or refused, never lost', async () => {
    await upload('busy.rows', 'id,n\n1,1\n', { writable: 'true' })
    const { ask } = await serve('busy', 'busy.rows')
    let going = true
    const made: number[] = []
    const writers = Array.from({ length: 8 }, async () => {
      while (going) {
        const answer = await ask('POST', '', { n: 1 })
        if (answer.status === 201) made.push(answer.json.id)
        else expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      }
    })
    await waitFor(() => made.length > 50 || undefined)
    const refused = await upload('busy.rows', 'id,n\n1,1\n', { replace: 'true' })
    expect([refused.status, refused.json.code]).toEqual([409, 'rows_written'])
    const before = made.length
    await waitFor(() => made.length > before + 50 || undefined)
    going = false
    await Promise.all(writers)
    const { json } = await ask('GET', '?limit=1000&order=-id')
    expect((await admin('GET', '/api/datasets/busy.rows')).json.row_count).toBe(made.length + 1)
    const seen = new Set(json.rows.map((r: { id: number }) => r.id))
    expect(made.slice(-100).filter(id => !seen.has(id))).toEqual([])
    const forced = await upload('busy.rows', 'id,n\n1,1\n', { replace: 'true', force: 'true' })
    expect([forced.status, forced.json.row_count, forced.json.writable]).toEqual([201, 1, true])
    expect((await ask('GET')).json.rows).toEqual([{ id: 1, n: 1 }])
    expect((await ask('POST', '', { n: 2 })).json.id).toBe(2)
  })

  test('values may be let be missing, at once, but not said to be there always', async () => {
    const columns = (region: object) => ({ columns: { region } })
    expect((await send('POST', 'people', { name: 'N', email: 'n@x.org', visits: 1 })).status).toBe(422)
    expect((await admin('PATCH', '/api/datasets/t.fixed', columns({ nullable: true }))).status).toBe(422)
    expect((await admin('PATCH', '/api/datasets/t.people', { columns: { id: { nullable: true } } })).status).toBe(422)
    expect((await admin('PATCH', '/api/datasets/t.people', { columns: { no: { nullable: true } } })).status).toBe(422)
    expect((await admin('PATCH', '/api/datasets/t.people', columns({ nullable: true }))).status).toBe(200)
    const made = await send('POST', 'people', { name: 'N', email: 'n@x.org', visits: 1 })
    expect([made.status, made.json.region]).toEqual([201, null])
    expect((await send('GET', 'people?order=region')).json.rows.at(-1).id).toBe(made.json.id) // NULLs last
    await send('DELETE', `people/${made.json.id}`)
    expect((await admin('PATCH', '/api/datasets/t.people', columns({ nullable: false }))).status).toBe(422)
  })

  test('an ETag of a dataset does not change with its rows', async () => {
    const tag = async () => (await admin('GET', '/api/datasets/t.log')).headers.get('etag')
    const before = await tag()
    await send('POST', 'log', { line: 'x' })
    expect(await tag()).toBe(before)
  })

  test('a table is deleted with its files, once nothing published needs it', async () => {
    await upload('gone.rows', 'id,n\n1,1\n', { writable: 'true' })
    const files = () => readdirSync(join(world.dataDir, 'warehouse')).length
    const before = files()
    const { ask, id } = await serve('gone', 'gone.rows')
    await ask('POST', '', { n: 1 })
    expect((await admin('DELETE', '/api/datasets/gone.rows')).status).toBe(409)
    await admin('DELETE', `/api/publish/assets/${id}`)
    expect((await admin('DELETE', '/api/datasets/gone.rows')).status).toBe(200)
    expect((await ask('POST', '', { n: 1 })).status).toBe(401)
    await waitFor(() => files() < before || undefined) // the WAL too
  })

  test('the manifest is applied again: written rows stay, and it says so where its file has changed', async () => {
    const made = await send('POST', 'people', { name: 'Kept', email: 'k@x.org', region: 'kept', visits: 1 })
    await world.restart('stop', world.manifest())
    expect(world.callgate.output()).not.toContain('imported')
    expect(world.callgate.output()).not.toContain('warning')
    expect((await send('GET', `people/${made.json.id}`)).json).toEqual(made.json)
    writeFileSync(join(world.folder, 'people.csv'), 'id,name,email,region,visits,note\n1,New,new@x.org,new,1,\n')
    await world.restart('stop', world.manifest())
    expect(world.callgate.output()).toContain('warning: dataset t.people: it has changed in the manifest')
    expect(world.callgate.output()).toContain('dataset t.fixed: 1 rows imported')
    expect((await send('GET', `people/${made.json.id}`)).json).toEqual(made.json)
    const refused = await admin('POST', '/api/datasets/t.people/refresh')
    expect([refused.status, refused.json.code]).toEqual([409, 'rows_written'])
    const forced = await admin('POST', '/api/datasets/t.people/refresh?force=true')
    expect([forced.status, forced.json.refreshed, forced.json.row_count, forced.json.writable]).toEqual([
      200,
      true,
      1,
      true,
    ])
    expect((await send('GET', 'people')).json.rows).toEqual([
      { id: 1, name: 'New', email: 'new@x.org', region: 'new', visits: 1, note: null },
    ])
    expect((await send('PATCH', 'people/1', { note: 'again' })).status).toBe(200)
  })

  test('after a kill everything that was acknowledged is there, and answers that were given are given again', async () => {
    const headers = { 'idempotency-key': 'before-the-kill' }
    const first = await send('POST', 'values', { words: 'before the kill' }, headers)
    const made = await Promise.all(Array.from({ length: 50 }, (_, n) => send('POST', 'log', { line: `kill ${n}` })))
    expect(made.every(a => a.status === 201)).toBe(true)
    await world.restart('kill')
    for (const n of [0, 25, 49]) expect((await send('GET', `log?line=kill%20${n}`)).json.count).toBe(1)
    const again = await send('POST', 'values', { words: 'before the kill' }, headers)
    expect([again.text, again.headers.get('idempotent-replayed')]).toEqual([first.text, 'true'])
    expect((await send('POST', 'values', {})).json.id).toBeGreaterThan(first.json.id)
    await world.restart('stop')
    expect(readdirSync(join(world.dataDir, 'warehouse')).filter(f => f.endsWith('.building'))).toEqual([])
    expect((await send('GET', 'values?words=before%20the%20kill')).json.count).toBe(1)
  })
}

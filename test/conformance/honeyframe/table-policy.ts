import { beforeAll, expect, test } from 'bun:test'
import { fields, RAW, type TableWorld, VERBS } from './table-world.ts'

export function policy(world: TableWorld): void {
  const as = (key: string) => world.as(key)
  const ROW = { name: 'Secret Name', email: 'secret@example.org', region: 'north', visits: 1 }
  let masked: string
  let narrow: string
  let north: string
  let two: string

  beforeAll(async () => {
    masked = await world.mint({ allowed_methods: VERBS })
    narrow = await world.mint({ ...RAW, allowed_columns: ['id', 'region', 'visits'] })
    north = await world.mint({ ...RAW, row_scope: { region: ['north'] } })
    two = await world.mint({ ...RAW, row_scope: { region: ['north', 'west'] } })
  })

  test('a key without allowed_methods reads; with them it does what they say, and nothing else', async () => {
    for (const allowed_methods of [undefined, null, []]) {
      const send = as(await world.mint({ ...RAW, allowed_methods }))
      expect((await send('GET', 'people')).status).toBe(200)
      expect((await send('HEAD', 'people/1')).status).toBe(200)
      for (const [method, path] of [
        ['POST', 'people'],
        ['PUT', 'people/1'],
        ['PATCH', 'people/1'],
        ['DELETE', 'people/1'],
      ] as const) {
        const { status, json } = await send(method, path, {})
        expect([method, status, json.code]).toEqual([method, 403, 'method_out_of_reach'])
      }
      expect((await send('POST', 'people/1', {})).status).toBe(405) // before what the key may
      expect((await send('GET', 'person?id=1')).status).toBe(200)
    }
    const writer = as(await world.mint({ ...RAW, allowed_methods: ['POST'] }))
    expect((await writer('GET', 'people')).status).toBe(403)
    expect((await writer('GET', 'people/1')).status).toBe(403)
    expect((await writer('GET', 'person?id=1')).status).toBe(200) // queries are not written to
    expect((await writer('POST', 'through', {})).status).toBe(403) // nor does a function read for it
    expect((await world.send('POST', 'through', {})).json.limit).toBe(1)
    expect((await writer('POST', 'log', { line: 'by a writer' })).status).toBe(201)
  })

  test('a key that may not read is shown nothing that it did not send', async () => {
    const send = as(await world.mint({ ...RAW, allowed_methods: ['POST', 'PUT', 'PATCH'] }))
    const made = await send('POST', 'people', ROW)
    expect([made.status, made.json.name, made.headers.get('etag')]).toEqual([201, ROW.name, null])
    const patched = await send('PATCH', `people/${made.json.id}`, { visits: 2 })
    expect([patched.status, patched.text, patched.headers.get('etag')]).toEqual([204, '', null])
    expect((await send('PUT', `people/${made.json.id}`, ROW)).status).toBe(204)
    await world.send('DELETE', `people/${made.json.id}`)
  })

  test('allowed_methods are a setting of a key like any other: kept by rotation, changed by PATCH, refused when unknown', async () => {
    const path = `/api/publish/assets/${world.service}/api-keys`
    const { json: key } = await world.admin('POST', path, { ...RAW, allowed_methods: ['PATCH'] })
    expect(key.allowed_methods).toEqual(['PATCH'])
    const { json: next } = await world.admin('POST', `${path}/${key.id}/rotate`, {})
    expect(next.allowed_methods).toEqual(['PATCH'])
    expect((await as(next.key)('PATCH', 'people/1', { visits: 5 })).status).toBe(204)
    expect(
      (await world.admin('PATCH', `${path}/${next.id}`, { allowed_methods: null })).json.allowed_methods,
    ).toBeNull()
    expect((await as(next.key)('PATCH', 'people/1', { visits: 5 })).status).toBe(403)
    for (const allowed_methods of [['HEAD'], ['get'], 'POST', [1]])
      expect((await world.admin('POST', path, { allowed_methods })).status).toBe(422)
  })

  test('a public service is read without a key, and written to by none without', async () => {
    const open = (method: string, path: string, body?: unknown) =>
      world.callgate.call(`/api/service/open/${path}`, { method, body })
    const { status, json } = await open('GET', 'people/1')
    expect([status, json.name, json.email]).toEqual([200, 'A. L.', '[BLOCKED]'])
    expect((await open('POST', 'people', ROW)).status).toBe(403)
    expect((await open('DELETE', 'people/1')).status).toBe(403)
    const stranger = await world.callgate.call('/api/service/open/people/1', { method: 'DELETE', key: world.key })
    expect(stranger.status).toBe(403) // a key of another service is as good as none
  })

  test('columns that a key does not see raw, or not at all, cannot be written, by any verb', async () => {
    for (const [key, column, value] of [
      [masked, 'name', 'X'],
      [masked, 'email', 'x@x.org'],
      [narrow, 'email', 'x@x.org'],
      [narrow, 'note', 'X'],
    ] as const) {
      const send = as(key)
      for (const [method, path, body] of [
        ['POST', 'people', { region: 'north', visits: 1, [column]: value }],
        ['POST', 'people', [{ region: 'north', visits: 1, [column]: value }]],
        ['PUT', 'people/1', { region: 'north', visits: 1, [column]: value }],
        ['PATCH', 'people/1', { [column]: value }],
      ] as const) {
        const answer = await send(method, path, body)
        expect([method, column, answer.status, answer.json.code]).toEqual([method, column, 403, 'column_out_of_reach'])
        expect(fields(answer)[0]).toContain(column)
        expect(answer.text).not.toContain(value === 'X' ? '"X"' : value)
      }
    }
    const unknown = await as(narrow)('PATCH', 'people/1', { colour: 1 })
    expect([unknown.status, fields(unknown)]).toEqual([422, ['colour']])
  })

  test('a row that lacks what every row has is not made by a key that may not write that', async () => {
    for (const key of [masked, narrow])
      for (const [method, path] of [
        ['POST', 'people'],
        ['PUT', 'people/900'],
      ] as const) {
        const { status, json } = await as(key)(method, path, {
          region: 'north',
          visits: 1,
          note: key === masked ? 'n' : undefined,
        })
        expect([method, status, json.code]).toEqual([method, 403, 'column_out_of_reach'])
      }
    expect((await world.send('GET', 'people/900')).status).toBe(404)
  })

  test('a write leaves columns alone that its key may not write, and shows them as the key sees them', async () => {
    const { json } = await world.send('POST', 'people', ROW)
    const patched = await as(masked)('PATCH', `people/${json.id}`, { visits: 3 })
    expect([patched.status, patched.json.name, patched.json.email, patched.json.visits]).toEqual([
      200,
      'S. N.',
      '[BLOCKED]',
      3,
    ])
    const put = await as(narrow)('PUT', `people/${json.id}`, { region: 'north', visits: 4 })
    expect([put.status, Object.keys(put.json)]).toEqual([200, ['id', 'region', 'visits', '_links']])
    expect((await world.send('GET', `people/${json.id}`)).json).toMatchObject({ ...ROW, visits: 4 })
    await world.send('DELETE', `people/${json.id}`)
  })

  test('a tag tells of nothing that its key does not see', async () => {
    const { json } = await world.send('POST', 'people', ROW)
    const tag = async (key: string) => (await as(key)('GET', `people/${json.id}`)).headers.get('etag')
    const before = [await tag(world.key), await tag(narrow), await tag(masked)]
    await world.send('PATCH', `people/${json.id}`, { email: 'other@example.org', note: 'other' })
    const after = [await tag(world.key), await tag(narrow), await tag(masked)]
    expect(after[0]).not.toBe(before[0])
    expect(after[1]).toBe(before[1]!)
    await world.send('PATCH', `people/${json.id}`, { note: null, email: ROW.email })
    await world.send('PATCH', `people/${json.id}`, { email: 'third@example.org' })
    expect(await tag(masked)).toBe(before[2]!)
    await world.send('DELETE', `people/${json.id}`)
  })

  test('a row that is not found by what the key sees raw cannot be named by it', async () => {
    const send = as(await world.mint({ ...RAW, allowed_columns: ['region', 'visits', 'name', 'email'] }))
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'])
      expect([method, (await send(method, 'people/1', method === 'GET' ? undefined : { visits: 5 })).status]).toEqual([
        method,
        403,
      ])
    expect((await send('GET', 'people?id=1')).status).toBe(403)
    const made = await send('POST', 'people', ROW)
    expect([made.status, made.headers.get('location'), made.json.id, made.json._links.self]).toEqual([
      201,
      null,
      undefined,
      undefined,
    ])
    expect((await send('POST', 'people', [ROW])).json).toEqual({ count: 1 })
    for (const { id } of (await world.send('GET', 'people?name=Secret%20Name')).json.rows)
      await world.send('DELETE', `people/${id}`)
  })

  test('rows outside of the scope are not there, whatever the verb', async () => {
    const send = as(north)
    expect((await send('GET', 'people')).json.rows.map((r: { region: string }) => r.region)).toEqual(['north', 'north'])
    for (const id of ['2', '12345'])
      for (const [method, body] of [
        ['GET', undefined],
        ['PUT', ROW],
        ['PATCH', { visits: 1 }],
        ['DELETE', undefined],
      ] as const) {
        if (id === '12345' && method === 'PUT') continue
        const { status, json } = await send(method, `people/${id}`, body)
        expect([id, method, status, json.code]).toEqual([id, method, 404, 'row_unknown'])
      }
    expect((await world.send('GET', 'people/2')).json).toMatchObject({
      name: 'Grace Hopper',
      region: 'south',
      visits: 7,
    })
  })

  test('no write makes a row outside of the scope, or moves one there', async () => {
    for (const [method, path, body] of [
      ['POST', 'people', { ...ROW, region: 'south' }],
      ['POST', 'people', [ROW, { ...ROW, region: 'south' }]],
      ['PUT', 'people/1', { ...ROW, region: 'south' }],
      ['PUT', 'people/901', { ...ROW, region: 'south' }],
      ['PATCH', 'people/1', { region: 'south' }],
    ] as const) {
      const answer = await as(two)(method, path, body)
      expect([method, path, answer.status, answer.json.code]).toEqual([method, path, 403, 'out_of_scope'])
      expect(fields(answer).join()).toContain('region')
      expect(answer.text).not.toContain('south')
    }
    expect((await as(two)('POST', 'people', { ...ROW, region: undefined })).status).toBe(422)
    expect((await world.send('GET', 'people/901')).status).toBe(404)
    const moved = await as(two)('PATCH', 'people/3', { region: 'west' })
    expect([moved.status, moved.json.region]).toEqual([200, 'west'])
    await world.send('PATCH', 'people/3', { region: 'north' })
  })

  test('a scope of one value fills its column in, also where the key does not see it', async () => {
    const made = await as(north)('POST', 'people', { ...ROW, region: undefined })
    expect([made.status, made.json.region]).toEqual([201, 'north'])
    expect((await as(north)('PUT', `people/${made.json.id}`, { ...ROW, region: undefined })).json.region).toBe('north')
    const blind = as(
      await world.mint({
        ...RAW,
        row_scope: { region: ['blind'] },
        allowed_columns: ['id', 'name', 'email', 'visits'],
      }),
    )
    const hidden = await blind('POST', 'people', { name: 'B', email: 'b@x.org', visits: 1 })
    expect([hidden.status, hidden.json.region]).toEqual([201, undefined])
    expect((await world.send('GET', `people/${hidden.json.id}`)).json.region).toBe('blind')
    expect((await blind('PUT', 'people/902', { name: 'B', email: 'b@x.org', visits: 1 })).status).toBe(201)
    expect((await blind('GET', 'people')).json.count).toBe(2)
    for (const id of [made.json.id, hidden.json.id, 902]) await world.send('DELETE', `people/${id}`)
  })

  test('a scope on what the table does not have refuses everything', async () => {
    const send = as(await world.mint({ ...RAW, row_scope: { tenant: [1] } }))
    expect((await send('POST', 'people', ROW)).status).toBe(403)
    expect((await send('GET', 'people/1')).status).toBe(403)
    expect((await send('DELETE', 'people/1')).status).toBe(403)
  })

  test('a conflict names no row and no value', async () => {
    const taken = await as(north)('POST', 'people', { ...ROW, id: 2 })
    expect([taken.status, taken.json.code]).toEqual([409, 'row_exists'])
    expect(taken.text).not.toMatch(/Hopper|grace|south|UNIQUE|data_key|Secret/i)
    expect((await as(masked)('POST', 'named', { name: 'x', n: 1 })).status).toBe(201)
    await world.send('DELETE', 'named/x')
  })

  test('neither the log nor the audit has a value of a row', async () => {
    const audit = (await world.admin('GET', '/api/audit')).text
    for (const text of [audit, world.callgate.output()])
      expect(text).not.toMatch(/secret@example|Secret Name|grace@example/)
  })
}

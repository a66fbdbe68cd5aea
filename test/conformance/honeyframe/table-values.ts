import { expect, test } from 'bun:test'
import { fields, type TableWorld } from './table-world.ts'

export function values(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)

  const ROW = {
    whole: '9223372036854775807',
    real: 0.1,
    exact: '-12345678901234567890.0123456789',
    yes: true,
    words: 'naïve 日本語 🙂 "quoted" \\ \n',
    day: '2024-02-29',
    clock: '23:59:59.123456',
    local: '2024-01-02T03:04:05.6',
    moment: '2024-01-02T03:04:05Z',
    bytes: Buffer.from([0, 1, 254, 255]).toString('base64'),
    doc: { a: [1, null, 'x'], b: { c: true } },
  }

  test('what comes out of every type goes in again as it is', async () => {
    const { status, json } = await send('POST', 'values', ROW)
    expect(status).toBe(201)
    const { _links, id, ...row } = json
    expect(row).toEqual(ROW)
    const read = await send('GET', `values/${id}`)
    const put = await send('PUT', `values/${id}`, read.json)
    expect([put.status, put.json, put.headers.get('etag')]).toEqual([200, read.json, read.headers.get('etag')])
    expect((await send('GET', `values?id=${id}`)).json.rows[0]).toEqual({ id, ...ROW })
    const empty = await send('PUT', `values/${id}`, {})
    expect(empty.json).toMatchObject(Object.fromEntries(Object.keys(ROW).map(name => [name, null])))
  })

  test.each([
    ['whole', [0, -5, 9007199254740991, '42'], [0, -5, 9007199254740991, 42]],
    ['real', [1, -2.5e10, 12345678901234567890n], [1, -2.5e10, 12345678901234567000]],
    ['exact', [1, '0.5', 12.25, '-0'], ['1.0000000000', '0.5000000000', '12.2500000000', '0.0000000000']],
    ['moment', ['2024-01-02T03:04:05+02:00', '2024-01-02'], ['2024-01-02T01:04:05Z', '2024-01-02T00:00:00Z']],
    ['clock', ['01:02'], ['01:02:00']],
    [
      'doc',
      [0, false, 'text', [], [[1]], 12345678901234567890n],
      [0, false, 'text', [], [[1]], '12345678901234567890'],
    ],
  ] as [string, unknown[], unknown[]][])('other ways to write a value: %s', async (column, given, stored) => {
    for (const [i, value] of given.entries()) {
      const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value)
      const made = await send('POST', 'values', `{"${column}": ${text}}`, { 'content-type': 'application/json' })
      expect([text, made.json[column]]).toEqual([text, stored[i]])
    }
  })

  test('times finer than microseconds are kept as they are where they can be, and refused where they would be rounded', async () => {
    const times = {
      clock: '23:59:59.999999999',
      local: '2024-01-02T03:04:05.123456789',
      moment: '2024-01-02T03:04:05.1234567Z',
    }
    const { status, json } = await send('POST', 'values', times)
    if (world.engine === 'postgres') return expect([status, json.errors.length]).toEqual([422, 3])
    expect([status, json]).toEqual([201, expect.objectContaining(times)])
    for (const [name, value] of Object.entries(times))
      expect((await send('GET', `values?${new URLSearchParams({ [name]: value })}`)).json.rows).toEqual([
        expect.objectContaining(times),
      ])
  })

  test.each([
    ['whole', ['1.5', '1e30', '9223372036854775808', '-9223372036854775809', 'true', '"x"', '""', '[1]', '{}']],
    ['real', ['"1"', '1e999', 'true', '[]']],
    ['exact', ['"1.12345678901"', '123456789012345678901', '0.12345678901234567', '"x"', 'true', '{}', '""']],
    ['yes', ['1', '0', '"true"', '"yes"']],
    ['words', ['1', 'true', '{}', '"a\\u0000b"', '"\\ud800"']],
    ['day', ['"2024-02-30"', '"2024-2-3"', '20240203', '"2024-01-02T00:00:00"']],
    ['clock', ['"24:00"', '"1:2"', '12', '"01:02:03.1234567891"']],
    ['local', ['"2024-01-02T03:04:05Z"', '"yesterday"', '1704164645']],
    ['moment', ['"2024-01-02T03:04:05 CET"', '1704164645']],
    ['bytes', ['"a"', '"YWJj\\n"', '"_-_-"', '1']],
  ] as [string, string[]][])(
    'a value that is none of the column is 422, names it, and is not repeated: %s',
    async (column, given) => {
      for (const text of given) {
        const answer = await send('POST', 'values', `{"${column}": ${text}}`, { 'content-type': 'application/json' })
        expect([text, answer.status, answer.json.code, fields(answer)]).toEqual([
          text,
          422,
          'unacceptable_rows',
          [column],
        ])
        if (text.length > 6) expect(answer.text).not.toContain(text.replaceAll('"', ''))
        const patched = await send('PATCH', 'values/1', `{"${column}": ${text}}`, {
          'content-type': 'application/json',
        })
        expect([text, patched.status]).toEqual([text, 422])
      }
    },
  )

  test('columns that are missing, null or not there are named, each with its row', async () => {
    const answer = await send('POST', 'people', [
      { name: 'A', email: null, region: 'x', visits: 1 },
      { name: 'B', email: 'b@x.org', region: 'x', visits: 1, colour: 'red', __proto__x: 1 },
      { id: null, name: 'C', email: 'c@x.org', region: 'x', visits: 1 },
      { email: 'd@x.org' },
    ])
    expect(answer.status).toBe(422)
    expect(fields(answer)).toEqual(['0 email', '1 colour', '1 __proto__x', '2 id', '3 name', '3 region', '3 visits'])
    expect(answer.text).not.toMatch(/red|x\.org/)
    expect(answer.json.errors[0]).toEqual({ row: 0, field: 'email', message: 'This column may not be null.' })
    const many = await send(
      'POST',
      'people',
      Array.from({ length: 300 }, () => ({})),
    )
    expect(many.json.errors).toHaveLength(100)
    const proto = await send('POST', 'named', '{"name": "p", "__proto__": {"n": 1}}', {
      'content-type': 'application/json',
    })
    expect([proto.status, fields(proto)]).toEqual([422, ['__proto__']])
  })

  test('a merge patch goes into JSON columns, and takes members away (RFC 7396)', async () => {
    const { json } = await send('POST', 'values', {
      doc: { title: 'Goodbye!', author: { given: 'J', family: 'D' }, tags: ['a'], n: 1 },
    })
    const patch = { doc: { title: 'Hello!', author: { family: null }, tags: ['b'], phone: { home: null, work: '1' } } }
    const merged = await send('PATCH', `values/${json.id}`, patch)
    expect(merged.json.doc).toEqual({
      title: 'Hello!',
      author: { given: 'J' },
      tags: ['b'],
      n: 1,
      phone: { work: '1' },
    })
    expect((await send('PATCH', `values/${json.id}`, { doc: [1] })).json.doc).toEqual([1])
    expect((await send('PATCH', `values/${json.id}`, { doc: { a: { b: null } } })).json.doc).toEqual({ a: {} })
    expect((await send('PATCH', `values/${json.id}`, { doc: null })).json.doc).toBeNull()
    expect((await send('PATCH', `values/${json.id}`, {})).status).toBe(200)
    const replaced = await send('PUT', `values/${json.id}`, { doc: { x: 1 } })
    expect(replaced.json.doc).toEqual({ x: 1 })
  })

  test.each([
    'a/b',
    'a b',
    'ü/日本',
    'a,b',
    '%2F',
    '100%',
    "o'clock",
    '"',
    ';drop table data',
    'a?b#c',
    '\\',
    '🙂',
    ' ',
    '...',
    '.hidden',
    'runs',
  ])('a key may hold anything that a URL carries: %s', async name => {
    const path = `named/${encodeURIComponent(name)}`
    const made = await send('PUT', path, { n: 1 })
    expect([made.status, made.json.name, made.headers.get('location')]).toEqual([
      201,
      name,
      `/api/service/shop/${path}`,
    ])
    const found = await world.callgate.call(made.json._links.self.href, { key: world.key })
    expect([found.status, found.json.n]).toEqual([200, 1])
    expect((await send('PATCH', path, { n: 2 })).json.n).toBe(2)
    expect((await send('DELETE', path)).status).toBe(204)
  })

  test('a key of bytes is their base64, as answers write it', async () => {
    for (const bytes of [[0, 255], [251, 255, 16], [97, 98, 99], []]) {
      const hash = Buffer.from(bytes).toString('base64')
      const path = `files/${encodeURIComponent(hash)}`
      const made = await send('POST', 'files', { hash, n: 1 })
      expect([made.status, made.headers.get('location')]).toEqual([201, `/api/service/shop/${path}`])
      const found = await send('GET', path)
      expect([found.status, found.json]).toEqual([200, made.json])
      expect((await send('PATCH', path, { n: 2 })).json).toMatchObject({ hash, n: 2 })
      expect((await send('PUT', path, found.json)).json).toEqual(found.json)
      expect((await send('DELETE', path)).status).toBe(204)
      const put = await send('PUT', path, { n: 3 }, { 'idempotency-key': `file-${hash}` })
      expect([put.status, put.json.hash, put.json._links.self.href]).toEqual([201, hash, `/api/service/shop/${path}`])
    }
    for (const id of ['AP8', 'AP9%3D', '%FF', 'AP8%3D%0A', '-_8Q', '00ff'])
      expect([id, (await send('GET', `files/${id}`)).status]).toEqual([id, 404])
    expect((await send('PUT', 'files/AP8', { n: 1 })).status).toBe(404)
    expect((await send('GET', 'files')).json.count).toBe(4)
  })

  test('a key of several columns is their values, joined by commas; a comma in one is encoded', async () => {
    const made = await send('POST', 'orders', { shop: 'a,b/c', number: 7, amount: '12.50' })
    expect(made.headers.get('location')).toBe('/api/service/shop/orders/a%2Cb%2Fc,7')
    expect((await send('GET', 'orders/a%2Cb%2Fc,7')).json.amount).toBe('12.50')
    await send('POST', 'orders', { shop: 'plain', number: 7, amount: '1' })
    expect((await send('GET', 'orders/plain%2C7')).json.amount).toBe('1.00')
    for (const path of ['orders/plain', 'orders/plain,7,8', 'orders/plain,x', 'orders/,7', 'orders/a%2Cb%2Cc'])
      expect([path, (await send('GET', path)).status]).toEqual([path, 404])
    const { status } = await send('PUT', 'orders/plain,8', { amount: '99999999999.99' })
    expect(status).toBe(422) // decimal(12,2) has ten digits before the point
  })

  test('the JSON Schema of a row says what is taken', async () => {
    const { headers, json } = await world.admin('GET', '/api/datasets/t.orders/schema')
    expect(headers.get('content-type')).toBe('application/schema+json')
    expect(json.required).toEqual(['shop', 'number', 'amount'])
    expect(json.additionalProperties).toBe(false)
    expect(json.properties.at.type).toEqual(['string', 'null'])
    expect((await world.admin('GET', '/api/datasets/t.people/schema')).json.required).toEqual([
      'name',
      'email',
      'region',
      'visits',
    ])
  })
}

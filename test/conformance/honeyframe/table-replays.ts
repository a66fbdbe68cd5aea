import { expect, test } from 'bun:test'
import { RAW, type TableWorld } from './table-world.ts'

export function replays(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const key = (text: string) => ({ 'idempotency-key': text })
  const count = async (line: string) => (await send('GET', `log?line=${line}`)).json.count

  test('a request that is sent again gets the first answer, and is not done again', async () => {
    const first = await send('POST', 'values', { whole: 1, words: 'again' }, key('"again-1"'))
    const second = await send('POST', 'values', { whole: 1, words: 'again' }, key('again-1')) // the quotes are optional
    expect([second.status, second.text]).toEqual([201, first.text])
    for (const header of ['location', 'etag']) expect(second.headers.get(header)).toBe(first.headers.get(header)!)
    expect([first.headers.get('idempotent-replayed'), second.headers.get('idempotent-replayed')]).toEqual([
      null,
      'true',
    ])
    await send('PATCH', `values/${first.json.id}`, { whole: 2 })
    expect((await send('POST', 'values', { whole: 1, words: 'again' }, key('again-1'))).json.whole).toBe(1)
    const bulk = await send('POST', 'log', [{ line: 'bulk' }, { line: 'bulk' }], key('bulk'))
    expect((await send('POST', 'log', [{ line: 'bulk' }, { line: 'bulk' }], key('bulk'))).json).toEqual(bulk.json)
    expect(await count('bulk')).toBe(2)
  })

  test('also to PUT, PATCH and DELETE, and where it was refused', async () => {
    const made = await send('PUT', 'named/replayed', { n: 1 }, key('put'))
    const patched = await send(
      'PATCH',
      'named/replayed',
      { n: 2 },
      { ...key('patch'), 'if-match': made.headers.get('etag')! },
    )
    expect(patched.status).toBe(200)
    const again = await send(
      'PATCH',
      'named/replayed',
      { n: 2 },
      { ...key('patch'), 'if-match': made.headers.get('etag')! },
    )
    expect([again.status, again.json]).toEqual([200, patched.json]) // without the key it would be 412
    expect((await send('DELETE', 'named/replayed', undefined, key('delete'))).status).toBe(204)
    expect((await send('DELETE', 'named/replayed', undefined, key('delete'))).status).toBe(204)
    expect((await send('PATCH', 'named/replayed', { n: 3 }, key('gone'))).status).toBe(404)
    await send('PUT', 'named/replayed', { n: 1 })
    const refused = await send('PATCH', 'named/replayed', { n: 3 }, key('gone'))
    expect([refused.status, refused.headers.get('idempotent-replayed')]).toEqual([404, 'true'])
    // what was wrong with a body is no answer to keep: another body would be another request
    expect((await send('POST', 'named', { name: 'late', n: 'x' }, key('wrong'))).status).toBe(422)
    expect((await send('POST', 'named', { name: 'late', n: 1 }, key('wrong'))).status).toBe(201)
  })

  test('the same key with another request is 422: another body, path, method or precondition', async () => {
    await send('POST', 'log', { line: 'other' }, key('other'))
    for (const [method, path, body, headers] of [
      ['POST', 'log', { line: 'else' }, {}],
      ['POST', 'log', [{ line: 'other' }], {}],
    ] as const) {
      const { status, json } = await send(method, path, body, { ...key('other'), ...headers })
      expect([status, json.code]).toEqual([422, 'idempotency_key_reused'])
    }
    await send('PUT', 'named/other', { n: 1 }, key('other'))
    for (const [method, path, headers] of [
      ['PUT', 'named/another', {}],
      ['PATCH', 'named/other', {}],
      ['PUT', 'named/other', { 'if-match': '*' }],
    ] as const)
      expect([path, (await send(method, path, { n: 1 }, { ...key('other'), ...headers })).status]).toEqual([path, 422])
    expect(await count('other')).toBe(1)
    expect(await count('else')).toBe(0)
  })

  test("a key is its caller's own", async () => {
    const other = world.as(await world.mint(RAW))
    await send('POST', 'log', { line: 'own' }, key('own'))
    expect((await other('POST', 'log', { line: 'own' }, key('own'))).headers.get('idempotent-replayed')).toBeNull()
    expect((await other('POST', 'log', { line: 'not own' }, key('own'))).status).toBe(422)
    expect(await count('own')).toBe(2)
  })

  test('while the first is under way, the same request is 409 and another one 422', async () => {
    const ask = () => send('POST', 'log', { line: 'under way' }, key('under-way'))
    const release = await world.hold()
    const both = [ask(), ask()]
    try {
      const second = await Promise.race(both)
      expect([second.status, second.json.code, second.headers.get('retry-after')]).toEqual([409, 'in_flight', '1'])
      expect((await send('POST', 'log', { line: 'another' }, key('under-way'))).status).toBe(422)
    } finally {
      await release()
    }
    expect((await Promise.all(both)).map(a => a.status).sort()).toEqual([201, 409])
    const again = await ask()
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    expect(await count('under%20way')).toBe(1)
  })

  test('many who send the same at once have it done once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 32 }, () => send('POST', 'log', { line: 'once' }, key('once'))),
    )
    expect(answers.filter(a => a.status === 201 && a.headers.get('idempotent-replayed') === null)).toHaveLength(1)
    for (const { status } of answers) expect([201, 409]).toContain(status)
    expect(await count('once')).toBe(1)
  })

  test('what a key may no longer see is not in an answer that is given again', async () => {
    const path = `/api/publish/assets/${world.service}/api-keys`
    const { json } = await world.admin('POST', path, { ...RAW, rate_limit: null })
    const caller = world.as(json.key)
    const first = await caller('PATCH', 'people/2', { visits: 7 }, key('policy'))
    expect(first.json.name).toBe('Grace Hopper')
    await world.admin('PATCH', `${path}/${json.id}`, { masking_level: 'masked', sensitivity_max: 'low' })
    const again = await caller('PATCH', 'people/2', { visits: 7 }, key('policy'))
    expect([again.status, again.headers.get('idempotent-replayed'), again.json.name]).toEqual([200, 'true', undefined])
    expect(again.text).not.toMatch(/Hopper|grace/)
  })

  test('a request is answered as it was though its key may no longer write what is in it', async () => {
    const path = `/api/publish/assets/${world.service}/api-keys`
    const { json } = await world.admin('POST', path, { ...RAW, rate_limit: null })
    const row = { name: 'Once', email: 'once@example.org', region: 'north', visits: 1 }
    const post = () => world.as(json.key)('POST', 'people', row, key('narrowed'))
    const first = await post()
    await world.admin('PATCH', `${path}/${json.id}`, { allowed_columns: ['id', 'region', 'visits'] })
    const again = await post()
    expect([again.status, again.headers.get('idempotent-replayed'), again.json.name]).toEqual([201, 'true', undefined])
    const other = await world.as(json.key)('POST', 'people', row, key('narrowed-since'))
    expect([other.status, other.json.code]).toEqual([403, 'column_out_of_reach'])
    expect((await send('DELETE', `people/${first.json.id}`)).status).toBe(204)
  })

  test('nor is what is in a column that was protected meanwhile', async () => {
    const protect = async (sensitivity: string) =>
      expect(
        (await world.admin('PATCH', '/api/datasets/t.people', { columns: { email: { sensitivity } } })).status,
      ).toBe(200)
    const caller = world.as(await world.mint({ ...RAW, sensitivity_max: 'high' }))
    const patch = () => caller('PATCH', 'people/2', { visits: 7 }, key('tier'))
    expect((await patch()).text).toContain('grace@')
    await protect('critical')
    const again = await patch()
    await protect('high')
    expect([again.status, again.headers.get('idempotent-replayed'), again.headers.get('etag')]).toEqual([
      200,
      'true',
      null,
    ])
    expect(again.text).not.toContain('grace@')
  })

  test('a key that is none is 400', async () => {
    for (const text of ['""', ' ', 'a b', '"a', 'a"b', 'ü', 'x'.repeat(256), '"a\\x"'])
      expect([text, (await send('POST', 'log', { line: 'bad' }, key(text))).status]).toEqual([text, 400])
    expect((await send('POST', 'log', { line: 'good' }, key('"with \\" and \\\\"'))).status).toBe(201)
    expect(await count('bad')).toBe(0)
  })
}

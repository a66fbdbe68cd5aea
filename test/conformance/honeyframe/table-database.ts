/** What only a database's own table has: types, defaults, constraints, other writers. */
import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCallgate, waitFor } from '../../harness.ts'
import { fields, RAW, type TableWorld, VERBS } from './table-world.ts'

export function database(world: TableWorld): void {
  const send: TableWorld['send'] = (...args) => world.send(...args)
  const sql = (text: string) => world.database!.sql.unsafe(text)

  test('types of the database go in as they come out', async () => {
    const row = {
      mood: 'happy',
      code: 'abc',
      small: -5,
      list: [1, 2],
      span: '[1,5)',
      address: '10.0.0.0/8',
      binary_doc: { b: [1], a: 'x' },
      fixed: 'abcd',
    }
    const made = await send('POST', 'typed', row)
    expect(made.status).toBe(201)
    const { _links, id, made: at, twice, ...rest } = made.json
    expect([rest, at, twice]).toEqual([row, '2024-01-01T00:00:00Z', -10])
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    const put = await send('PUT', `typed/${id}`, made.json)
    expect([put.status, put.json]).toEqual([200, made.json])
    expect((await send('GET', `typed/${id}`)).headers.get('etag')).toBe(put.headers.get('etag')!)
    const patched = await send('PATCH', `typed/${id}`, { binary_doc: { a: null, c: 1 }, list: [3] })
    expect([patched.json.binary_doc, patched.json.list]).toEqual([{ b: [1], c: 1 }, [3]])
    expect((await send('DELETE', `typed/${id}`)).status).toBe(204)
  })

  test('times and numbers that are infinite, or none, go in as they come out', async () => {
    const row = {
      id: 1,
      until: 'infinity',
      ends: '-infinity',
      starts: 'infinity',
      share: '-Infinity',
      rate: 'NaN',
      closes: '24:00:00',
    }
    expect((await send('POST', 'terms', row)).status).toBe(201)
    const read = await send('GET', 'terms/1')
    expect(read.json).toMatchObject(row)
    const put = await send('PUT', 'terms/1', read.text, { 'content-type': 'application/json' })
    expect([put.status, put.json]).toEqual([200, read.json])
    expect((await send('GET', 'terms?until=infinity&rate=NaN')).json.count).toBe(1)
    expect((await send('GET', 'terms?until=-infinity')).json.count).toBe(0)
    const wrong = await send('PATCH', 'terms/1', {
      until: 'Infinity',
      ends: 'never',
      share: 'inf',
      rate: 'Infinity',
      closes: '24:00:01',
    })
    expect([wrong.status, fields(wrong)]).toEqual([422, ['until', 'ends', 'share', 'closes']])
    // which the server itself refuses, having digits for it
    const unbounded = await send('PATCH', 'terms/1', { rate: 'Infinity' })
    expect([unbounded.status, fields(unbounded)]).toEqual([422, ['rate']])
    expect((await send('DELETE', 'terms/1')).status).toBe(204)
  })

  test('numbers of any digits that the database has room for go in as they come out, and are keys', async () => {
    for (const id of [`1${'0'.repeat(250)}`, `0.${'0'.repeat(219)}15`]) {
      await sql(`INSERT INTO t.sums VALUES (${id}, ${id})`)
      const { status, json } = await send('GET', `sums/${id}`)
      expect([status, json?.id, json?.total]).toEqual([200, id, id])
      expect((await send('PUT', `sums/${id}`, json)).json).toEqual(json)
      expect((await send('GET', `sums?total=${id}`)).json.count).toBe(1)
      expect((await send('DELETE', `sums/${id}`)).status).toBe(204)
    }
  })

  test('decimals in lists and rows, and numbers in JSON that no double holds, are told with all their digits', async () => {
    await sql(`INSERT INTO t.prices VALUES (1, '{1.50,12345678901234567890.123,NULL,NaN}', ROW(1234567890123.45678, 'EUR'),
      '{0.1,0.30000000000000004,NaN}', '{"a": 1e400, "b": 1.50, "c": 9007199254740993}')`)
    const row = {
      id: 1,
      all_of: [1.5, '12345678901234567890.123', null, 'NaN'],
      one: { amount: '1234567890123.45678', currency: 'EUR' },
      shares: [0.1, 0.30000000000000004, 'NaN'],
      doc: { a: `1${'0'.repeat(400)}`, b: 1.5, c: '9007199254740993' },
    }
    const read = await send('GET', 'prices/1')
    expect(read.json).toMatchObject(row)
    expect((await send('GET', 'prices')).json.rows).toEqual([row])
    expect((await send('PUT', 'prices/1', read.json)).json).toEqual(read.json)
    const [kept] = await sql('SELECT CAST(all_of AS text) AS all_of, CAST(one AS text) AS one FROM t.prices')
    expect(kept).toEqual({ all_of: '{1.5,12345678901234567890.123,NULL,NaN}', one: '(1234567890123.45678,EUR)' })
  })

  test('a value that names what the database does not have, or is written as no other, is refused, with its column', async () => {
    const row = { of: 'pg_class', by: 'pg_backend_pid', words: "'a' 'b'", path: '$."a"', note: 'x' }
    expect((await send('POST', 'spoken', { id: 1, ...row })).json).toMatchObject(row)
    for (const [column, value] of [
      ['of', 'nonesuch'],
      ['of', 'no.such'],
      ['of', 'a.b.c'],
      ['of', 'a.b.c.d'],
      ['of', 'pg_class"'],
      ['by', 'nonesuch'],
      ['by', 'lower'],
      ['words', "'"],
      ['path', '$.'],
    ] as const) {
      const wrong = await send('PATCH', 'spoken/1', { note: 'y', [column]: value })
      expect([value, wrong.status, fields(wrong)]).toEqual([value, 422, [column]])
      const list = await send('POST', 'spoken', [{ id: 2 }, { id: 3, [column]: value }])
      expect([value, list.status, fields(list)]).toEqual([value, 422, [`1 ${column}`]])
      expect((await send('GET', `spoken?${column}=${encodeURIComponent(value)}`)).json.rows).toEqual([])
    }
    expect((await send('GET', 'spoken')).json.rows).toEqual([{ id: 1, ...row }])
  })

  test('a default of the table that names what there is not is no fault of the row', async () => {
    for (const rows of [{ id: 1 }, [{ id: 1 }, { id: 2 }]]) {
      const failed = await send('POST', 'unset', rows)
      expect([failed.status, failed.json.code, fields(failed)]).toEqual([503, 'data_changed', []])
    }
    expect((await send('POST', 'unset', { id: 1, tenant: 'a' })).status).toBe(201)
    expect((await send('GET', 'unset')).json.rows).toEqual([{ id: 1, tenant: 'a' }])
  })

  test('a row whose key is JSON is at no path, and none is said', async () => {
    const made = await send('POST', 'lists', { list: [1, 2], n: 1 })
    expect([made.status, made.headers.get('location'), made.json._links]).toEqual([
      201,
      null,
      { collection: { href: '/api/service/shop/lists' } },
    ])
    expect((await send('POST', 'lists', [{ list: [] }])).json).toEqual({ count: 1 })
    expect((await send('GET', 'lists/1%2C2')).status).toBe(404)
    expect((await send('GET', 'lists')).json.count).toBe(2)
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect([method, (await send(method, 'lists/1%2C2', { n: 2 })).status]).toEqual([method, 404])
  })

  test('a row is made at the path that it is found at, or not at all', async () => {
    const id = crypto.randomUUID()
    const capitals = await send('PUT', `typed/${id.toUpperCase()}`, { code: 'x' })
    expect([capitals.status, capitals.json.code]).toEqual([422, 'unacceptable_rows'])
    expect(capitals.text).not.toContain(id.toUpperCase())
    expect((await send('GET', `typed?id=${id}`)).json.rows).toEqual([])
    const made = await send('PUT', `typed/${id}`, { code: 'x' })
    expect(made.status).toBe(201)
    expect((await send('GET', `typed/${id}`)).status).toBe(200)
    expect((await send('DELETE', `typed/${id}`)).status).toBe(204)
  })

  test('answers that are kept for keys are kept again after somebody removed their table', async () => {
    const keyed = () => send('POST', 'typed', { code: 'k' }, { 'Idempotency-Key': crypto.randomUUID() })
    const made = [await keyed()]
    await sql('DROP TABLE callgate_replays')
    made.push(await keyed(), await keyed())
    expect(made.map(({ status }) => status)).toEqual([201, 503, 201])
    for (const { status, json } of made)
      if (status === 201) expect((await send('DELETE', `typed/${json.id}`)).status).toBe(204)
  })

  test('the table of answers that are kept for keys is made once, though many need it first at the same time', async () => {
    const keyed = (line: string) => send('POST', 'log', { line }, { 'Idempotency-Key': crypto.randomUUID() })
    await keyed('first')
    for (let round = 0; round < 40; round++) {
      await sql('DROP TABLE callgate_replays')
      expect((await keyed('lost')).status).toBe(503)
      const all = await Promise.all(Array.from({ length: 8 }, () => keyed('many')))
      expect(all.map(({ status }) => status)).toEqual(Array(8).fill(201))
    }
    await sql('DELETE FROM t.log')
  })

  test.each([
    ['mood', '"angry"'],
    ['code', '"abcd"'],
    ['small', '40000'],
    ['list', '"x"'],
    ['list', '["x"]'],
    ['span', '"[5,1)"'],
    ['address', '"10.0.0.256"'],
    ['made', '"never"'],
    ['binary_doc', '{"a": "\\u0000"}'],
    ['id', '"not a uuid"'],
  ])('a value that the database does not take is 422 and names the column: %s %s', async (column, text) => {
    const body = `{"code": "ok", "${column}": ${text}}`
    const one = await send('POST', 'typed', body, { 'content-type': 'application/json' })
    expect([one.status, one.json.code, fields(one)]).toEqual([422, 'unacceptable_rows', [column]])
    // the request's own id is of random digits, any of these among them
    const told = one.text.replace(one.json.request_id, '')
    expect(told).not.toMatch(/angry|abcd|40000|256|never|not a uuid|enum|invalid input/)
    const rows = `[${'{"code": "a"},'.repeat(1234)}${body},{"code": "b"}]`
    const many = await send('POST', 'typed', rows, { 'content-type': 'application/json' })
    expect([many.status, fields(many)]).toEqual([422, [`1234 ${column}`]])
    if (column === 'id') return
    const put = await send('PUT', 'typed/00000000-0000-0000-0000-000000000001', body, {
      'content-type': 'application/json',
    })
    expect([put.status, fields(put)]).toEqual([422, [column]])
    expect((await send('GET', 'typed')).json.count).toBe(0)
  })

  test('what the database gives may be left out, and PUT gives it anew; what it computes is not written', async () => {
    const made = await send('POST', 'typed', [{ code: 'a' }, { code: 'b', made: '2020-02-02' }, { code: 'c' }])
    expect(made.json.count).toBe(3)
    const rows = (await send('GET', 'typed?order=code')).json.rows
    expect(rows.map((r: { made: string }) => r.made)).toEqual([
      '2024-01-01T00:00:00Z',
      '2020-02-02T00:00:00Z',
      '2024-01-01T00:00:00Z',
    ])
    expect(made.json.keys.map((k: { id: string }) => k.id)).toEqual(rows.map((r: { id: string }) => r.id))
    const put = await send('PUT', `typed/${rows[1].id}`, { code: 'b', twice: 7 })
    expect([put.status, put.json.made, put.json.twice]).toEqual([200, '2024-01-01T00:00:00Z', null])
    for (const [method, path] of [
      ['POST', 'typed'],
      ['PATCH', `typed/${rows[1].id}`],
    ] as const)
      expect(fields(await send(method, path, { twice: 4 }))).toEqual(['twice'])
    const schema = (await world.admin('GET', '/api/datasets/t.typed/schema')).json
    expect([schema.required, schema.properties.twice.readOnly]).toEqual([[], true])
    for (const { id } of rows) await send('DELETE', `typed/${id}`)
    const account = await send('POST', 'accounts', { login: 'identity' })
    expect(account.json.id).toBePositive()
    expect((await send('PUT', `accounts/${account.json.id}`, { id: account.json.id, login: 'identity' })).status).toBe(
      200,
    )
    const own = await send('PUT', 'accounts/900000', { login: 'own' })
    expect([own.status, own.json.code]).toEqual([422, 'unacceptable_rows'])
  })

  test("constraints are the database's, and told without values", async () => {
    const first = await send('POST', 'accounts', { login: 'taken', secret: 's1', level: 1 })
    expect(first.status).toBe(201)
    const login = await send('POST', 'accounts', { login: 'taken' })
    expect([login.status, login.json.code, fields(login)]).toEqual([409, 'row_conflicts', ['login']])
    const both = await send('POST', 'accounts', [{ login: 'l1' }, { login: 'l2', level: 1 }])
    expect([both.status, fields(both), both.json.errors[0].message]).toEqual([
      409,
      ['1 region'],
      'There is a row with the same region, level already.',
    ])
    const check = await send('PATCH', `accounts/${first.json.id}`, { level: 0 })
    expect([check.status, check.json.code]).toEqual([422, 'unacceptable_rows'])
    const raised = await send('POST', 'accounts', { login: 'refused' })
    expect([raised.status, raised.text.includes('no refused')]).toEqual([422, false])
    const inItsWay = await send('POST', 'accounts', [{ login: 'fine' }, { login: 'refused otherwise' }])
    expect([inItsWay.status, fields(inItsWay), inItsWay.text.includes('no refused')]).toEqual([422, ['1'], false])
    // of what cannot be compressed an index takes less than 3 KB
    const long = Array.from({ length: 100 }, () => crypto.randomUUID()).join('')
    for (const rows of [{ login: long }, [{ login: 'fine' }, { login: long }]]) {
      const large = await send('POST', 'accounts', rows)
      expect([large.status, large.json.code, large.json.errors]).toEqual([
        422,
        'unacceptable_rows',
        [
          {
            ...(Array.isArray(rows) ? { row: 1 } : {}),
            message: 'A value is too large for the table or one of its indexes.',
          },
        ],
      ])
    }
    expect((await send('POST', 'visits', { account: 123456789 })).status).toBe(422)
    const visit = await send('POST', 'visits', { account: first.json.id })
    const needed = await send('DELETE', `accounts/${first.json.id}`)
    expect([needed.status, needed.json.code]).toEqual([409, 'row_needed'])
    await send('DELETE', `visits/${visit.json.id}`)
    expect((await send('DELETE', `accounts/${first.json.id}`)).status).toBe(204)
    for (const answer of [login, both, check, raised, needed])
      expect(answer.text).not.toMatch(/taken|_key|_check|constraint|Key \(/)
  })

  test('what a deferred constraint finds as the change is to be kept is refused, and not uncertain', async () => {
    const { json } = await send('POST', 'accounts', { login: 'guide' })
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const visit = (guide: number) => send('POST', 'visits', { account: json.id, guide }, headers)
    const refused = await visit(123456789)
    expect([refused.status, refused.json.code]).toEqual([422, 'unacceptable_rows'])
    expect(refused.text).not.toMatch(/_fkey|123456789/)
    const made = await visit(json.id)
    expect(made.status).toBe(201)
    const { json: account } = await send('POST', 'accounts', { login: 'visited' })
    await send('PATCH', `visits/${made.json.id}`, { account: account.id })
    const needed = await send('DELETE', `accounts/${json.id}`)
    expect([needed.status, needed.json.code]).toEqual([409, 'row_needed'])
    expect((await send('GET', `accounts/${json.id}`)).status).toBe(200)
    await sql('DELETE FROM t.visits; DELETE FROM t.accounts').simple()
  })

  test('a row that a trigger leaves out without a word is refused, and all of its list with it', async () => {
    const { json } = await send('POST', 'accounts', { login: 'permanent' })
    const list = [{ login: 'a' }, { login: 'b' }, { login: 'left out' }, { login: 'c' }]
    for (const [method, path, body, which] of [
      ['POST', 'accounts', { login: 'left out' }, ''],
      ['POST', 'accounts', list, '2'],
      ['PATCH', `accounts/${json.id}`, { login: 'left out' }, ''],
      ['PUT', `accounts/${json.id}`, { login: 'left out' }, ''],
      ['DELETE', `accounts/${json.id}`, undefined, ''],
    ] as const) {
      const answer = await send(method, path, body)
      expect([method, answer.status, fields(answer)]).toEqual([method, 422, [which]])
    }
    const rows = (await send('GET', 'accounts')).json.rows
    expect(rows.map((r: { login: string }) => r.login)).toEqual(['permanent'])
    await sql('ALTER TABLE t.accounts DISABLE TRIGGER kept; DELETE FROM t.accounts').simple()
    await sql('ALTER TABLE t.accounts ENABLE TRIGGER kept')
  })

  test('a deletion that the database makes a mark of is one, and the mark is kept', async () => {
    const { json } = await send('POST', 'accounts', { login: 'marked' })
    expect((await send('DELETE', `accounts/${json.id}`)).status).toBe(204)
    expect((await send('GET', `accounts/${json.id}`)).json.login).toBe('gone')
    await send('DELETE', `accounts/${json.id}`)
    const { json: unseen } = await send('POST', 'accounts', { login: 'marked' })
    expect((await send('DELETE', `regionally/${unseen.id}`)).status).toBe(204) // the mark is in a column that it does not have
    expect((await send('GET', `accounts/${unseen.id}`)).json.login).toBe('gone')
    await send('DELETE', `accounts/${unseen.id}`)
    const { json: permanent } = await send('POST', 'accounts', { login: 'permanent' })
    expect((await send('DELETE', `regionally/${permanent.id}`)).status).toBe(422)
    await send('PATCH', `accounts/${permanent.id}`, { login: 'no longer' })
    await send('DELETE', `accounts/${permanent.id}`)
  })

  test('columns that are of a domain are changed or left alone one by one, and are given what the domain gives', async () => {
    const made = await send('POST', 'boxes', [{ label: 'a' }, { label: 'b', size: 2 }])
    expect(made.status).toBe(201)
    const [first, second] = made.json.keys.map((k: { id: number }) => k.id)
    expect((await send('GET', `boxes/${first}`)).json).toMatchObject({ label: 'a', size: 1 })
    expect((await send('PATCH', `boxes/${second}`, { ordinality: 7 })).json).toMatchObject({ label: 'b', size: 2 })
    expect((await send('PUT', `boxes/${second}`, { label: 'c' })).json).toMatchObject({ size: 1, ordinality: null })
    for (const [body, field] of [
      [{ label: null }, ['label']],
      [{ size: 'many' }, ['size']],
      [{ label: '' }, ['']],
    ] as const)
      expect(fields(await send('PATCH', `boxes/${second}`, body))).toEqual([...field])
    const schema = (await world.admin('GET', '/api/datasets/t.boxes/schema')).json
    expect(schema.required).toEqual(['label'])
    await sql('DELETE FROM t.boxes')
  })

  test('a column may be called as what a statement calls its own', async () => {
    const rows = [3, 1, 2].map(ordinality => ({ label: 'x', ordinality, e: -ordinality }))
    const made = await send('POST', 'boxes', rows)
    expect([made.status, made.json.count]).toEqual([201, 3])
    const { json } = await send('GET', 'boxes?order=id')
    expect(json.rows.map((r: { ordinality: number }) => r.ordinality)).toEqual([3, 1, 2])
    expect(json.rows.map((r: { e: number }) => r.e)).toEqual([-3, -1, -2])
    expect((await send('PATCH', `boxes/${json.rows[0].id}`, { ordinality: 4 })).json.ordinality).toBe(4)
    await sql('DELETE FROM t.boxes')
  })

  test('a list whose rows leave out one thing or another is added whole, in a few statements', async () => {
    const row = (n: number) => ({ label: `box ${n}`, ordinality: n, ...(n % 2 ? { size: 7 } : {}) })
    const rows = Array.from({ length: 20_000 }, (_, n) => row(n)) // one after the other they take half a minute
    const made = await send('POST', 'boxes', rows)
    expect([made.status, made.json.count, made.json.keys.length]).toEqual([201, rows.length, rows.length])
    for (const n of [0, 1, 2, 1999, 19_998, 19_999]) {
      const { json } = await send('GET', `boxes/${made.json.keys[n].id}`)
      expect([json.label, json.ordinality, json.size]).toEqual([`box ${n}`, n, n % 2 ? 7 : 1])
    }
    const refused = await send('POST', 'boxes', [...rows.slice(0, 100), { label: 'x', size: 2 ** 40 }])
    expect([refused.status, fields(refused)]).toEqual([422, ['100 size']])
    const [{ n }] = await sql('SELECT count(*)::int AS n FROM t.boxes')
    expect(n).toBe(rows.length)
    await sql('DELETE FROM t.boxes')
  })

  test('rows of a long list may refer to those before them, whatever they leave out', async () => {
    const node = (n: number) => ({ id: n, parent: n ? n - 1 : null, ...(n % 2 ? { kind: 'odd' } : {}) })
    const made = await send(
      'POST',
      'nodes',
      Array.from({ length: 60 }, (_, n) => node(n)),
    )
    expect([made.status, made.json.count]).toEqual([201, 60])
    expect((await send('GET', 'nodes?kind=odd')).json.count).toBe(30)
    expect(
      (
        await send(
          'POST',
          'nodes',
          Array.from({ length: 60 }, (_, n) => node(100 + n)),
        )
      ).status,
    ).toBe(422)
    await sql('DELETE FROM t.nodes')
  })

  test('columns that the database gives may be left out of an endpoint that makes rows', async () => {
    const made = await send('POST', 'briefly', { login: 'brief' })
    expect([made.status, Object.keys(made.json)]).toEqual([201, ['id', 'login', '_links']])
    expect((await send('GET', `accounts/${made.json.id}`)).json.region).toBe('north')
    await send('DELETE', `accounts/${made.json.id}`)
  })

  test('a scope on a column that the database gives or computes holds for what it has given', async () => {
    for (const [twice, small, status] of [
      [[4], 2, 201],
      [[4, 6], 3, 201],
      [[4], 3, 403],
      [[4, 6], 1, 403],
    ] as const) {
      const scoped = world.as(await world.mint({ ...RAW, row_scope: { twice } }))
      const posted = await scoped('POST', 'typed', { small })
      expect([twice, small, posted.status, posted.json.twice]).toEqual([
        twice,
        small,
        status,
        status === 201 ? small * 2 : undefined,
      ])
      const put = await scoped('PUT', `typed/${crypto.randomUUID()}`, { small })
      expect([twice, small, put.status]).toEqual([twice, small, status])
    }
    await sql('DELETE FROM t.typed')
    for (const [region, status] of [
      [['north', 'west'], 201],
      [['south', 'west'], 403],
      [['west'], 201],
    ] as const) {
      const scoped = world.as(await world.mint({ ...RAW, row_scope: { region } }))
      for (const path of ['accounts', 'briefly'])
        expect([region, path, (await scoped('POST', path, { login: `scoped ${path}` })).status]).toEqual([
          region,
          path,
          status,
        ])
      await sql(`DELETE FROM t.accounts WHERE login LIKE 'scoped%'`)
    }
  })

  test('a merge patch leaves the other members as they are, whatever digits their numbers have', async () => {
    const { json } = await send('POST', 'values', { doc: {} })
    const doc = '{"note":"1e999","exact":0.1234567890123456789,"list":[1e400,-123456789012345678901234567890.5,7]}'
    await sql(`UPDATE t.values SET doc = '${doc}' WHERE id = ${json.id}`)
    expect((await send('PATCH', `values/${json.id}`, { doc: { note: 'new' } })).status).toBe(200)
    const [row] = await sql(`SELECT CAST(doc AS text) AS doc FROM t.values WHERE id = ${json.id}`)
    expect(row.doc).toBe(doc.replace('1e999', 'new'))
    expect((await send('PATCH', `values/${json.id}`, { doc: { exact: { a: 1 } } })).json.doc.exact).toEqual({ a: 1 })
    await send('DELETE', `values/${json.id}`)
  })

  test('a key that is there already in a part of a table is told as such', async () => {
    expect((await send('POST', 'parts', { id: 1, n: 1 })).status).toBe(201)
    const again = await send('POST', 'parts', [
      { id: 2, n: 1 },
      { id: 1, n: 2 },
    ])
    expect([again.status, again.json.code, again.json.errors[0].row]).toEqual([409, 'row_exists', 1])
    const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => send('PUT', 'parts/900', { n })))
    expect(answers.map(a => a.status).sort()).toEqual([...Array(15).fill(200), 201])
    expect((await send('POST', 'parts', { id: 5000, n: 1 })).status).toBe(422)
  })

  test('numbers that are equal are the same in a scope and a path, however many zeros they are written with', async () => {
    const scoped = world.as(await world.mint({ ...RAW, row_scope: { total: ['1.0'] } }))
    expect((await scoped('POST', 'sums', { id: '7.50', total: '01.00' })).json).toMatchObject({ total: '1.00' })
    expect((await scoped('POST', 'sums', { id: 8, total: '1.01' })).status).toBe(403)
    const read = await scoped('GET', 'sums/7.5')
    expect(read.json.id).toBe('7.50')
    expect((await scoped('PUT', 'sums/7.5', read.text, { 'content-type': 'application/json' })).status).toBe(200)
    expect((await scoped('PUT', 'sums/7.5', { id: '7.51', total: 1 })).status).toBe(422)
  })

  test('a row is linked to in one way, however it was asked for', async () => {
    const made = await send('POST', 'hours', { at: '2024-05-01T10:00:00+02:00', n: 1 })
    const path = made.headers.get('location')!
    expect(path).toEndWith('/hours/2024-05-01T08%3A00%3A00Z')
    for (const id of ['2024-05-01T08:00:00Z', '2024-05-01T08:00', '2024-05-01T10:00:00%2B02:00'])
      expect((await send('GET', `hours/${id}`)).json._links.self.href).toBe(path)
  })

  test('a conflict in a column that the key does not see names nothing', async () => {
    const { json } = await send('POST', 'accounts', { login: 'hidden', secret: 'the secret' })
    const masked = world.as(await world.mint({ allowed_methods: VERBS }))
    const narrow = world.as(await world.mint({ ...RAW, allowed_columns: ['id', 'secret'] }))
    const taken = await narrow('PATCH', `accounts/${json.id}`, { secret: 'the secret' })
    expect(taken.status).toBe(200)
    const conflict = await masked('POST', 'accounts', { login: 'hidden' })
    expect(fields(conflict)).toEqual(['login'])
    const { json: other } = await send('POST', 'accounts', { login: 'other' })
    await sql(`CREATE UNIQUE INDEX hidden_part ON t.accounts (secret, level)`)
    await send('PATCH', `accounts/${json.id}`, { level: 7 })
    await sql(`UPDATE t.accounts SET secret = NULL WHERE login = 'other'`)
    await sql(
      `DROP INDEX t.hidden_part; CREATE UNIQUE INDEX hidden_part ON t.accounts (coalesce(secret, 'the secret'), level)`,
    ).simple()
    const refused = await masked('PATCH', `accounts/${other.id}`, { level: 7, region: 'elsewhere' })
    expect([refused.status, refused.json.code, fields(refused)]).toEqual([409, 'row_conflicts', ['']])
    expect(refused.text).not.toMatch(/secret|hidden|level/)
    await sql('DROP INDEX t.hidden_part; DELETE FROM t.accounts').simple()
  })

  test('a row that the database itself takes out of the scope is not kept', async () => {
    const north = world.as(await world.mint({ ...RAW, row_scope: { region: ['north'] } }))
    const made = await north('POST', 'accounts', { login: 'stays' })
    expect([made.status, made.json.region]).toEqual([201, 'north'])
    for (const [method, path, body] of [
      ['POST', 'accounts', { login: 'moved' }],
      ['POST', 'accounts', [{ login: 'a' }, { login: 'moved' }]],
      ['PATCH', `accounts/${made.json.id}`, { login: 'moved' }],
      ['PUT', `accounts/${made.json.id}`, { login: 'moved' }],
    ] as const) {
      const { status, json } = await north(method, path, body)
      expect([method, status, json.code]).toEqual([method, 403, 'out_of_scope'])
    }
    expect((await send('GET', 'accounts')).json.rows.map((r: { login: string }) => r.login)).toEqual(['stays'])
    await sql('DELETE FROM t.accounts')
  })

  test('others who write to the table are met: their changes are seen, their locks waited for', async () => {
    const made = await send('PUT', 'named/shared', { n: 1 })
    await sql(`UPDATE t.named SET n = 2 WHERE name = 'shared'`)
    expect((await send('GET', 'named/shared')).json.n).toBe(2)
    expect((await send('PATCH', 'named/shared', { n: 3 }, { 'if-match': made.headers.get('etag')! })).status).toBe(412)
    const other = await world.database!.sql.reserve()
    await other.unsafe('BEGIN')
    await other.unsafe(`UPDATE t.named SET n = 10 WHERE name = 'shared'`)
    const { headers } = await send('GET', 'named/shared')
    const waiting = send('PATCH', 'named/shared', { n: 3 }, { 'if-match': headers.get('etag')! })
    await waitFor(async () => {
      const [{ n }] = await sql(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return n > 0 || undefined
    })
    await other.unsafe('COMMIT')
    other.release()
    expect((await waiting).status).toBe(412)
    await sql(`DELETE FROM t.named WHERE name = 'shared'`)
    expect((await send('PATCH', 'named/shared', { n: 3 })).status).toBe(404)
  })

  test('what waits for a row or a table that somebody has locked keeps nobody from others', async () => {
    const ofRow = await Promise.all([0, 1].map(n => send('PUT', `named/locked${n}`, { n: 0 })))
    expect(ofRow.map(a => a.status)).toEqual([201, 201])
    const waiters = async () => {
      const [{ n }] = await sql(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return n > 0 || undefined
    }
    for (const [lock, waiting, others] of [
      [
        `UPDATE t.named SET n = -1 WHERE name = 'locked0'`,
        () => send('PATCH', 'named/locked0', { n: 1 }),
        () => [
          send('PATCH', 'named/locked1', { n: 1 }),
          send('POST', 'log', { line: 'x' }),
          send('GET', 'named/locked0'),
        ],
      ],
      [
        'LOCK TABLE t.log IN EXCLUSIVE MODE',
        () => send('POST', 'log', { line: 'x' }),
        () => [send('PATCH', 'named/locked1', { n: 2 }), send('GET', 'log?limit=1')],
      ],
    ] as const) {
      const other = await world.database!.sql.reserve()
      await other.unsafe('BEGIN')
      await other.unsafe(lock)
      const all = Array.from({ length: 16 }, waiting)
      await waitFor(waiters)
      for (const { status } of await Promise.all(others())) expect([200, 201]).toContain(status)
      await other.unsafe('COMMIT')
      other.release()
      for (const { status } of await Promise.all(all)) expect([200, 201]).toContain(status)
    }
    expect((await send('GET', 'named/locked0')).json.n).toBe(1)
    await sql(`DELETE FROM t.named WHERE name LIKE 'locked%'; DELETE FROM t.log`).simple()
  })

  test('of many who create the same row by PUT one does, and the others replace it', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => send('PUT', 'named/met', { n })))
    expect(answers.filter(a => a.status === 201)).toHaveLength(1)
    expect(answers.filter(a => a.status === 200)).toHaveLength(15)
    expect((await send('DELETE', 'named/met')).status).toBe(204)
    // one that somebody else creates meanwhile is replaced
    const other = await world.database!.sql.reserve()
    await other.unsafe('BEGIN')
    await other.unsafe(`INSERT INTO t.named VALUES ('met', 1)`)
    const meeting = send('PUT', 'named/met', { n: 2 })
    await waitFor(async () => {
      const [{ n }] = await sql(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return n > 0 || undefined
    })
    await other.unsafe('COMMIT')
    other.release()
    const met = await meeting
    expect([met.status, met.json.n]).toEqual([200, 2])
    expect((await send('DELETE', 'named/met')).status).toBe(204)
  })

  test('nor is a row that others create unknown where transactions see what there was when they began', async () => {
    const anew = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callgate'`
    await sql(`ALTER ROLE owner SET default_transaction_isolation = 'repeatable read'; ${anew}`).simple()
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => send('PUT', `named/met${round}`, { n })))
      const statuses = answers.map(a => a.status)
      expect(statuses.filter(status => status === 201)).toHaveLength(1)
      for (const status of statuses) expect([200, 201, 503]).toContain(status)
    }
    await sql(`ALTER ROLE owner RESET default_transaction_isolation; ${anew}`).simple()
    await sql(`DELETE FROM t.named WHERE name LIKE 'met%'`)
  })

  test('a view is written to where the database can, else it is 403', async () => {
    const made = await send('POST', 'accounts', { login: 'through a view' })
    expect((await send('PATCH', `logins/${made.json.id}`, { login: 'renamed' })).json.login).toBe('renamed')
    const refused = await send('DELETE', 'counted/north')
    expect([refused.status, refused.json.code]).toEqual([403, 'database_refuses'])
    await sql('DELETE FROM t.accounts')
  })

  test('a table that was declared to be read is written to only where an administrator of the installation says so', async () => {
    const person = { username: 'ed', password: 'correct horse battery' }
    await world.admin('POST', '/api/users', { ...person, roles: { shop: 'admin' } })
    const { access_token } = (await world.callgate.call('/api/auth/login', { body: person })).json
    const turn = async (writable: boolean, headers: Record<string, string> = {}) => {
      const path = '/api/datasets/t.fixed'
      const { status } = await world.callgate.admin('PATCH', path, { writable }, headers)
      return [status, (await world.admin('GET', path)).json.writable]
    }
    const asEditor = { authorization: `Bearer ${access_token}` }
    expect(await turn(true, asEditor)).toEqual([403, false])
    expect(await turn(true)).toEqual([200, true])
    expect(await turn(true, asEditor)).toEqual([200, true])
    expect(await turn(false, asEditor)).toEqual([200, false])
  })

  test('a connection whose user may not write is told so, and may not keep answers', async () => {
    await sql(
      `CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA t TO reader; GRANT SELECT ON t.named TO reader`,
    ).simple()
    const url = new URL(world.database!.url)
    url.username = 'reader'
    url.password = 'reader'
    writeFileSync(join(world.folder, 'reader.url'), String(url))
    expect(
      (
        await world.admin('POST', '/api/connections', {
          name: 'reader',
          kind: 'postgres',
          url_file: join(world.folder, 'reader.url'),
        })
      ).status,
    ).toBe(201)
    const body = { name: 'r.named', engine: 'postgres', connection: 'reader', table: 't.named', writable: true }
    const made = await world.admin('POST', '/api/datasets', body)
    expect([made.status, made.json.writable]).toEqual([201, true])
    const config = { endpoints: [{ id: 'rows', kind: 'table', dataset: 'r.named', methods: VERBS }] }
    const { json } = await world.admin('POST', '/api/publish/assets', {
      asset_type: 'api_service',
      asset_key: 'reader',
      config,
    })
    await world.admin('POST', `/api/publish/assets/${json.id}/publish`, {})
    const key = await world.mint(RAW, json.id)
    const ask = (headers: Record<string, string> = {}) =>
      world.callgate.call('/api/service/reader/rows', { method: 'POST', key, body: { name: 'x', n: 1 }, headers })
    const refused = await ask()
    expect([refused.status, refused.json.code]).toEqual([403, 'database_refuses'])
    expect((await ask({ 'idempotency-key': 'x' })).status).toBe(501)
    await sql(
      `CREATE SCHEMA own AUTHORIZATION reader; ALTER ROLE reader SET search_path = own;
       ALTER ROLE reader SET default_transaction_read_only = on`,
    ).simple()
    // not together: a connection that is made anew before that is committed is as before
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'`)
    await ask({ 'idempotency-key': 'y' }) // finds that the table of answers is gone
    // a server that only reads, as one does that follows another, keeps nothing for now: that is not for ever
    const standby = await ask({ 'idempotency-key': 'y' })
    expect([standby.status, standby.json.code]).toEqual([403, 'database_refuses'])
  })

  test('a row that a policy of the table lets be read, and not written to, is refused and not unknown', async () => {
    await sql(
      `CREATE ROLE member LOGIN PASSWORD 'member'; GRANT USAGE ON SCHEMA t TO member;
       CREATE TABLE t.notes (id int PRIMARY KEY, owner text, note text);
       INSERT INTO t.notes VALUES (1, 'member', 'own'), (2, 'other', 'of others'), (3, 'nobody', 'secret');
       GRANT ALL ON t.notes TO member; ALTER TABLE t.notes ENABLE ROW LEVEL SECURITY;
       CREATE POLICY read ON t.notes FOR SELECT USING (owner <> 'nobody');
       CREATE POLICY made ON t.notes FOR INSERT WITH CHECK (true);
       CREATE POLICY changed ON t.notes FOR UPDATE USING (owner = 'member');
       CREATE POLICY gone ON t.notes FOR DELETE USING (owner = 'member')`,
    ).simple()
    const url = new URL(world.database!.url)
    url.username = 'member'
    url.password = 'member'
    writeFileSync(join(world.folder, 'member.url'), String(url))
    const connection = { name: 'member', kind: 'postgres', url_file: join(world.folder, 'member.url') }
    expect((await world.admin('POST', '/api/connections', connection)).status).toBe(201)
    const dataset = { name: 'm.notes', engine: 'postgres', connection: 'member', table: 't.notes', writable: true }
    expect((await world.admin('POST', '/api/datasets', dataset)).status).toBe(201)
    const config = { endpoints: [{ id: 'notes', kind: 'table', dataset: 'm.notes', methods: VERBS }] }
    const asset = { asset_type: 'api_service', asset_key: 'member', config }
    const { json } = await world.admin('POST', '/api/publish/assets', asset)
    await world.admin('POST', `/api/publish/assets/${json.id}/publish`, {})
    const key = await world.mint(RAW, json.id)
    const ask = async (method: string, id: number, body?: object) => {
      const answer = await world.callgate.call(`/api/service/member/notes/${id}`, {
        method,
        key,
        ...(body && { body }),
      })
      return [answer.status, ...(answer.json?.code ? [answer.json.code] : [])]
    }
    const note = { owner: 'other', note: 'new' }
    expect(await ask('GET', 2)).toEqual([200])
    expect(await ask('PATCH', 2, { note: 'new' })).toEqual([403, 'database_refuses'])
    expect(await ask('PUT', 2, note)).toEqual([403, 'database_refuses'])
    expect(await ask('DELETE', 2)).toEqual([403, 'database_refuses'])
    expect(await ask('PUT', 4, note)).toEqual([201])
    for (const method of ['PATCH', 'DELETE'])
      for (const id of [3, 5])
        expect(await ask(method, id, method === 'PATCH' ? { note: 'x' } : undefined)).toEqual([404, 'row_unknown'])
    expect(await ask('PATCH', 1, { note: 'new' })).toEqual([200])
    expect(await ask('DELETE', 1)).toEqual([204])
    const left = await sql('SELECT id, note FROM t.notes ORDER BY id')
    expect([...left]).toEqual([
      { id: 2, note: 'of others' },
      { id: 3, note: 'secret' },
      { id: 4, note: 'new' },
    ])
  })

  test('writes are made on connections of before a change of the table, or that the server has ended', async () => {
    const { json } = await send('POST', 'boxes', { label: 'x' })
    const used = () =>
      Promise.all(Array.from({ length: 8 }, () => send('PATCH', `boxes/${json.id}`, { ordinality: 1 })))
    for (const change of [
      'ALTER TABLE t.boxes ALTER ordinality TYPE bigint',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callgate'`,
    ]) {
      expect((await used()).map(a => a.status)).toEqual(Array(8).fill(200))
      await sql(change)
      for (let n = 0; n < 10; n++) {
        const { status } = await send('PATCH', `boxes/${json.id}`, { ordinality: n })
        expect([change, n, status]).toEqual([change, n, 200])
      }
    }
    await sql('DELETE FROM t.boxes')
  })

  test("an Idempotency-Key is not another installation's that writes to the same database", async () => {
    const env = { TABLES_URL: world.database!.url }
    const other = await startCallgate({ env, manifest: world.manifest() })
    const scope = { 'x-project-id': world.project }
    const minted = await other.admin('POST', `/api/publish/assets/${world.service}/api-keys`, RAW, scope)
    // the ids of projects and keys are the same there
    expect([minted.status, minted.json.id]).toEqual([201, 1])
    const headers = { 'idempotency-key': 'of-two' }
    const body = { line: 'of two' }
    expect((await send('POST', 'log', body, headers)).status).toBe(201)
    const call = { method: 'POST', key: minted.json.key, body, headers }
    const answer = await other.call('/api/service/shop/log', call)
    expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([201, null])
    expect((await send('GET', 'log?line=of%20two')).json.count).toBe(2)
    await other.stop()
  })

  test('which keys called the tables of a connection is told, of those alone that are its', async () => {
    expect((await send('GET', 'named')).status).toBe(200)
    const { status, json } = await world.admin('GET', '/api/usage/callers?connection=main')
    const endpoints = json.uses.map((use: { endpoint: string }) => use.endpoint)
    expect([status, endpoints]).toEqual([200, expect.arrayContaining(['named', 'typed'])])
    expect(json.callers.map((caller: { endpoint: string }) => caller.endpoint)).toContain('named')
    await world.admin('POST', '/api/connections', { name: 'unused', url_env: 'TABLES_URL' })
    const unused = (await world.admin('GET', '/api/usage/callers?connection=unused')).json
    expect([unused.uses, unused.callers]).toEqual([[], []])
    expect((await world.admin('DELETE', '/api/connections/unused')).status).toBe(200)
  })

  test('a database that goes away is 503, and writes go on by themselves when it is back', async () => {
    await send('PUT', 'named/kept', { n: 1 })
    await world.database!.kill()
    const lost = await send('PATCH', 'named/kept', { n: 2 })
    expect([lost.status, lost.json.code, lost.headers.get('retry-after')]).toEqual([503, 'connection_lost', '5'])
    expect((await send('GET', 'named/kept')).status).toBe(503)
    await world.database!.start()
    expect((await send('PATCH', 'named/kept', { n: 3 })).status).toBe(200)
    expect((await send('GET', 'named/kept')).json.n).toBe(3)
  })
}

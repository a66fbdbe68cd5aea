import { beforeAll, expect, test } from 'bun:test'
import { readCsv } from '../../read-csv.ts'
import { sendRaw } from '../raw-http.ts'
import { filter, source, type World } from './world.ts'

const CSV = 'text/csv; charset=utf-8; header=present'
const NDJSON = 'application/x-ndjson'

export function formats(world: World): void {
  let key: string
  let rawKey: string
  const ask = (path: string, headers: Record<string, string> = {}, secret = rawKey) =>
    world.call(`/api/service/forms/${path}`, { key: secret, headers })
  const lines = (text: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))

  beforeAll(async () => {
    const columns = ['id', 'name', 'email', 'plan', 'visits', 'balance', 'score', 'active', 'born', 'since', 'passport']
    const asset = await world.publish('forms', [
      { id: 'all', kind: 'sql', query: { source, columns, filters: [filter('region', 'eq')] } },
      {
        id: 'counted ü',
        kind: 'sql',
        query: { source, columns: ['id'], pagination: { default_limit: 8, total: true } },
      },
      {
        id: 'plans',
        kind: 'sql',
        query: { source, columns: ['plan'], distinct: true, pagination: { default_limit: 2 } },
      },
      { id: 'one', kind: 'lookup', dataset: 'marts.customers', key_column: 'id' },
    ])
    key = (await world.mint({ sensitivity_max: 'high' }, asset)).key
    rawKey = (await world.mint({ masking_level: 'unmasked', sensitivity_max: 'critical' }, asset)).key
  })

  test('json, csv and ndjson hold the same rows, for every policy', async () => {
    for (const secret of [key, rawKey]) {
      const { json } = await ask('all', {}, secret)
      const csv = await ask('all?format=csv', {}, secret)
      const ndjson = await ask('all?format=ndjson', {}, secret)
      expect([csv.headers.get('content-type'), ndjson.headers.get('content-type')]).toEqual([CSV, NDJSON])
      const [header, ...records] = readCsv(csv.text)
      expect(header).toEqual(json.columns.map((c: { name: string }) => c.name))
      const text = (value: unknown) => (value === null ? null : String(value))
      expect(records).toEqual(json.rows.map((row: object) => Object.values(row).map(text)))
      expect(lines(ndjson.text)).toEqual(json.rows)
      expect(ndjson.text.endsWith('}\n')).toBe(true)
    }
  })

  test('in csv NULL is an empty field and empty text is "", each exactly as its JSON otherwise', async () => {
    const { text } = await ask('all?format=csv&limit=8')
    const records = text.split('\r\n')
    expect(records[0]).toBe('id,name,email,plan,visits,balance,score,active,born,since,passport')
    expect(records[3]).toBe(
      '3,Alan Turing,person3@example.org,premium,9223372036854775807,1234567890123456.78,0.75,false,1972-03-03,2024-01-03T08:30:00,P1003',
    )
    expect(records[7]).toStartWith('7,Alan Turing,,,70,')
    expect(records[8]).toStartWith('8,Zoë Ångström,person8@example.org,"",80,')
    const masked = (await ask('all?format=csv&limit=1', {}, key)).text
    expect(masked).toMatch(
      /^[\w,]+\r\n1,A\. L\.,p\*\*\*@example\.org,free,10,1\.50,0\.25,false,1970,[^,]+,[0-9a-f]{16}\r\n$/,
    )
  })

  test('an export that is imported gives the same rows again', async () => {
    const { text } = await ask('all?format=csv')
    const form = new FormData()
    form.set('file', new File([text], 'again.csv'))
    form.set('name', 'forms.again')
    form.set('types', JSON.stringify({ balance: 'decimal' }))
    form.set('columns', JSON.stringify(Object.fromEntries(['name', 'email'].map(c => [c, { sensitivity: 'low' }]))))
    const uploaded = await world.admin('POST', '/api/datasets/file/upload', form, {
      'x-project-id': String(world.shop),
    })
    expect(uploaded.status).toBe(201)
    const again = await world.query('forms-again', { source: { schema: 'forms', table: 'again' } })
    expect((await again()).json.rows).toEqual((await ask('all')).json.rows)
    expect((await again('format=csv')).text).toBe(text)
  })

  test.each([
    ['text/csv', CSV],
    ['TEXT/CSV; charset=utf-8', CSV],
    ['application/x-ndjson', NDJSON],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['text/*', CSV],
    ['text/html, text/csv;q=0.5, */*;q=0.1', CSV],
    ['application/json;q=0.4, application/x-ndjson;q=0.8', NDJSON],
    ['application/json;q=0, */*', CSV],
    ['*/*;q=0.5, application/json;q=0.4', CSV],
    ['text/html, application/xhtml+xml, */*;q=0.8', 'application/json'],
    ['application/json;q=0.001', 'application/json'],
    // of Java's HttpURLConnection
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'application/json'],
    ['text/csv;q=0., application/x-ndjson;q=.5', NDJSON],
  ])('Accept: %s is answered as %s', async (accept, type) => {
    const answer = await ask('one?id=1', { accept })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type])
    expect(answer.headers.get('vary')).toBe('X-API-Key, Authorization, Accept')
  })

  test.each(['image/png', 'text/html', 'application/json;q=0', 'text/csv;q=2', '', ',', 'a/b;q=x, text/csv;q=no'])(
    'Accept: %p names nothing that is served: 406 that says what is',
    async accept => {
      const answer = await ask('one?id=1', { accept })
      expect([answer.status, answer.json.code]).toEqual([406, 'not_acceptable'])
      expect(answer.json.detail).toContain('application/json, text/csv, application/x-ndjson')
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
    },
  )

  test('?format wins over Accept; one that is unknown or repeated is 400 that names the parameter', async () => {
    const answer = await ask('one?id=1&format=ndjson', { accept: 'image/png' })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, NDJSON])
    for (const query of ['format=xml', 'format=', 'format=CSV', 'format=csv&format=csv', 'format=%00<b>']) {
      const refused = await ask(`one?id=1&${query}`)
      expect([query, refused.status, refused.json.detail]).toEqual([
        query,
        400,
        'format must be one of json, csv, ndjson.',
      ])
    }
    expect((await ask('one?id=x&format=csv')).headers.get('content-type')).toBe('application/problem+json')
  })

  test('a file is named after its endpoint', async () => {
    const nameOf = async (path: string) => (await ask(`${path}format=csv`)).headers.get('content-disposition')
    expect(await nameOf('all?')).toBe('attachment; filename="all.csv"')
    expect(await nameOf('counted%20%C3%BC?')).toBe(
      `attachment; filename="counted__.csv"; filename*=UTF-8''counted%20%C3%BC.csv`,
    )
  })

  test('the next page is a Link, by cursor where there is one, until there is none; the total is a header', async () => {
    for (const format of ['csv', 'ndjson'])
      for (const [path, cursor] of [
        [`counted%20%C3%BC?format=${format}`, true],
        [`plans?format=${format}`, true],
        [`counted%20%C3%BC?format=${format}&limit=7&offset=1`, true],
      ] as const) {
        const pages: string[] = []
        const wanted = (await ask(`${path.slice(0, path.indexOf('?'))}?limit=100`)).json
        for (let next: string | undefined = `/api/service/forms/${path}`; next; ) {
          const page = await world.call(next, { key: rawKey })
          expect(page.status).toBe(200)
          pages.push(...(format === 'csv' ? page.text.split('\r\n').slice(1, -1) : page.text.split('\n').slice(0, -1)))
          expect(page.headers.get('x-total-count')).toBe(wanted.total === undefined ? null : String(wanted.total))
          const link = page.headers.get('link')
          next = link === null ? undefined : /^<([^>]+)>; rel="next"$/.exec(link)![1]
          if (next) expect([next.includes('cursor='), next.includes('offset=')]).toEqual([cursor, false])
        }
        const skipped = path.includes('offset=1') ? 1 : 0
        expect(pages).toHaveLength((wanted.total ?? wanted.count) - skipped)
        expect(new Set(pages).size).toBe(pages.length)
      }
  })

  test('a page says where the next is to a caller without a usable Host too, as a path', async () => {
    for (const first of ['HTTP/1.0', 'HTTP/1.1\r\nHost: [']) {
      const request = `GET /api/service/forms/counted%20%C3%BC?format=csv ${first}\r\nX-API-Key: ${rawKey}\r\n\r\n`
      const page = await sendRaw(world.callgate.url, [request])
      expect(page.status).toBe(200)
      expect(page.head).toMatch(/^link: <\/api\/service\/forms\/counted%20%C3%BC\?[^>]+>; rel="next"$/im)
    }
  })

  test('HEAD has the headers of GET and no body, in every format', async () => {
    for (const path of ['all', 'all?format=csv&limit=3', 'counted%20%C3%BC?format=ndjson', 'one?id=1']) {
      const get = await ask(path)
      const head = await world.call(`/api/service/forms/${path}`, { method: 'HEAD', key: rawKey })
      expect([head.status, head.text]).toEqual([200, ''])
      for (const name of ['content-type', 'content-length', 'etag', 'link', 'x-total-count', 'cache-control', 'vary'])
        expect([path, name, head.headers.get(name)]).toEqual([path, name, get.headers.get(name)])
    }
  })

  test('no match is a header line alone, and no line at all', async () => {
    expect((await ask('one?id=999&format=csv')).text).toMatch(/^id,name,[\w,]+\r\n$/)
    expect((await ask('one?id=999&format=ndjson')).text).toBe('')
  })

  test('a dry-run answers JSON only', async () => {
    const path = `/api/api-services/${world.service}/endpoints/customer/test`
    expect((await world.admin('POST', path, { id: 1, format: 'csv' })).status).toBe(422)
    expect((await world.admin('POST', path, { id: 1, format: 'json' })).status).toBe(200)
  })
}

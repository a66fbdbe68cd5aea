/** Functions, from source and as the executable: what they get and give, at publish, in a dry-run and in a call. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import {
  type Callgate,
  type CallInit,
  cleanUp,
  FIXTURES,
  startCallgate,
  TARGETS,
  temporaryFolder,
  waitFor,
} from '../harness.ts'

setDefaultTimeout(180_000)

const EXAMPLES = resolve(import.meta.dir, '../../examples')
const FAILS = `type Body = { x: number }
export default (request: { body: Body }, host: any) => {
  host.log('before', request.body.x)
  return (request as any).nothing.secret_value
}`
const WIDE = `const größe = ({ maß }: { maß?: number[] }) => { /* 😀 */ return maß!.length }
export default () => '漢字' + größe({})`
const named = (id: string, handler: string, more: object = {}) => ({ id, kind: 'function', handler, ...more })
const lookup = { id: 'customer', kind: 'lookup', dataset: 'shop.customers', key_column: 'customer_key' }
const endpoints = [
  lookup,
  { id: 'churn', kind: 'model', model: 'churn' },
  { id: 'long', kind: 'lookup', dataset: 'shop.long', key_column: 'id' },
  named('request', 'export default request => request', { methods: ['GET', 'POST', 'PUT', 'DELETE'] }),
  named(
    'kind',
    `export default ({ body }) => body instanceof Uint8Array ? ['bytes', ...body] : [typeof body, body ?? null]`,
  ),
  named(
    'reply',
    `export default ({ body }, host) => {
      if (body === 'text') return host.reply('héllo', { status: 201, headers: { 'X-Made': 1, 'content-type': 'text/html' } })
      if (body === 'bytes') return host.reply(new Uint8Array([1, 0, 255]))
      if (body === 'empty') return host.reply(null, { status: 204 })
      if (body === 'json') return host.reply({ a: [1] }, { status: 404 })
      if (body === 'untyped') return host.reply({ a: 1 }, { headers: { 'content-type': ' ' } })
      if (body === 'refuse') throw host.error(409, 'it is taken')
      return body
    }`,
  ),
  named(
    'large',
    `export default ({ body: [kind, size] }, host) =>
      kind === 'value' ? 'x'.repeat(size - 2) : host.reply(kind === 'text' ? 'é'.repeat(size / 2) + 'x'.repeat(size % 2) : new Uint8Array(size))`,
    { limits: { output_kb: 64 } },
  ),
  named('fails', FAILS),
  named('wide', WIDE),
  named('random', 'const first = Math.random(); export default () => [Math.random(), Math.random(), first]'),
  named('lost', "export default async (_, host) => {\n  await host.call('kind')\n  return host.call('nothing')\n}"),
  named(
    'decodes',
    `export default ({ body }) => [{}, { fatal: true }, { ignoreBOM: true }].map(how => {
      try { return new TextDecoder('utf-8', how).decode(new Uint8Array(body)) } catch (error) { return error.name }
    })`,
  ),
  named(
    'schema',
    'export default ({ body }, host) => (body.n === 0 ? host.reply(null, { status: 204 }) : { n: body.n, more: body.more })',
    {
      request_schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
      response_schema: { type: 'object', properties: { n: { maximum: 9 } }, additionalProperties: { type: 'null' } },
    },
  ),
  named('unique', 'export default ({ body }) => body.length', {
    request_schema: { type: 'array', uniqueItems: true },
    limits: { memory_mb: 128, cpu_ms: 5000 },
  }),
  named('slow', 'export default ({ body }) => body', { request_schema: { type: 'string', pattern: '^(a|aa)*$' } }),
  named('address', 'export default ({ body }) => body.length', {
    request_schema: { type: 'string', pattern: '^.*@.*[.].*$' },
  }),
  named('tree', 'export default () => 1', { request_schema: { type: 'array', items: { $ref: '#' } } }),
  named('seen', `export default async (_, host) => (await host.call('customer', { id: 1 })).rows[0]`),
  named('lent', `export default async (_, host) => (await host.call('customer', { id: 1 })).rows[0]`, {
    grants: { endpoints: ['customer'] },
  }),
  named(
    'keeps',
    `export default async ({ query }, host) =>
      host.reply((await host.call('customer', { id: 1 })).rows[0].name, { headers: query.by ? { [query.by]: query.is, ...(query.vary && { vary: query.vary }) } : {} })`,
    { methods: ['GET'] },
  ),
  named('scored', `export default async ({ body }, host) => host.call('churn', body)`, {
    grants: { endpoints: ['*'] },
  }),
  named('passed', `export default async ({ body }, host) => ({ passed: await host.call('reply', body) })`),
  {
    id: 'checked',
    kind: 'model',
    model: 'churn',
    check: { handler: 'export default ({ rows }) => rows.length' },
  },
  {
    id: 'listed',
    kind: 'model',
    model: 'iris',
    check: { handler: 'export default ({ rows }) => rows.length' },
  },
  {
    id: 'unthrown',
    kind: 'model',
    model: 'churn',
    check: { handler: "export default (_, host) => host.error(422, 'too long')" },
  },
  {
    id: 'kept',
    kind: 'model',
    model: 'churn',
    before: { handler: 'export default ({ rows }) => rows' },
  },
  {
    id: 'noted',
    kind: 'model',
    model: 'churn',
    after: { handler: 'export default ({ rows }) => rows.map(() => ({ id: 9007199254740993n }))' },
  },
  {
    id: 'schemed',
    kind: 'model',
    model: 'churn',
    schema: { type: 'object' },
    check: { handler: 'export default ({ rows }) => rows.length' },
  },
  {
    id: 'circular',
    kind: 'model',
    model: 'churn',
    check: { handler: `export default ({ rows }, host) => host.call('circular', { rows })` },
  },
  {
    id: 'thrifty',
    kind: 'model',
    model: 'churn',
    check: { handler: `export default async (_, host) => { await host.call('kind'); await host.call('kind') }` },
  },
  named('scored_checked', `export default async ({ body }, host) => host.call('checked', body)`),
  named('spends', `export default async ({ body }, host) => host.call('thrifty', body)`, { limits: { host_calls: 2 } }),
  named('exact', `export default async (_, host) => (await host.call('long', { id: 9007199254740993n })).rows[0].name`),
  named(
    'asks',
    `export default async ({ body }, host) => {
      const { status, code } = await host.call(...body).then(reply => ({ status: 200, code: reply }), error => error)
      return [status, code]
    }`,
  ),
]
const service = (more: object) => ({ key: 'shop', publish: true, endpoints, ...more })

describe.each(TARGETS)('functions, %s:', target => {
  const [ALL, NARROW, RAW] = [mintSecret('dk'), mintSecret('dk'), mintSecret('dk')]
  let server: Callgate
  let scope: Record<string, string>
  const call = (endpoint: string, init: CallInit = {}) =>
    server.call(`/api/service/shop/${endpoint}`, { key: ALL, ...init })

  beforeAll(async () => {
    const long = join(temporaryFolder(), 'long.csv')
    writeFileSync(long, 'id,name\n9007199254740992,even\n9007199254740993,odd\n')
    server = await startCallgate({
      target,
      env: { ALL, NARROW, RAW },
      manifest: {
        projects: [
          {
            slug: 'shop',
            datasets: [
              { name: 'shop.long', from: long, primary_key: 'id' },
              {
                name: 'shop.customers',
                from: join(EXAMPLES, 'data/customers.csv'),
                primary_key: 'customer_key',
                columns: {
                  name: { sensitivity: 'medium', mask: 'initials' },
                  email: { sensitivity: 'high', mask: 'email' },
                },
              },
            ],
            models: [
              { name: 'churn', versions: [{ version: 1, file: join(FIXTURES, 'models/churn_risk.onnx') }] },
              { name: 'iris', versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx') }] },
            ],
            services: [
              service({
                keys: [
                  { name: 'all', secret_env: 'ALL' },
                  {
                    name: 'narrow',
                    secret_env: 'NARROW',
                    allowed_endpoints: ['seen', 'lent', 'scored', 'passed'],
                    row_scope: { plan: ['premium'] },
                  },
                  { name: 'raw', secret_env: 'RAW', masking_level: 'unmasked', sensitivity_max: 'critical' },
                ],
              }),
            ],
          },
        ],
      },
    })
    const { json } = await server.admin('GET', '/api/projects')
    scope = { 'x-project-id': String(json.items[0].project_id) }
  }, 180_000)
  afterAll(cleanUp)

  describe('the request', () => {
    test('has method, path, query and headers, and nothing of the key', async () => {
      const headers = { 'X-Mine': 'a', cookie: 's=1', authorization: `Bearer ${ALL}` }
      const { json, text } = await call('request?a=1&b=2&b=3&__proto__=x', { headers })
      expect(json).toMatchObject({
        method: 'GET',
        path: '/api/service/shop/request',
        params: {},
        query: { a: '1', b: ['2', '3'] },
        headers: { 'x-mine': 'a' },
      })
      expect(json.body).toBeUndefined()
      expect(text).not.toMatch(/dk_|x-api-key|authorization|cookie/i)
    })

    test('has the body as its type says it is', async () => {
      const kind = async (type: string | undefined, body: string | Uint8Array) =>
        (await call('kind', { method: 'POST', body: body as string, headers: type ? { 'content-type': type } : {} }))
          .json
      expect(await kind('application/json', '{"a":[1,null]}')).toEqual(['object', { a: [1, null] }])
      expect(await kind('application/vnd.shop+json; charset=utf-8', '"x"')).toEqual(['string', 'x'])
      expect(await kind('text/csv', 'a,b\n1,é')).toEqual(['string', 'a,b\n1,é'])
      expect(await kind('text/plain; charset=iso-8859-1', new Uint8Array([0xe9]))).toEqual(['string', 'é'])
      expect(await kind('application/x-www-form-urlencoded', 'a=1')).toEqual(['string', 'a=1'])
      expect(await kind('application/octet-stream', new Uint8Array([0, 1, 255]))).toEqual(['bytes', 0, 1, 255])
      expect(await kind('application/json', '')).toEqual(['undefined', null])
    })

    test('a body that is not what its type says is 400, an unknown charset 415, a large one 413', async () => {
      const status = async (type: string, body: string | Uint8Array) => {
        const answer = await call('kind', { method: 'POST', body: body as string, headers: { 'content-type': type } })
        return `${answer.status} ${answer.json.code}`
      }
      expect(await status('application/json', '{')).toBe('400 malformed_body')
      expect(await status('application/json', '['.repeat(200_000))).toBe('400 malformed_body')
      expect(await status('application/json', `[1${',1'.repeat(200_000)}`)).toBe('400 malformed_body')
      expect(await status('text/plain', new Uint8Array([0xff]))).toBe('400 malformed_body')
      expect(await status('text/plain; charset=klingon', 'x')).toBe('415 unsupported_media_type')
      expect(await status('text/plain', 'x'.repeat(17 * 1024 * 1024))).toBe('413 body_too_large')
    })

    test('only the methods that it declares; HEAD where it declares GET', async () => {
      for (const method of ['POST', 'PUT', 'DELETE'])
        expect((await call('request', { method, body: {} })).json.method).toBe(method)
      expect((await call('request', { method: 'HEAD' })).status).toBe(200)
      const patch = await call('request', { method: 'PATCH', body: {} })
      expect([patch.status, patch.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, PUT, DELETE'])
      expect((await call('kind', { method: 'GET' })).status).toBe(405)
    })

    test('its schema holds up nobody, however much or odd a body is', async () => {
      const many = Array.from({ length: 60_000 }, (_, i) => ({ i }))
      expect((await call('unique', { body: many })).json).toBe(60_000)
      const long = JSON.stringify(`${'a'.repeat(60)}!`)
      const slow = await call('slow', { body: long })
      expect([slow.status, slow.json.code]).toEqual([500, 'schema_too_slow'])
      const began = Date.now()
      // all at once: one after the other, each would have its time on a busy machine
      const others = await Promise.all(Array.from({ length: 20 }, () => call('slow', { body: long })))
      expect(others.map(({ status }) => status)).toEqual(Array(20).fill(500))
      expect(Date.now() - began).toBeLessThan(10_000)
      // the engine would go back over it for hours, and there is no way to stop it but to end its process
      const ats = await call('address', { body: JSON.stringify('@'.repeat(300_000)) })
      expect([ats.status, ats.json.code]).toEqual([500, 'schema_too_slow'])
      expect((await call('address', { body: '"ada@example.org"' })).json).toBe(15)
      const deep = await call('tree', { body: '['.repeat(200_000) + ']'.repeat(200_000) })
      expect([deep.status, deep.json.code]).toEqual([422, 'unacceptable_body'])
    })

    test.each([
      [[1, '1', [1], { a: 1 }, {}, [], null, true], 200],
      [
        [
          { a: 1, b: [2] },
          { b: [2], a: 1 },
        ],
        422,
      ],
      [[[null], [null]], 422],
      [[1, 2, 1], 422],
    ])('what is twice in a list is so by value: %j', async (body, status) => {
      expect((await call('unique', { body })).status).toBe(status)
    })

    test('that is bytes is decoded as strictly as it is asked to', async () => {
      expect((await call('decodes', { body: [0xff] })).json).toEqual(['\ufffd', 'TypeError', '\ufffd'])
      expect((await call('decodes', { body: [0xef, 0xbb, 0xbf, 65] })).json).toEqual(['A', 'A', '\ufeffA'])
    })

    test('holds integers up to 2^53 as they are, and those beyond as text', async () => {
      const { json } = await call('reply', { method: 'POST', body: '[9007199254740991, "9007199254740993"]' })
      expect(json).toEqual([9007199254740991, '9007199254740993'])
    })

    test('that nests too deep is refused, and not called an overflow of the handler', async () => {
      const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
      expect((await call('kind', { method: 'POST', body: nested(1000) })).status).toBe(200)
      for (const depth of [1001, 20_000, 190_000]) {
        const { status, json } = await call('kind', { method: 'POST', body: nested(depth) })
        expect([depth, status, json.code]).toEqual([depth, 400, 'body_too_deep'])
      }
      const rows = `{"rows":[{"tenure":8,"plan":"basic","more":${nested(20_000)}}]}`
      const hooked = await call('checked', { method: 'POST', body: rows })
      expect([hooked.status, hooked.json.code]).toEqual([400, 'body_too_deep'])
      expect((await call('checked', { body: { rows: [{ tenure: 8, plan: 'basic' }] } })).json.count).toBe(1)
    })

    test('its schema refuses a body by place and rule, never by value', async () => {
      const { status, json, text } = await call('schema', { body: { n: 'tulip' } })
      expect([status, json.detail]).toEqual([422, 'The body is not as request_schema says: n must be integer.'])
      expect(text).not.toContain('tulip')
      expect((await call('schema', { method: 'POST', body: '' })).status).toBe(422)
      expect((await call('schema', { body: { n: 1 } })).json).toEqual({ n: 1 })
    })
  })

  describe('the answer', () => {
    const reply = (body: unknown) =>
      call('reply', { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

    test('is the JSON of what it returns', async () => {
      for (const value of [{ a: 1 }, [1, 'x'], 5, true, null]) {
        const answer = await reply(value)
        expect([answer.status, answer.json, answer.headers.get('content-type')]).toEqual([
          200,
          value,
          'application/json',
        ])
      }
    })

    test('or a reply with a status and headers: text and bytes as they are', async () => {
      const text = await reply('text')
      expect([text.status, text.text, text.headers.get('x-made'), text.headers.get('content-type')]).toEqual([
        201,
        'héllo',
        '1',
        'text/html',
      ])
      // a document of a function can do nothing in the name of who opens it
      expect(text.headers.get('content-security-policy')).toContain('sandbox')
      const bytes = await fetch(`${server.url}/api/service/shop/reply`, {
        method: 'POST',
        body: '"bytes"',
        headers: { 'x-api-key': ALL },
      })
      expect([...(await bytes.bytes())]).toEqual([1, 0, 255])
      expect(bytes.headers.get('content-type')).toBe('application/octet-stream')
      expect([(await reply('empty')).status, (await reply('empty')).text]).toEqual([204, ''])
      const json = await reply('json')
      expect([json.status, json.json]).toEqual([404, { a: [1] }])
      expect((await reply('untyped')).headers.get('content-type')).toBe('application/json')
    })

    test.each(['value', 'text', 'bytes'])('as large as output_kb says, and no larger: %s', async kind => {
      const answer = async (size: number) => {
        const { status, bytes } = await fetch(`${server.url}/api/service/shop/large`, {
          method: 'POST',
          body: JSON.stringify([kind, size]),
          headers: { 'x-api-key': ALL },
        }).then(async answer => ({ status: answer.status, bytes: await answer.bytes() }))
        return status === 200 ? bytes.length : status
      }
      expect(await answer(64 * 1024)).toBe(64 * 1024)
      expect(await answer(64 * 1024 + 1)).toBe(500)
    })

    test('where it may be kept, is for the key that it was made for: what it holds is as that may see it', async () => {
      const keeps = (query: string, key: string) => call(`keeps?${query}`, { key })
      for (const [by, is] of [
        ['cache-control', 'max-age=60'],
        ['Cache-Control', 'public, s-maxage=60'],
        ['expires', 'Fri, 01 Jan 2100 00:00:00 GMT'],
        ['last-modified', 'Fri, 01 Jan 2021 00:00:00 GMT'],
        ['etag', '"1"'],
      ] as const) {
        const [masked, raw] = await Promise.all([ALL, RAW].map(key => keeps(`by=${by}&is=${is}`, key)))
        expect([masked!.text, raw!.text]).toEqual(['A. L.', 'Ada Lovelace'])
        for (const { headers } of [masked!, raw!]) {
          expect(headers.get(by)).toBe(is)
          expect(headers.get('vary')).toMatch(/^X-API-Key, Authorization\b/)
        }
      }
      const also = await keeps('by=cache-control&is=max-age%3D60&vary=Accept-Language', ALL)
      expect(also.headers.get('vary')).toMatch(/^X-API-Key, Authorization, Accept-Language\b/)
      expect((await keeps('by=x-made&is=1', ALL)).headers.get('vary') ?? '').not.toContain('X-API-Key')
    })

    test('or an error that it means, as a problem document with the request id', async () => {
      const { status, json } = await reply('refuse')
      expect([status, json.detail, json.code, typeof json.request_id]).toEqual([
        409,
        'it is taken',
        'function_refused',
        'string',
      ])
    })

    test('has other random numbers in every call, though the module used some when it was loaded', async () => {
      const seen = new Set<number>()
      for (let i = 0; i < 4; i++) for (const n of (await call('random', { body: {} })).json.slice(0, 2)) seen.add(n)
      expect(seen.size).toBe(8)
    })

    test('an error that it does not mean is a 500 that says nothing, and is in the log of the server', async () => {
      const { status, json, text } = await call('fails', { body: { x: 'tulip' } })
      expect([status, json.detail]).toEqual([500, 'The function failed.'])
      expect(text).not.toMatch(/secret_value|tulip|handler|null|line/)
      expect(server.output()).toContain(json.request_id)
    })

    test('an answer that its schema refuses is a 500; one without a body it is not asked about', async () => {
      expect((await call('schema', { body: { n: 0 } })).status).toBe(204)
      expect((await call('schema', { body: { n: 10 } })).json.code).toBe('function_failed')
      expect((await call('schema', { body: { n: 1, more: 'x' } })).status).toBe(500)
    })
  })

  describe('host calls', () => {
    test('are made in the name of the caller: what is masked for it stays masked', async () => {
      expect((await call('seen', { body: {} })).json).toMatchObject({ name: 'A. L.', email: '[BLOCKED]' })
      expect((await call('seen', { body: {}, key: RAW })).json).toMatchObject({
        name: 'Ada Lovelace',
        email: 'ada@example.org',
      })
    })

    test('reach what the caller reaches, and what the definition lends; rows out of its scope are not there', async () => {
      const refused = await call('seen', { body: {}, key: NARROW })
      expect([refused.status, refused.json.code]).toEqual([403, 'endpoint_out_of_reach'])
      const lent = await call('lent', { body: {}, key: NARROW })
      expect(lent.json).toMatchObject({ name: 'A. L.', plan: 'premium' })
      expect(lent.text).not.toContain('Lovelace')
    })

    test('a model answers as it does by itself; a refusal that the handler does not take is the caller’s', async () => {
      const body = { features: { tenure: 8, plan: 'premium' } }
      expect((await call('scored', { body, key: NARROW })).json).toEqual((await call('churn', { body })).json)
      const refused = await call('scored', { body: { features: { tenure: 'x', plan: 'premium' } } })
      expect([refused.status, refused.json.errors[0].feature]).toEqual([422, 'tenure'])
    })

    test('a function answers another with its value, its text, or its error', async () => {
      expect((await call('passed', { body: { a: 1 } })).json).toEqual({ passed: { a: 1 } })
      expect((await call('passed', { method: 'POST', body: '"text"' })).json).toEqual({ passed: 'héllo' })
      const refused = await call('passed', { method: 'POST', body: '"refuse"' })
      expect([refused.status, refused.json.detail]).toEqual([409, 'it is taken'])
    })

    test('take an integer beyond 2^53 as it is, and know no endpoint by what is nearly its name', async () => {
      expect((await call('exact', { body: {} })).json).toBe('odd')
      for (const name of ['customer ', ' customer', 'customer\n', 'call customer', 'nothing', ''])
        expect((await call('asks', { body: [name, { id: 1 }] })).json, name).toEqual([404, 'endpoint_unknown'])
    })

    test('without an argument have no body, no parameters, or what is refused', async () => {
      expect((await call('asks', { body: ['kind'] })).json).toEqual([200, ['undefined', null]])
      expect((await call('asks', { body: ['kind', null] })).json).toEqual([200, ['object', null]])
      expect((await call('asks', { body: ['customer'] })).json[0]).toBe(422)
      expect((await call('asks', { body: ['customer', [1]] })).json[0]).toBe(422)
      expect((await call('asks', { body: ['churn'] })).json[0]).toBe(422)
    })

    test('cost nothing of the caller’s rate limit', async () => {
      const minted = await server.admin(
        'POST',
        `/api/publish/assets/1/api-keys`,
        { name: 'twice', rate_limit: 2 },
        scope,
      )
      const { key } = minted.json
      expect((await call('seen', { body: {}, key })).status).toBe(200)
      expect((await call('seen', { body: {}, key })).status).toBe(200)
      expect((await call('seen', { body: {}, key })).status).toBe(429)
    })
  })

  describe('hooks and many functions', () => {
    test('an integer beyond 2^53 that a hook gives is answered as it is', async () => {
      const answer = await call('noted', { body: { features: { tenure: 8, plan: 'premium' } } })
      expect(answer.text).toContain('9007199254740993')
    })

    test('an error that a check returns, and does not throw, is no consent', async () => {
      const { status, json } = await call('unthrown', { body: { features: { tenure: 8, plan: 'basic' } } })
      expect([status, json.detail]).toEqual([422, 'too long'])
    })

    test('a number that is too large is refused before hooks, which would be given null for it', async () => {
      for (const id of ['checked', 'kept', 'noted'])
        for (const [body, place] of [
          ['{"features":{"tenure":1e400,"plan":"basic"}}', {}],
          ['{"rows":[{"tenure":8,"plan":"basic"},{"tenure":-1e400,"plan":"basic"}]}', { row: 1 }],
        ] as const) {
          const { status, json } = await call(id, { method: 'POST', body })
          const errors = [{ ...place, feature: 'tenure', message: 'The number is too large.' }]
          expect([status, json.code, json.errors]).toEqual([422, 'unacceptable_rows', errors])
        }
      const beside = '{"features":{"tenure":8,"plan":"basic","list":[{"x":1e400}]}}'
      for (const id of ['kept', 'noted'])
        expect((await call(id, { method: 'POST', body: beside })).json.errors).toMatchObject([{ feature: 'list' }])
      expect((await call('kept', { body: { features: { tenure: 8, plan: 'basic' } } })).status).toBe(200)
    })

    test('a body that nests deeper than anything here could go through is refused, and is no failure of ours', async () => {
      for (const [id, status, code] of [
        ['checked', 400, 'body_too_deep'],
        ['noted', 400, 'body_too_deep'],
        ['schemed', 422, 'unacceptable_body'],
      ] as const)
        for (const depth of [100_000, 1_000_000]) {
          const row = `{"tenure":8,"plan":"basic","more":${'['.repeat(depth)}${']'.repeat(depth)}}`
          const { json } = await call(id, { method: 'POST', body: `{"rows":[${row}]}` })
          expect([json.status, json.code]).toEqual([status, code])
          const rest = { key: ALL, method: 'POST', body: `{"instances":[${row}]}` }
          expect((await server.call(`/v1/models/${id}:predict`, rest)).status).toBe(400)
        }
    })

    test('a hook that calls its own model is stopped four deep, and at once, as a function is', async () => {
      const { json } = await call('circular', { body: { features: { tenure: 8, plan: 'premium' } } })
      expect([json.status, json.code]).toEqual([500, 'functions_too_deep'])
    })

    test('what the hooks of a model ask for counts for the function that called it', async () => {
      const body = { features: { tenure: 8, plan: 'premium' } }
      expect((await call('thrifty', { body })).status).toBe(200)
      const { json } = await call('spends', { body })
      expect([json.status, json.code]).toEqual([429, 'host_calls_exceeded'])
    })

    test('more rows than a hook can hold are refused before they are made, whoever else sends as many', async () => {
      const tensors = (rows: number, ...inputs: [name: string, datatype: string, width: number][]) => {
        const json = JSON.stringify({
          inputs: inputs.map(([name, datatype, width]) => {
            return { name, datatype, shape: [rows, width], parameters: { binary_data_size: rows * width * 4 } }
          }),
          outputs: [{ name: 'output_label', parameters: { binary_data: true } }],
        })
        // texts that are empty take four bytes, as the numbers do
        const size = inputs.reduce((sum, [, , width]) => sum + rows * width * 4, 0)
        return { json, body: Buffer.concat([Buffer.from(json), Buffer.alloc(size)]) }
      }
      const infer = (model: string, { json, body }: ReturnType<typeof tensors>) =>
        fetch(`${server.url}/v2/models/${model}/infer`, {
          method: 'POST',
          body,
          headers: { 'x-api-key': ALL, 'inference-header-content-length': String(json.length) },
        })
      const columns = tensors(1_800_000, ['tenure', 'FP32', 1], ['plan', 'BYTES', 1])
      const matrix = tensors(990_000, ['X', 'FP32', 4])
      const answers = await Promise.all([
        ...Array.from({ length: 3 }, () => infer('checked', columns)),
        ...Array.from({ length: 3 }, () => infer('listed', matrix)),
        fetch(`${server.url}/v1/models/checked:predict`, {
          method: 'POST',
          body: JSON.stringify({ instances: new Array(1_800_000).fill([1, '']) }),
          headers: { 'x-api-key': ALL },
        }),
      ])
      for (const answer of answers)
        expect([answer.status, await answer.json()]).toEqual([
          500,
          { error: 'The function needs more than 32 MB of memory (memory_mb).' },
        ])
    })

    test('many functions that wait for a model with hooks do not hold the places that its hooks need', async () => {
      const body = { features: { tenure: 8, plan: 'premium' } }
      // so that both are known to be quick, and begin together
      for (let i = 0; i < 3; i++) expect((await call('scored_checked', { body })).status).toBe(200)
      const answers = await Promise.all(Array.from({ length: 300 }, () => call('scored_checked', { body })))
      expect(answers.map(answer => answer.status)).toEqual(answers.map(() => 200))
    })

    test('a service of more functions than are remembered is tried and published', async () => {
      const many = Array.from({ length: 205 }, (_, i) => named(`f${i}`, `export default () => 'answer ${i}'`))
      const made = await server.admin(
        'POST',
        '/api/publish/assets',
        { asset_type: 'api_service', asset_key: 'many', config: { endpoints: many } },
        scope,
      )
      const tried = await server.admin('POST', `/api/api-services/${made.json.id}/endpoints/f0/test`, {}, scope)
      expect([tried.status, tried.text.includes('answer 0')]).toEqual([200, true])
      expect((await server.admin('POST', `/api/publish/assets/${made.json.id}/publish`, {}, scope)).status).toBe(200)
      const { json } = await server.admin('POST', `/api/publish/assets/${made.json.id}/api-keys`, { name: 'k' }, scope)
      for (const i of [0, 204])
        expect((await server.call(`/api/service/many/f${i}`, { key: json.key, body: {} })).json).toBe(`answer ${i}`)
    }, 180_000)
  })

  describe('publishing', () => {
    const publish = async (endpoint: object) => {
      const key = `p-${crypto.randomUUID()}`
      const config = { endpoints: [endpoint] }
      const made = await server.admin(
        'POST',
        '/api/publish/assets',
        { asset_type: 'api_service', asset_key: key, config },
        scope,
      )
      if (made.status !== 201) return made
      return server.admin('POST', `/api/publish/assets/${made.json.id}/publish`, {}, scope)
    }

    test.each<[string, string, string]>([
      ['no handler', '', 'has no handler'],
      ['no TypeScript', 'export default (request) => {\n  const a: number = 1\n  return {{\n}', 'line 3, column 11'],
      ['what TypeScript makes code of', 'enum Colour { Red }\nexport default () => Colour.Red', 'line 1'],
      ['an enum', '\nenum Colour { Red }\nexport default () => 1', 'write an object, `const Colour'],
      [
        'a parameter property',
        'class A {\n  constructor(private x: 1) {}\n}\nexport default () => 1',
        'set it in the con',
      ],
      [
        'a decorator',
        'class A {\n  @logged m() {}\n}\nexport default () => 1',
        'as functions, with the class (line 2, column 3)',
      ],
      [
        'a type that is exported as if it were a value',
        'type A = 1\nexport {\n  A }\nexport default () => 1',
        '(line 3',
      ],
      [
        'a regular expression that is none',
        'const good = /[/(]/\nexport default async (_, host) => {\n  await host.call("x", [{\n    a: /(/,\n  }])\n}',
        "a regular expression in it is not valid: expecting ')' (line 4",
      ],
      ['no default export', 'export const handler = () => 1', 'default'],
      ['a default export that is none', 'export default { handler: 1 }', 'no function'],
      ['a class', 'export default class Handler { run() {} }', 'is a class'],
      ['a generator', 'export default async function* () { yield 1 }', 'is a generator'],
      ['a generator that is a method', 'export default ({ *run() { yield 1 } }).run', 'is a generator'],
      [
        'an import by a path',
        "\nimport x from '../x.json'\nexport default () => x",
        "no '../x.json'; `import type` is for types (line 2",
      ],
      [
        'an import',
        "import { readFileSync } from 'node:fs'\nexport default () => readFileSync('/etc/passwd')",
        'node:fs',
      ],
      [
        'an import of what a comment before it names, too',
        "// it needs 'node:fs'\nimport {\n  readFileSync\n} from 'node:fs'\nexport default () => readFileSync('/etc/passwd')",
        "no 'node:fs'; `import type` is for types (line 4",
      ],
      [
        'types that are imported as if they were values',
        "\nimport { Handler } from 'callgate'\nexport default (() => 1) as Handler",
        '`import type` is for types (line 2',
      ],
      [
        'a macro',
        "import { readFileSync } from 'node:fs' with { type: 'macro' }\nexport default () => readFileSync('/etc/passwd', 'utf8')",
        'node:fs',
      ],
      [
        'an error while it is loaded',
        "const a = 1\nthrow new Error('not today')\nexport default () => a",
        'not today (line 2',
      ],
      ['an endless load', 'for (;;);\nexport default () => 1', 'CPU'],
      ['Python, as other builders have it', 'def handler(payload):\n    return payload\n', 'line 1'],
    ])('%s is 422, with what is wrong and where', async (_, handler, says) => {
      const { status, json, text } = await waitFor(async () => {
        const answer = await publish(named('broken', handler))
        if (!answer.json.detail.includes('try again in a minute')) return answer
        await Bun.sleep(2000) // a busy machine, which says so
        return undefined
      })
      expect([status, json.detail]).toEqual([422, expect.stringContaining(says)])
      expect(json.detail).toStartWith('service')
      expect(json.detail).toContain('endpoint broken')
      expect(text).not.toContain('root:')
    })

    test.each([
      'export default classes => 1',
      'export default class_ => 1',
      'export default classé => 1',
      'export default ({ classify(request) { return 1 } }).classify',
      'export default ({ class () { return 1 } }).class',
    ])('a function whose source begins with the letters of a class is none: %s', async handler => {
      expect((await publish(named('fine', handler))).status).toBe(200)
    })

    test.each(['export default class{}', 'export default class\n{}', 'export default class /**/ extends Map {}'])(
      'a class is refused, however it is written: %j',
      async handler => {
        const { status, json } = await publish(named('broken', handler))
        expect([status, json.detail]).toEqual([422, expect.stringContaining('is a class')])
      },
    )

    test('what is misspelt, or no limit, is refused when it is saved', async () => {
      for (const wrong of [
        { method: ['POST'] },
        { methods: ['TRACE'] },
        { limits: { cpu_ms: 0 } },
        { grants: { fetch: ['http://a/'] } },
        { grants: { fetch: ['169.254.169.254/x'] } },
      ])
        expect((await publish(named('wrong', 'export default () => 1', wrong))).status).toBe(422)
      expect(
        (await publish(named('wrong', 'export default () => 1', { request_schema: { type: 'nope' } }))).status,
      ).toBe(422)
    })

    test('a hook that is no handler names itself', async () => {
      const model = { id: 'hooked', kind: 'model', model: 'churn', before: { handler: 'export default 5' } }
      const { status, json } = await publish(model)
      expect([status, json.detail]).toEqual([422, expect.stringContaining('before')])
    })

    test('a published handler is served as it was when its draft changes, and after a start', async () => {
      const config = (text: string) => ({ endpoints: [named('say', `export default () => '${text}'`)] })
      const made = await server.admin(
        'POST',
        '/api/publish/assets',
        { asset_type: 'api_service', asset_key: 'say', config: config('one') },
        scope,
      )
      await server.admin('POST', `/api/publish/assets/${made.json.id}/publish`, {}, scope)
      const minted = await server.admin('POST', `/api/publish/assets/${made.json.id}/api-keys`, { name: 'k' }, scope)
      const say = async () => (await server.call('/api/service/say/say', { method: 'POST', key: minted.json.key })).json
      expect(await say()).toBe('one')
      await server.admin('PUT', `/api/publish/assets/${made.json.id}`, { config: config('two') }, scope)
      expect(await say()).toBe('one')
      await server.admin('POST', `/api/publish/assets/${made.json.id}/publish`, {}, scope)
      expect(await say()).toBe('two')
      await server.stop()
      server = await startCallgate({
        target,
        dataDir: server.dataDir,
        env: { CALLGATE_ADMIN_TOKEN: server.adminToken },
      })
      expect(await say()).toBe('two')
    })
  })

  describe('the dry-run', () => {
    const dryRun = (id: string, body: unknown, query = '') =>
      server.admin('POST', `/api/api-services/1/endpoints/${id}/test${query}`, body)

    test('answers as a call does, with the log beside it', async () => {
      const { status, json, headers } = await dryRun('request', { a: 1 }, '?q=x')
      expect([status, json.body, json.query]).toEqual([200, { a: 1 }, { q: 'x' }])
      expect(JSON.parse(headers.get('x-function-log')!)).toEqual([])
      // as the administrator, raw
      expect((await dryRun('seen', {})).json).toMatchObject({ name: 'Ada Lovelace' })
    })

    test('shows its author what went wrong, the line, and the log', async () => {
      const { status, json } = await dryRun('fails', { x: 7 })
      expect(status).toBe(500)
      expect(json.handler).toMatchObject({ name: 'TypeError', line: 4 })
      expect(json.handler.message).toContain('secret_value')
      expect(json.handler.stack).toContain('handler.ts:4')
      expect(json.log).toEqual(['before 7'])
    })

    test('counts the characters of a line before what went wrong, and not their bytes', async () => {
      const { json } = await dryRun('wide', {})
      const [first, second] = WIDE.split('\n') as [string, string]
      const [in1, in2] = [first.indexOf('maß!') + 1, second.indexOf('größe(') + 1]
      expect(json.handler).toMatchObject({ name: 'TypeError', line: 1, column: in1 })
      expect(json.handler.stack).toBe(`at größe (handler.ts:1:${in1})\nat default (handler.ts:2:${in2})`)
    })

    test('shows where a host call was made that was refused', async () => {
      const { status, json } = await dryRun('lost', {})
      expect([status, json.code]).toEqual([404, 'endpoint_unknown'])
      expect(json.handler).toMatchObject({ name: 'HostError', line: 3 })
    })
  })
})

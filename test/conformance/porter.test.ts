/** porter's door, from source and as the executable: routes, errors, probes, documents, keys. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, type CallInit, cleanUp, startCallgate, TARGETS, temporaryFolder } from '../harness.ts'
import { workersOf } from '../life/processes.ts'
import { head, sendRaw } from './raw-http.ts'

setDefaultTimeout(180_000)

const MODELS = join(import.meta.dir, 'porter/models')
const NAMES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']
const SETOSA = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const VIRGINICA = { sepal_length: 6.3, sepal_width: 3.3, petal_length: 6.0, petal_width: 2.5 }
const LIVE = '"This endpoint is live. Send POST requests for predictions"\n'
const BAD = 'The browser (or proxy) sent a request that this server could not understand.'
const NO_URL =
  'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.'
const NO_METHOD = 'The method is not allowed for the requested URL.'
const FAILED = 'Could not serve model results successfully.'
const SECRET = 'kilimanjaro'

const number = { type: 'number', minimum: 0 }
const iris = {
  type: 'object',
  properties: Object.fromEntries(NAMES.map(name => [name, number])),
  required: NAMES.toSorted(),
}
const model = (name: string, file: string, features?: string[]) => ({
  name,
  versions: [{ version: 1, file: join(MODELS, file), ...(features ? { features } : {}) }],
})
const endpoint = (id: string, model: string, porter: object, more: object = {}) => ({
  id,
  kind: 'model',
  model,
  porter,
  ...more,
})

/** A custom service that does what it is asked to. */
const MADE = `export default ({ method, params, query, body }, host) => {
  if (query.tongue) return host.reply({ key: params.key }, { headers: { vary: 'Accept-Language' } })
  if (method === 'GET') return { key: params.key, query, model_context: 'mine' }
  if (body.list) return [params.key, 'é']
  if (body.text) return host.reply('as it is', { status: 201 })
  if (body.conflict) throw host.error(409)
  if (body.refuse) throw host.error(422, 'not this one')
  if (body.fail) throw new Error('${SECRET}')
  return host.reply({ echo: body }, { status: 202, headers: { 'x-made': 'yes' } })
}`
const HOOKS = {
  check: {
    handler: `export default ({ rows }, host) => {
      if (rows[0].sepal_length > 10) throw host.error(422, 'no such flower')
      if (rows[0].sepal_width > 10) throw host.error(422)
      if (rows[0].petal_width > 10) throw new Error('${SECRET}')
    }`,
  },
  before: {
    handler: 'export default ({ rows }) => rows.map(row => ({ ...row, petal_length: row.petal_length / 10 }))',
  },
  after: {
    handler:
      'export default ({ predictions, rows, input }) => predictions.map((p, i) => ({ class: p, of: input[i].petal_length, as: rows[i].petal_length }))',
  },
}

const project = {
  slug: 'flora',
  models: [
    model('iris', 'iris_logreg.onnx', NAMES),
    model('species', 'iris_species.onnx', NAMES),
    model('unnamed', 'iris_logreg.onnx'),
    model('raises', 'always_raises.onnx', ['x']),
  ],
  services: [
    {
      key: 'open',
      publish: true,
      public: true,
      endpoints: [
        endpoint('iris', 'iris', { meta: { b: 1, a: 'é' }, schema_name: 'Iris' }, { schema: iris }),
        endpoint('one', 'species', {
          namespace: '/flora/',
          name: 'species',
          version: 'v2',
          action: 'pred',
          batch: false,
        }),
        endpoint('shares', 'iris', {}, { output: 'probabilities', strict: true }),
        endpoint('lax', 'iris', { validate: false }, { schema: iris }),
        endpoint('columns', 'unnamed', { feature_columns: NAMES, validate: false }),
        endpoint('raises', 'raises', {}),
        endpoint(
          'ids',
          'iris',
          {},
          {
            schema: {
              ...iris,
              properties: { ...iris.properties, tag: { format: 'uuid' }, mail: { pattern: '^.*@.*[.].*$' } },
            },
          },
        ),
        ...[true, false].map(batch =>
          endpoint(
            batch ? 'kin' : 'kin-one',
            'iris',
            { batch },
            { schema: { $ref: '#/$defs/Row', $defs: { Row: iris }, properties: { parent: { $ref: '#' } } } },
          ),
        ),
        {
          id: 'made',
          kind: 'function',
          methods: ['GET', 'POST'],
          handler: MADE,
          porter: { path: '/custom/<string:key>', name: 'made', meta: { m: 1 } },
        },
        ...['/tree/<kind>/leaf', '/tree/oak/<part>', '/assets/<kind>/<name>'].map((path, i) => ({
          id: `tree-${i}`,
          kind: 'function',
          methods: ['GET'],
          handler: 'export default ({ params }) => params',
          porter: { path },
        })),
        {
          id: 'braces',
          kind: 'function',
          methods: ['GET'],
          handler: 'export default ({ params }) => params',
          porter: { path: '/braces/{a}' },
        },
        endpoint('hooked', 'iris', { batch: false, validate: false }, HOOKS),
      ],
    },
    {
      key: 'closed',
      publish: true,
      endpoints: [endpoint('guarded', 'iris', {}), endpoint('beyond', 'iris', {})],
      keys: [
        { name: 'app', secret_env: 'APP_KEY', allowed_endpoints: ['guarded'] },
        { name: 'slow', secret_env: 'SLOW_KEY', rate_limit: 1 },
      ],
    },
  ],
}
const app = {
  name: 'flora',
  description: 'of <b>plants</b>',
  version: '1.0',
  meta: { team: 'ds', name: 'not this' },
  expose_docs: true,
  support_response_gzip: true,
}

describe.each(TARGETS)('porter, %s:', target => {
  const [APP_KEY, SLOW_KEY] = [mintSecret('dk'), mintSecret('dk')]
  const dataDir = join(temporaryFolder(), 'data')
  let server: Callgate
  const call = (path: string, init: CallInit = {}) =>
    server.call(path, { ...init, headers: { 'accept-encoding': 'identity', ...init.headers } })
  const post = (path: string, body: unknown, init: CallInit = {}) => call(path, { method: 'POST', body, ...init })

  beforeAll(async () => {
    server = await startCallgate({
      target,
      dataDir,
      env: { APP_KEY, SLOW_KEY },
      manifest: { porter: app, projects: [project] },
    })
  }, 180_000)
  afterAll(cleanUp)

  const context = { api_version: 'v1', model_meta: { a: 'é', b: 1 }, model_name: 'iris' }
  const ID = expect.stringMatching(/^[0-9a-f]{32}$/)

  describe('predictions', () => {
    test('a batch is answered in sorted keys, ASCII and one line, columns matched by name and others ignored', async () => {
      const rows = [
        { id: 1, ...SETOSA },
        { more: { deep: [SECRET] }, ...Object.fromEntries(Object.entries(VIRGINICA).reverse()), id: -5 },
      ]
      const { status, text, headers } = await post('/iris/v1/prediction', rows)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe('application/json')
      expect(text.replace(/[0-9a-f]{32}/, 'ID')).toBe(
        '{"model_context":{"api_version":"v1","model_meta":{"a":"\\u00e9","b":1},"model_name":"iris"},' +
          '"predictions":[{"id":1,"prediction":0},{"id":-5,"prediction":2}],"request_id":"ID"}\n',
      )
    })

    test('a single row is answered by a single object, below the namespace that it names', async () => {
      const { json } = await post('/flora/species/v2/pred', { id: 9, ...VIRGINICA })
      expect(json.predictions).toEqual({ id: 9, prediction: 'virginica' })
      expect(json.model_context).toEqual({ api_version: 'v2', model_meta: {}, model_name: 'species' })
    })

    test('`output: probabilities` gives a list of numbers, and extra columns are dropped on a strict endpoint too', async () => {
      const { json } = await post('/shares/v1/prediction', [{ id: 1, ...SETOSA, more: 1 }])
      const [{ prediction }] = json.predictions
      expect(prediction).toHaveLength(3)
      expect(prediction[0]).toBeCloseTo(0.98166, 4)
    })

    test('ids come back with the digits they were sent with', async () => {
      for (const id of ['9007199254740993', '18446744073709551615', '-9223372036854775808', '1.0', '0']) {
        const body = JSON.stringify([{ ...SETOSA, id: 0 }]).replace('"id":0', `"id": ${id}`)
        expect((await post('/iris/v1/prediction', body)).text).toContain(`{"id":${id},"prediction":0}`)
      }
    })

    test('a large batch is read and answered in a process of its own, as rows are by themselves', async () => {
      const flowers = [SETOSA, VIRGINICA]
      const rows = Array.from({ length: 10_000 }, (_, i) => `{"id":${i}.0,${JSON.stringify(flowers[i % 2]).slice(1)}`)
      const large = `[${rows.join()}]`
      for (const path of ['/iris', '/shares', '/lax', '/columns'].map(path => `${path}/v1/prediction`)) {
        const [few, all] = [await post(path, `[${rows.slice(0, 2).join()}]`), await post(path, large)]
        expect([path, all.status, all.headers.get('content-type')]).toEqual([path, 200, 'application/json'])
        const predictions = few.json.predictions.map(({ prediction }: { prediction: unknown }) => prediction)
        expect(all.json).toEqual({
          model_context: few.json.model_context,
          predictions: rows.map((_, id) => ({ id, prediction: predictions[id % 2] })),
          request_id: ID,
        })
        expect(all.text).toContain('{"id":9999.0,"prediction":')
        expect(all.text).toEndWith('}\n')
      }
      expect(workersOf(server.process.pid, 'body')).toHaveLength(1)
      const packed = await post('/iris/v1/prediction', large, { headers: { 'accept-encoding': 'gzip' } })
      expect([packed.headers.get('content-encoding'), packed.json.predictions.length]).toEqual(['gzip', rows.length])
      const refused = async (path: string, body: string) => {
        const { status, json } = await post(`${path}/v1/prediction`, body)
        return [status, json.error, json.model_context.model_name]
      }
      const wrong = rows.with(-1, '{"id":1}').join()
      for (const path of ['/iris', '/lax'])
        for (const [start, end] of [
          ['[', ''],
          ['', ']'],
          ['[', ',]'],
        ])
          expect(await refused(path, start + rows.join() + end)).toEqual([
            400,
            { messages: [BAD], name: 'BadRequest' },
            path.slice(1),
          ])
      const missing = 'Schema validation failed: data[9999] must contain'
      expect((await refused('/iris', `[${wrong}]`))[1].messages[0]).toStartWith(missing)
      expect((await refused('/lax', `[${wrong}]`))[1]).toEqual({ messages: [FAILED], name: 'InternalServerError' })
      expect((await refused('/lax', `{"rows":${large}}`))[0]).toBe(500)
    })

    test('feature_columns gives the columns of a model without names their places', async () => {
      const { json } = await post('/columns/v1/prediction', [{ id: 1, ...VIRGINICA }])
      expect(json.predictions).toEqual([{ id: 1, prediction: 2 }])
    })

    test('what a schema refers to in itself is what it says, without the id that a row has here', async () => {
      const row = { id: 1, ...SETOSA, parent: { ...VIRGINICA, parent: SETOSA } }
      const orphan = { ...row, parent: { sepal_length: 1 } }
      expect((await post('/kin/v1/prediction', [row])).json.predictions).toEqual([{ id: 1, prediction: 0 }])
      expect((await post('/kin-one/v1/prediction', row)).json.predictions).toEqual({ id: 1, prediction: 0 })
      const says = "data[0].parent must contain ['petal_length', 'petal_width', 'sepal_width'] properties"
      const { status, json } = await post('/kin/v1/prediction', [orphan])
      expect([status, json.error.messages]).toEqual([422, [`Schema validation failed: ${says}`]])
    })

    test('the request id is its own, whatever the caller sends; the header is as everywhere', async () => {
      const init = { headers: { 'x-request-id': 'a'.repeat(32) } }
      const { json, headers } = await post('/iris/v1/prediction', [{ id: 1, ...SETOSA }], init)
      expect(headers.get('x-request-id')).toBe('a'.repeat(32))
      expect(json.request_id).toEqual(ID)
      expect(json.request_id).not.toBe('a'.repeat(32))
    })

    test('bodies may be compressed; answers are where they are asked for, errors never', async () => {
      const body = gzipSync(JSON.stringify([{ id: 1, ...SETOSA }]))
      expect((await post('/iris/v1/prediction', body, { headers: { 'content-encoding': 'gzip' } })).status).toBe(200)
      const raw = (path: string, body?: string) =>
        fetch(server.url + path, {
          method: body === undefined ? 'GET' : 'POST',
          headers: { 'accept-encoding': 'deflate, gzip;q=0.5' },
          body,
          decompress: false,
        })
      for (const path of ['/-/ready', '/iris/v1/prediction']) {
        const answer = await raw(path)
        expect(answer.headers.get('content-encoding')).toBe('gzip')
        expect(answer.headers.get('vary')).toBe('Accept-Encoding')
        expect(JSON.parse(gunzipSync(await answer.bytes()).toString())).toBeDefined()
      }
      const error = await raw('/iris/v1/prediction', '{}')
      expect([error.status, error.headers.get('content-encoding')]).toEqual([422, null])
      const plain = await call('/iris/v1/prediction')
      expect([plain.headers.get('content-encoding'), plain.text]).toEqual([null, LIVE])
    })
  })

  describe('errors', () => {
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`
    test.each<[string, unknown, number, string, string]>([
      ['not JSON', '{"id": 1,', 400, 'BadRequest', BAD],
      ['an empty body', '', 400, 'BadRequest', BAD],
      ['null', 'null', 400, 'BadRequest', BAD],
      ['NaN', '[{"id":1,"sepal_length":NaN}]', 400, 'BadRequest', BAD],
      ['not UTF-8', new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d]), 400, 'BadRequest', BAD],
      ['deep nesting', deep, 400, 'BadRequest', BAD],
      ['an object for a batch', { id: 1 }, 422, 'UnprocessableEntity', 'data must be array'],
      ['an empty batch', [], 422, 'UnprocessableEntity', 'data must contain at least 1 items'],
      [
        'text',
        [
          { id: 1, ...SETOSA },
          { id: 2, ...SETOSA, sepal_width: SECRET },
        ],
        422,
        'UnprocessableEntity',
        'data[1].sepal_width must be number',
      ],
      [
        'a missing column',
        [{ ...SETOSA, petal_width: undefined }],
        422,
        'UnprocessableEntity',
        "data[0] must contain ['id', 'petal_width'] properties",
      ],
      [
        'a value out of range',
        [{ id: 1, ...SETOSA, petal_width: -1 }],
        422,
        'UnprocessableEntity',
        'data[0].petal_width must be bigger than or equal to 0',
      ],
    ])('%s', async (_, body, status, name, message) => {
      const answer = await post('/iris/v1/prediction', body)
      const text = status === 422 ? `Schema validation failed: ${message}` : message
      expect(answer.status).toBe(status)
      expect(answer.json).toEqual({ error: { messages: [text], name }, model_context: context, request_id: ID })
      expect(answer.text).not.toContain(SECRET)
    })

    test('an unknown encoding is 415 and named; broken gzip is 400', async () => {
      const of = (encoding: string) =>
        post('/iris/v1/prediction', 'no gzip', { headers: { 'content-encoding': encoding } })
      expect((await of('br')).json.error).toEqual({
        messages: ['unsupported encoding: "br"'],
        name: 'UnsupportedMediaType',
      })
      expect((await of('gzip')).json.error).toEqual({ messages: [BAD], name: 'BadRequest' })
    })

    test('a model that fails is 500 without its reason', async () => {
      const { status, json, text } = await post('/raises/v1/prediction', [{ id: 1, x: 1 }])
      expect(status).toBe(500)
      expect(json.error).toEqual({ messages: [FAILED], name: 'InternalServerError' })
      expect(text).not.toMatch(/Gather|onnx|at /i)
    })

    test('a pattern that would go back over a text without an end stops nobody else', async () => {
      const mailed = (mail: string) => post('/ids/v1/prediction', [{ id: 1, ...SETOSA, mail }])
      expect((await mailed('@'.repeat(200_000))).status).toBe(500)
      expect((await mailed('a@b.c')).status).toBe(200)
    })

    test('without a schema, what the model takes is checked; without `validate` it is a 500', async () => {
      const missing = await post('/shares/v1/prediction', [{ id: 1, ...SETOSA, petal_width: 'x' }])
      expect(missing.json.error.messages).toEqual([
        'Schema validation failed: data[0].petal_width must be number or null',
      ])
      expect(
        (await post('/lax/v1/prediction', [{ id: 'abc', ...SETOSA, petal_width: -0.1 }])).json.predictions,
      ).toEqual([{ id: 'abc', prediction: 0 }])
      for (const body of [
        [{ id: 1 }],
        [SETOSA],
        { id: 1, ...SETOSA },
        [1],
        5,
        [],
        [{ id: 1, ...SETOSA, sepal_width: 'x' }],
      ]) {
        const { status, json } = await post('/lax/v1/prediction', body)
        expect([status, json.error.messages]).toEqual([500, [FAILED]])
      }
    })

    test('what only JSON Schema itself knows is enforced as well', async () => {
      const { status, json } = await post('/ids/v1/prediction', [{ id: 1, ...SETOSA, tag: SECRET }])
      expect(status).toBe(422)
      expect(json.error.messages).toEqual(['Schema validation failed: data[0].tag must match format "uuid"'])
    })

    test('a body over the limit is 413', async () => {
      const { status, json } = await post('/iris/v1/prediction', `[${' '.repeat(17 * 1024 * 1024)}]`)
      expect([status, json.error.name]).toEqual([413, 'RequestEntityTooLarge'])
    })
  })

  describe('routes', () => {
    test('GET says that it is live, with and without a slash at the end', async () => {
      for (const path of [
        '/iris/v1/prediction',
        '/iris/v1/prediction/',
        '/flora/species/v2/pred?x=1',
        '/iris/v1/predictio%6e',
      ])
        expect((await call(path)).text).toBe(LIVE)
      const head = await call('/iris/v1/prediction', { method: 'HEAD' })
      expect([head.status, head.text]).toEqual([200, ''])
      const options = await call('/iris/v1/prediction', { method: 'OPTIONS' })
      expect([options.status, options.text, options.headers.get('allow')]).toEqual([
        200,
        '',
        'OPTIONS, POST, HEAD, GET',
      ])
    })

    test.each([
      ['DELETE', '/iris/v1/prediction', 405],
      ['PUT', '/-/alive', 405],
      ['POST', '/', 405],
      ['POST', '/docs/', 405],
      ['GET', '/nope', 404],
      ['POST', '/species/v2/pred', 404],
      ['GET', '/iris/v1', 404],
      ['GET', '/iris//v1/prediction', 404],
      ['GET', '/-/alive/', 404],
      ['GET', '/custom/a/', 404],
      ['GET', '/custom/a/b', 404],
      ['GET', '/custom/a%2Fb', 404],
      ['GET', '/custom', 404],
    ])("%s %s is porter's %i, without a model's context", async (method, path, status) => {
      const answer = await call(path, { method })
      expect(answer.status).toBe(status)
      const error =
        status === 404 ? { messages: [NO_URL], name: 'NotFound' } : { messages: [NO_METHOD], name: 'MethodNotAllowed' }
      expect(answer.json).toEqual({ error, request_id: ID })
    })

    test('other doors keep their own unknown paths', async () => {
      const { status, headers } = await call('/api/nothing')
      expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json'])
    })
  })

  describe('custom services', () => {
    const made = { api_version: 'v1', model_meta: { m: 1 }, model_name: 'made' }

    test('an object gets what it lacks of the request id and the context; its own members win', async () => {
      const got = await call('/custom/a%20b?x=1&x=2')
      expect(got.json).toEqual({ key: 'a b', query: { x: ['1', '2'] }, model_context: 'mine', request_id: ID })
      const posted = await post('/custom/k', { b: [1, null, 'é'], a: 1 })
      expect([posted.status, posted.headers.get('x-made')]).toEqual([202, 'yes'])
      expect(posted.text.replace(/[0-9a-f]{32}/, 'ID')).toBe(
        '{"echo":{"a":1,"b":[1,null,"\\u00e9"]},"model_context":{"api_version":"v1","model_meta":{"m":1},' +
          '"model_name":"made"},"request_id":"ID"}\n',
      )
    })

    test('of two paths that fit, the one with the longer beginning is meant, whichever was published first', async () => {
      expect((await call('/tree/oak/leaf')).json).toMatchObject({ part: 'leaf' })
      expect((await call('/tree/elm/leaf')).json).toMatchObject({ kind: 'elm' })
    })

    test("the app's own pages are meant where a parameter would fit them too", async () => {
      expect((await call('/assets/icons/tree')).json).toMatchObject({ kind: 'icons', name: 'tree' })
      const style = await call('/assets/swagger-ui/swagger-ui.css')
      expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8'])
    })

    test('anything else goes out as it is', async () => {
      expect((await post('/custom/k', { list: true })).text).toBe('["k","\\u00e9"]\n')
      const text = await post('/custom/k', { text: true })
      expect([text.status, text.text, text.headers.get('content-type')]).toEqual([
        201,
        'as it is',
        'text/plain; charset=utf-8',
      ])
    })

    test.each<[unknown, number, string, string[]]>([
      [
        { conflict: true },
        409,
        'Conflict',
        [
          'A conflict happened while processing the request. The resource might have been modified while the request was being processed.',
        ],
      ],
      [{ refuse: true }, 422, 'UnprocessableEntity', ['not this one']],
      [{ fail: true }, 500, 'InternalServerError', [FAILED]],
      ['{', 400, 'BadRequest', [BAD]],
      ['', 400, 'BadRequest', [BAD]],
      ['null', 400, 'BadRequest', [BAD]],
    ])('%j is %i %s in the context of the service', async (body, status, name, messages) => {
      const answer = await post('/custom/k', body)
      expect(answer.status).toBe(status)
      expect(answer.json).toEqual({ error: { name, messages }, model_context: made, request_id: ID })
      expect(answer.text).not.toContain(SECRET)
    })

    test('a large body is read in a process of its own, and refused in the same words where it is none', async () => {
      const long = `"long":"${'é'.repeat(200_000)}"`
      const text = await post('/custom/k', `\ufeff{"text":true,${long}}`)
      expect([text.status, text.text]).toEqual([201, 'as it is'])
      expect(workersOf(server.process.pid, 'schema')).toHaveLength(1)
      for (const broken of [
        `{"text":true,${long}`,
        `{${long},}`,
        Buffer.concat([Buffer.from(`{${long}}`), Buffer.from([0xff])]),
      ]) {
        const { status, json } = await post('/custom/k', broken)
        expect([status, json]).toEqual([
          400,
          { error: { name: 'BadRequest', messages: [BAD] }, model_context: made, request_id: ID },
        ])
      }
    })

    test('what its answer differs by is said beside the encoding; a Host that is none is nothing to it', async () => {
      const answer = await call('/custom/k?tongue=1')
      expect(answer.headers.get('vary')).toMatch(/Accept-Encoding.*Accept-Language/)
      const odd = await sendRaw(server.url, [head('GET /custom/k?x=%201', 'Host: [::', 'Accept-Encoding: identity')])
      expect([odd.status, odd.json]).toMatchObject([200, { key: 'k', query: { x: ' 1' } }])
    })

    test('a body may be packed; methods that it does not declare are 405 without a context', async () => {
      const packed = await post('/custom/k', gzipSync('{"z":1}'), { headers: { 'content-encoding': 'gzip' } })
      expect(packed.json.echo).toEqual({ z: 1 })
      const put = await call('/custom/k', { method: 'PUT', body: {} })
      expect(put.json).toEqual({ error: { messages: [NO_METHOD], name: 'MethodNotAllowed' }, request_id: ID })
      expect((await call('/custom/k', { method: 'OPTIONS' })).headers.get('allow')).toBe('OPTIONS, HEAD, GET, POST')
      expect((await call('/custom/k', { method: 'HEAD' })).status).toBe(200)
    })
  })

  describe('hooks', () => {
    const one = (row: object) => post('/hooked/v1/prediction', { id: 7, ...SETOSA, ...row })

    test('`before` makes the rows of the model, `after` makes answers of its predictions', async () => {
      const { json } = await one({ petal_length: 14 })
      expect(json.predictions).toEqual({ id: 7, prediction: { class: 0, of: 14, as: 1.4 } })
    })

    test('`check` refuses with its text, or with the usual one; what it did not mean is a 500', async () => {
      const refused = await one({ sepal_length: 11 })
      expect([refused.status, refused.json.error.messages]).toEqual([422, ['no such flower']])
      const silent = await one({ sepal_width: 11 })
      expect([silent.status, silent.json.error.messages]).toEqual([
        422,
        ['The request was well-formed but was unable to be followed due to semantic errors.'],
      ])
      const failed = await one({ petal_width: 11 })
      expect([failed.status, failed.json.error.messages]).toEqual([500, [FAILED]])
      expect(failed.text).not.toContain(SECRET)
    })

    test('they hold at every door that asks for predictions; a door of tensors says that it cannot', async () => {
      const instances = [{ ...SETOSA, petal_length: 14 }]
      const kserve = await post('/v1/models/hooked:predict', { instances })
      expect(kserve.json.predictions).toEqual([{ class: 0, of: 14, as: 1.4 }])
      const service = await post('/api/service/open/hooked', { rows: instances })
      expect(service.json.predictions).toEqual([{ class: 0, of: 14, as: 1.4 }])
      expect(service.json.probabilities).toBeUndefined()
      const refused = await post('/api/service/open/hooked', { features: { ...SETOSA, sepal_length: 11 } })
      expect([refused.status, refused.json.detail]).toEqual([422, 'no such flower'])
      const inputs = [{ name: 'input', shape: [1, 4], datatype: 'FP32', data: [5, 3, 1, 0] }]
      const tensors = await post('/v2/models/hooked/infer', { inputs })
      expect([tensors.status, typeof tensors.json.error]).toEqual([400, 'string'])
    })
  })

  describe('keys', () => {
    const body = [{ id: 1, ...SETOSA }]

    test("a service that is not public needs one, and says so in porter's shape", async () => {
      const without = await post('/guarded/v1/prediction', body)
      expect([without.status, without.json.error.name]).toEqual([401, 'Unauthorized'])
      expect(without.json.model_context).toBeUndefined()
      expect((await call('/guarded/v1/prediction')).status).toBe(401)
      expect((await post('/guarded/v1/prediction', body, { key: mintSecret('dk') })).status).toBe(401)
      expect((await post('/guarded/v1/prediction', body, { key: APP_KEY })).json.predictions).toEqual([
        { id: 1, prediction: 0 },
      ])
      const beyond = await post('/beyond/v1/prediction', body, { key: APP_KEY })
      expect([beyond.status, beyond.json.error.name]).toEqual([403, 'Forbidden'])
    })

    test('the rate limit is a 429 with Retry-After', async () => {
      expect((await post('/guarded/v1/prediction', body, { key: SLOW_KEY })).status).toBe(200)
      const { status, json, headers } = await post('/guarded/v1/prediction', body, { key: SLOW_KEY })
      expect([status, json.error.name]).toEqual([429, 'TooManyRequests'])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    })
  })

  describe('the app', () => {
    test('the probes list the routes as they are written, and what the app says of itself', async () => {
      const { status, json } = await call('/-/ready')
      expect(status).toBe(200)
      expect(Object.keys(json).sort()).toEqual(['app_meta', 'deployed_on', 'porter_version', 'request_id', 'services'])
      expect(json.app_meta).toEqual({
        team: 'ds',
        name: 'flora',
        version: '1.0',
        description: '<div>of <b>plants</b></div><div><p>(porter v0.16.8)</p></div>',
        expose_docs: true,
        docs_url: '/docs/',
        docs_json_url: '/_docs.json',
        docs_prefix: '',
      })
      expect(Object.keys(json.services)).toContain('/custom/<string:key>')
      expect(json.services['/iris/v1/prediction']).toEqual({
        endpoint: '/iris/v1/prediction',
        model_context: context,
        status: 'READY',
      })
      expect(json.deployed_on).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
    })

    test('the documents are there, and all that the page loads', async () => {
      const root = await call('/')
      expect([root.status, root.headers.get('location')]).toEqual([302, '/docs/'])
      expect((await call('/docs')).status).toBe(308)
      const page = await call('/docs/')
      expect(page.status).toBe(200)
      const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
      expect(links.length).toBeGreaterThan(1)
      for (const link of links) {
        expect(link).toStartWith('/')
        expect((await call(link)).text.length).toBeGreaterThan(100)
      }
    })

    test('the document describes requests and answers', async () => {
      const { json } = await call('/_docs.json')
      expect(json.openapi).toBe('3.0.1')
      const { get, post } = json.paths['/iris/v1/prediction']
      expect(get.tags).toEqual(['iris'])
      expect(post.requestBody.content['application/json'].schema).toEqual({
        type: 'array',
        description: null,
        items: { $ref: '#/components/schemas/Iris' },
      })
      expect(json.components.schemas.Iris.required).toEqual(['id', ...NAMES.toSorted()])
      expect(json.components.schemas.Iris.properties.petal_width).toEqual({ ...number, description: null })
      expect(Object.keys(post.responses)).toEqual(['200', '400', '415', '422', '500'])
      const { items } = json.paths['/shares/v1/prediction'].post.requestBody.content['application/json'].schema
      expect(items.properties.petal_width).toEqual({ type: 'number', nullable: true, description: null })
      expect(json.paths['/lax/v1/prediction'].post.requestBody).toBeDefined()
      const [braces] = Object.keys(json.paths).filter(path => path.startsWith('/braces'))
      expect(braces).toBe('/braces/%7Ba%7D')
      expect((await call(braces!)).status).toBe(200)
      const one = json.paths['/kin-one/v1/prediction'].post.requestBody.content['application/json'].schema
      expect(one.required).toEqual(['id'])
      expect(one.allOf[0].required).toEqual(NAMES.toSorted())
      expect(one.properties.parent.required).toBeUndefined()
      expect(json.paths['/columns/v1/prediction'].post.requestBody).toBeUndefined()
    })
  })

  describe('publishing', () => {
    const publish = async (key: string, porter: object, more: object = {}) => {
      const { json: projects } = await server.admin('GET', '/api/projects')
      const scope = { 'x-project-id': String(projects.items[0].project_id) }
      const config = { endpoints: [{ ...endpoint('e', 'iris', porter), ...more }] }
      const created = await server.admin(
        'POST',
        '/api/publish/assets',
        { asset_type: 'api_service', asset_key: key, title: key, config },
        scope,
      )
      if (created.status !== 201) return created
      return server.admin('POST', `/api/publish/assets/${created.json.id}/publish`, {}, scope)
    }

    test.each<[object, number]>([
      [{ name: 'iris' }, 409],
      [{ path: '/custom/<k>' }, 409],
      [{ path: '/docs/' }, 422],
      [{ path: '/_docs.json' }, 409],
      [{ namespace: 'v1', name: 'a', version: 'b', action: 'c' }, 422],
      [{ namespace: 'api' }, 422],
      [{ path: '/metrics' }, 422],
      [{ path: '/<a>/b' }, 422],
      [{ path: '/a/../b' }, 422],
      [{ path: '/a/<int:b>' }, 422],
      [{ name: 'a/b' }, 422],
      [{ feature_columns: ['sepal_width'] }, 422],
      [{ nmae: 'x' }, 422],
    ])('%j is refused, and says which endpoint it is', async (porter, status) => {
      const answer = await publish(`refused-${crypto.randomUUID()}`, porter)
      expect(answer.status).toBe(status)
      expect(answer.json.detail).toContain('endpoint e')
    })

    test('columns by a schema whose names are whole numbers are warned of, as their order is lost; by feature_columns not', async () => {
      const warningsOf = async (porter: object, names: string[]) => {
        const properties = Object.fromEntries(names.map(name => [name, { type: 'number' }]))
        const more = { model: 'unnamed', schema: { properties } }
        const { json } = await publish(`columns-${crypto.randomUUID()}`, { name: crypto.randomUUID(), ...porter }, more)
        return json.warnings
      }
      const years = ['age', '2020', '2021', 'tenure']
      expect(await warningsOf({}, years)).toEqual([expect.stringContaining('feature_columns says the order')])
      expect(await warningsOf({ feature_columns: years }, years)).toEqual([])
      expect(await warningsOf({}, ['age', 'y2020', 'y2021', 'tenure'])).toEqual([])
    })

    test('a route is there when it is published, and gone with its service', async () => {
      const { status, json } = await publish('later', { name: 'later', status: 'LOADING' })
      expect(status).toBe(200)
      // the service has no key yet
      expect((await call('/later/v1/prediction')).status).toBe(401)
      const ready = await call('/-/ready')
      expect([ready.status, ready.json.services['/later/v1/prediction'].status]).toEqual([503, 'LOADING'])
      expect(ready.json.reasons).toBeUndefined()
      expect((await call('/-/alive')).status).toBe(200)
      expect((await server.admin('POST', `/api/publish/assets/${json.id}/unpublish`, {})).status).toBe(200)
      expect((await call('/later/v1/prediction')).status).toBe(404)
      expect((await call('/-/ready')).status).toBe(200)
    })
  })

  test('the app survives a start without the manifest; another one changes what it names', async () => {
    await server.stop()
    server = await startCallgate({ target, dataDir })
    expect((await call('/nope')).json.error.name).toBe('NotFound')
    await server.stop()
    const terse = { return_request_id: false, return_user_data_on_error: true, return_traceback_on_error: true }
    server = await startCallgate({ target, dataDir, manifest: { porter: terse, projects: [] } })
    const ready = await call('/-/ready')
    expect([ready.json.app_meta.name, ready.json.request_id]).toEqual(['flora', undefined])
    const { json, text } = await post('/iris/v1/prediction', '[{"id": 1.0, "x": 12345678901234567890}]')
    expect(Object.keys(json)).toEqual(['error', 'model_context'])
    expect(text).toContain('"user_data":[{"id":1.0,"x":12345678901234567890}]')
    expect(json.error.traceback).toContain('Schema validation failed')
    expect((await call('/nope')).json.error.user_data).toBeNull()
  })

  test('without an app, routes are served all the same, the console is at the root, and unknown paths are not porter’s', async () => {
    const other = await startCallgate({ target, env: { APP_KEY, SLOW_KEY }, manifest: { projects: [project] } })
    expect((await other.call('/nope')).json.title).toBe('Not Found')
    const home = await fetch(`${other.url}/`)
    expect([home.status, home.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await home.text()).toContain('/console/')
    const { json } = await other.call('/-/ready')
    expect(json.app_meta).toEqual({})
    expect(json.services['/iris/v1/prediction'].status).toBe('READY')
    const answer = await other.call('/iris/v1/prediction', { method: 'POST', body: {} })
    expect(answer.json.error.messages).toEqual(['Schema validation failed: data must be array'])
    expect((await other.call('/docs/')).status).toBe(404)
    await other.stop()
  })
})

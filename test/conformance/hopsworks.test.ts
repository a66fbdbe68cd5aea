/** Hopsworks deployments of models, by path and by Host: from source and as the executable. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate, TARGETS } from '../harness.ts'
import { sendRaw } from './raw-http.ts'

const ROWS = [
  [5.1, 3.5, 1.4, 0.2],
  [6.3, 3.3, 6, 2.5],
]
const PREDICT = '/v1/models/iris:predict'
const INPUT = { name: 'X', datatype: 'FP32', shape: [2, 4], data: ROWS }
const ORIGIN = 'https://app.example'
const KEYS = ['demo', 'manager', 'limited', 'elsewhere', 'service', 'slow', 'twins'] as const
type Key = (typeof KEYS)[number]

describe.each(TARGETS)('Hopsworks, %s:', target => {
  const keys = Object.fromEntries(KEYS.map(name => [name, mintSecret('dk')])) as Record<Key, string>
  let server: Callgate

  beforeAll(async () => {
    const models = [
      {
        name: 'iris_logreg',
        versions: [
          {
            version: 3,
            file: join(FIXTURES, 'models/iris.onnx'),
            features: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'],
          },
        ],
      },
    ]
    const key = (name: Key, more: object = {}) => ({ name, secret_env: `KEY_${name}`, ...more })
    const iris = { name: 'iris', model: 'iris_logreg' }
    server = await startCallgate({
      target,
      flags: ['--host-domain', 'Serving.example.', '--cors-origins', ORIGIN],
      env: Object.fromEntries(KEYS.map(name => [`KEY_${name}`, keys[name]])),
      manifest: {
        projects: [
          {
            slug: 'my-demo',
            models,
            services: [
              {
                key: 'flowers',
                publish: true,
                endpoints: [{ id: 'iris', kind: 'model', model: 'iris_logreg' }],
                keys: [key('service')],
              },
            ],
            deployments: [
              iris,
              {
                name: 'checked',
                model: 'iris_logreg',
                schema: { properties: { petal_length: { maximum: 10 } } },
                output: 'probabilities',
              },
              { name: 'pyserver', command: ['no-such-program'] },
            ],
            keys: [
              key('demo'),
              key('manager', { manage_models: true }),
              key('limited', { allowed_deployments: ['checked'] }),
              key('slow', { rate_limit: 1 }),
            ],
          },
          { slug: 'a.b', models, deployments: [iris] },
          { slug: 'twin-x', models, deployments: [{ name: 'dash', model: 'iris_logreg' }], keys: [key('twins')] },
          { slug: 'twin_x', models, deployments: [{ name: 'underscore', model: 'iris_logreg' }] },
          { slug: 'elsewhere', keys: [key('elsewhere')] },
        ],
      },
    })
  }, 180_000)
  afterAll(cleanUp)

  const by = (path: string, init: { key?: Key | null; body?: unknown; method?: string; headers?: object } = {}) => {
    const { key = 'demo', body, method, headers } = init
    return server.call(path, {
      method,
      body,
      headers: { ...(key === null ? {} : { authorization: `ApiKey ${keys[key]}` }), ...headers },
    })
  }
  const base = '/v1/my-demo/iris'
  const predict = (path: string, key?: Key | null) => by(path, { key, body: { instances: ROWS } })

  describe('by path', () => {
    test('the v1 routes answer under the name of the deployment', async () => {
      const { status, json } = await predict(base + PREDICT)
      expect([status, json]).toEqual([200, { predictions: [0, 2] }])
      expect((await predict(`${base}/v1/models/iris%3Apredict`)).json).toEqual({ predictions: [0, 2] })
      expect((await by(`${base}/v1/models/iris`)).json).toEqual({ name: 'iris', ready: true })
      expect((await by(`${base}/v1/models`)).json).toEqual({ models: ['iris'] })
      const objects = {
        instances: [{ sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }],
        key2: 'x',
      }
      expect((await by(base + PREDICT, { body: objects })).json).toEqual({ predictions: [0] })
    })

    test('the v2 routes answer under the name of the deployment', async () => {
      expect((await by(`${base}/v2/health/live`)).json).toEqual({ live: true })
      expect((await by(`${base}/v2/health/ready?x=1`)).json).toEqual({ ready: true })
      expect((await by(`${base}/v2`)).json.name).toBe('callgate')
      expect((await by(`${base}/v2/models/iris`)).json).toMatchObject({ name: 'iris', versions: ['3'] })
      expect((await by(`${base}/v2/models`)).json).toEqual({ models: ['iris'] })
      const { json } = await by(`${base}/v2/models/iris/versions/3/infer`, { body: { id: 'h', inputs: [INPUT] } })
      expect(json).toMatchObject({ id: 'h', model_name: 'iris', model_version: '3' })
      expect(json.outputs[0].data).toEqual([0, 2])
      const index = await by(`${base}/v2/repository/index`, { method: 'POST' })
      expect(index.json).toEqual([{ name: 'iris', version: '3', state: 'READY', reason: '' }])
    })

    test('the root says that it is alive', async () => {
      for (const path of [base, `${base}/`]) expect((await by(path)).json).toEqual({ status: 'alive' })
      expect((await by(base, { method: 'DELETE' })).status).toBe(405)
    })

    test('a deployment has its own output and row schema', async () => {
      const { json } = await predict('/v1/my-demo/checked/v1/models/checked:predict')
      expect(json.predictions[0]).toHaveLength(3)
      const bad = await by('/v1/my-demo/checked/v1/models/checked:predict', {
        body: { instances: [[5, 3, 98765, 0.2]] },
      })
      expect([bad.status, typeof bad.json.error]).toEqual([400, 'string'])
      expect(bad.text).not.toContain('98765')
    })

    test.each(['MY-DEMO', 'my_demo', 'My_Demo', 'my%2Ddemo'])('the project may be spelt %s', async project => {
      expect((await predict(`/v1/${project}/iris${PREDICT}`)).json).toEqual({ predictions: [0, 2] })
    })

    test('a spelling that is another project is that project', async () => {
      const ready = (project: string, name: string) =>
        by(`/v1/${project}/${name}/v1/models/${name}`, { key: 'twins' }).then(answer => answer.status)
      expect(await ready('twin-x', 'dash')).toBe(200)
      expect(await ready('TWIN-X', 'dash')).toBe(200)
      expect(await ready('twin_x', 'dash')).toBe(404)
      expect(await ready('twin_x', 'underscore')).toBe(403)
    })
  })

  describe('refusals', () => {
    test.each([
      {},
      { authorization: 'ApiKey wrong' },
      { authorization: 'ApiKey ' },
      { authorization: 'Digest x' },
      { authorization: `Basic ${btoa('a:b')}` },
      { authorization: `ApiKey ${mintSecret('dk')}` },
    ])('without a good key everything is 401, whether it is there or not: %j', async headers => {
      for (const path of [base + PREDICT, '/v1/my-demo/nope/x', '/v1/nope/iris/x', `${base}/zzz`]) {
        const answer = await by(path, { key: null, body: {}, headers })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toBe('ApiKey')
        expect(answer.json).toMatchObject({ status: 401, detail: expect.any(String), errorMsg: expect.any(String) })
      }
    })

    test.each(['ApiKey', 'apikey', 'APIKEY', 'Bearer'])('the scheme %s is taken', async scheme => {
      const headers = { authorization: `${scheme} ${keys.demo}` }
      expect((await by(`${base}/v2/health/live`, { key: null, headers })).status).toBe(200)
    })

    test('what is not there is 404 with an empty body', async () => {
      for (const path of [
        '/v1/my-demo/nope/v1/models/nope',
        '/v1/nope/iris/v1/models/iris',
        '/v1/my-demo/IRIS/v1/models/iris',
        '/v1/my-demo',
        '/v1/my-demo/',
        '/v1/%ff/iris/v2',
        `${base}/definitely/not/a/route`,
        `${base}/v2x`,
        `${base}/api/projects`,
      ]) {
        const answer = await by(path)
        expect([path, answer.status, answer.text]).toEqual([path, 404, ''])
      }
      expect((await by(`${base}/definitely/not`, { method: 'DELETE' })).status).toBe(404)
    })

    test('another model below a deployment is 404 with a body: it is routed', async () => {
      for (const path of ['/v1/models/iris_logreg', '/v2/models/nope', '/v2/models/nope/ready', '/v2/zzz']) {
        const { status, json } = await by(base + path)
        expect([status, typeof json.error]).toEqual([404, 'string'])
      }
    })

    test('a key of another project, of a service, or for other deployments is 403', async () => {
      for (const key of ['elsewhere', 'service', 'limited'] as const) {
        const { status, json, headers } = await predict(base + PREDICT, key)
        expect([status, headers.get('content-type')]).toEqual([403, 'application/problem+json'])
        expect(json).toMatchObject({ status: 403, detail: expect.any(String) })
      }
      expect((await by('/v1/my-demo/checked/v1/models/checked', { key: 'limited' })).status).toBe(200)
      expect((await by('/v1/my-demo/nope/x', { key: 'elsewhere' })).text).toBe('')
    })

    test('a deployment whose server does not start is 503, in an object that clients can read', async () => {
      const { status, json, headers } = await by('/v1/my-demo/pyserver/echo')
      expect([status, json.status, typeof json.detail, json.errorMsg]).toEqual([503, 503, 'string', json.detail])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    })

    test('bad input is 400 in an object that the client can read', async () => {
      for (const body of ['{', '[]', '{}', '{"instances":[[1]]}']) {
        const { status, json } = await by(base + PREDICT, { body })
        expect([status, typeof json.error]).toEqual([400, 'string'])
      }
    })

    test('a body over the limit is 413 in an object that the models’ clients can read, packed or not', async () => {
      const path = `${base}/v2/models/iris/infer`
      const { status, head, json } = await sendRaw(server.url, [
        `POST ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${keys.demo}\r\nContent-Length: 17000000\r\n\r\n`,
      ])
      expect([status, json]).toEqual([413, { error: expect.any(String) }])
      expect(head).toMatch(/^content-type: application\/json$/im)
      const packed = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'x-api-key': keys.demo, 'content-encoding': 'gzip' },
        body: new Uint8Array(Bun.gzipSync(new Uint8Array(17_000_000))),
      })
      expect([packed.status, await packed.json()]).toEqual([413, { error: expect.any(String) }])
    })

    test('over its rate a key gets 429 and when to come back', async () => {
      expect((await by(`${base}/v2/health/live`, { key: 'slow' })).headers.get('ratelimit')).toContain('r=0')
      const { status, headers, json } = await by(`${base}/v2/health/live`, { key: 'slow' })
      expect([status, json.status]).toEqual([429, 429])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    })
  })

  describe('by Host', () => {
    const at = (host: string, path: string, init: Parameters<typeof by>[1] = {}) =>
      by(path, { ...init, headers: { ...init.headers, host } })

    test.each([
      'iris.my-demo.serving.example',
      'iris.my-demo.serving.example:8080',
      'IRIS.MY-DEMO.SERVING.EXAMPLE',
      'iris.my-demo.serving.example.',
      'iris.my_demo.serving.example',
    ])('%s owns every path', async host => {
      expect((await at(host, PREDICT, { body: { instances: ROWS } })).json).toEqual({ predictions: [0, 2] })
      expect((await at(host, '/v2/models')).json).toEqual({ models: ['iris'] })
      expect((await at(host, '/')).json).toEqual({ status: 'alive' })
      for (const path of ['/api/version', '/-/alive', '/zzz', `${base}${PREDICT}`]) {
        const answer = await at(host, path)
        expect([path, answer.status, answer.text]).toEqual([path, 404, ''])
      }
    })

    test('a key comes first, then the route, then its reach', async () => {
      const host = 'iris.my-demo.serving.example'
      const none = await at(host, '/-/alive', { key: null })
      expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'ApiKey'])
      expect((await at('nope.my-demo.serving.example', '/v2')).text).toBe('')
      expect((await at('nope.my-demo.serving.example', '/v2')).status).toBe(404)
      expect((await at(host, '/v2', { key: 'elsewhere' })).status).toBe(403)
      expect((await at('iris.a.b.serving.example', '/v2', { key: 'elsewhere' })).status).toBe(403)
    })

    test('another Host is the server itself', async () => {
      for (const host of ['serving.example', 'x.serving.example', 'iris.my-demo.notserving.example', 'example'])
        expect((await at(host, '/-/alive', { key: null })).status).toBe(200)
    })

    test('a request without a Host gets an answer', async () => {
      const { status } = await sendRaw(server.url, ['GET /-/alive HTTP/1.0\r\n\r\n'])
      expect(status === undefined || status < 500).toBe(true)
    })
  })

  describe('browsers', () => {
    test('a preflight is answered at the edge, without a key, by path and by Host', async () => {
      for (const host of [undefined, 'iris.my-demo.serving.example']) {
        const { status, headers } = await by(host ? PREDICT : base + PREDICT, {
          key: null,
          method: 'OPTIONS',
          headers: {
            origin: ORIGIN,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization,content-type',
            ...(host ? { host } : {}),
          },
        })
        expect(status).toBe(204)
        expect(headers.get('access-control-allow-origin')).toBe(ORIGIN)
        expect(headers.get('access-control-allow-methods')).toContain('POST')
        expect(headers.get('access-control-allow-headers')?.toLowerCase()).toMatch(/authorization.*content-type/)
      }
    })

    test('answers and refusals can be read by allowed origins and no others', async () => {
      for (const host of [undefined, 'iris.my-demo.serving.example'])
        for (const key of ['demo', null] as const) {
          const ask = (origin: string) =>
            by(host ? '/v2/health/live' : `${base}/v2/health/live`, {
              key,
              headers: { origin, ...(host ? { host } : {}) },
            })
          const allowed = await ask(ORIGIN)
          expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN)
          expect(allowed.headers.get('vary')?.toLowerCase()).toContain('origin')
          expect((await ask('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false)
        }
      const inferred = await by(`${base}/v2/models/iris/infer`, {
        body: { inputs: [INPUT] },
        headers: { origin: ORIGIN },
      })
      expect(inferred.headers.get('vary')?.toLowerCase()).toMatch(/origin.*accept-encoding|accept-encoding.*origin/)
    })
  })

  describe('load and unload', () => {
    test('unloading below a deployment is its own; unloading elsewhere leaves it alone', async () => {
      const act = (path: string, key: Key) =>
        by(`${path}/v2/repository/models/iris/${path && 'un'}load`, { key, body: {} })
      expect((await by(`${base}/v2/repository/models/iris/unload`, { body: {} })).status).toBe(403)
      expect((await act(base, 'manager')).status).toBe(200)
      expect(await by(`${base}/v2/models/iris/ready`)).toMatchObject({ status: 404, json: { ready: false } })
      expect((await predict(base + PREDICT)).status).toBe(404)
      expect((await by('/v2/models/iris/ready')).status).toBe(200)
      expect((await by(`${base}/v2/repository/models/iris/load`, { key: 'manager', body: {} })).status).toBe(200)
      expect((await by('/v2/repository/models/iris/unload', { key: 'manager', body: {} })).status).toBe(200)
      expect((await by('/v2/models/iris/ready')).status).toBe(404)
      expect((await predict(base + PREDICT)).json).toEqual({ predictions: [0, 2] })
      expect((await act('', 'manager')).status).toBe(200)
      expect((await by('/v2/models/iris/ready')).status).toBe(200)
    })
  })

  test('the management API tells where a deployment answers', async () => {
    const projects = (await server.admin('GET', '/api/projects')).json.items
    const { project_id: id } = projects.find((project: { slug: string }) => project.slug === 'my-demo')
    const { items } = (await server.admin('GET', `/api/projects/${id}/deployments`)).json
    const iris = items.find((item: { name: string }) => item.name === 'iris')
    expect(iris).toMatchObject({ status: 'running', endpoint_url: server.url + base })
    expect((await by(new URL(iris.endpoint_url).pathname)).json).toEqual({ status: 'alive' })
    expect(items.find((item: { name: string }) => item.name === 'pyserver').status).toBe('failing')
  })
})

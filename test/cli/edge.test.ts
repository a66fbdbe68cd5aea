/** The edge settings: HTTPS, CORS, trusted proxies. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Answer, type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { run } from './run.ts'

setDefaultTimeout(180_000)

const folder = temporaryFolder()
const key = mintSecret('dk')
const env = { EDGE_KEY: key }
writeFileSync(join(folder, 't.csv'), 'id,name\n1,one\n2,two\n')
const endpoints = [{ id: 'row', kind: 'lookup', dataset: 'edge.t', key_column: 'id' }]
/** An answer that a browser may keep. */
const KEPT = "export default (_, host) => host.reply({ ok: true }, { headers: { 'cache-control': 'max-age=60' } })"
/** One that says by what else than the origin it differs. */
const VARIED = "export default (_, host) => host.reply({ ok: true }, { headers: { vary: 'Accept-Language' } })"
const manifest = {
  projects: [
    {
      slug: 'edge',
      datasets: ['edge.t', 'edge.w'].map(name => ({
        name,
        from: join(folder, 't.csv'),
        primary_key: 'id',
        writable: name === 'edge.w',
      })),
      services: [
        {
          key: 'edge',
          publish: true,
          endpoints: [
            ...endpoints,
            { id: 'rows', kind: 'table', dataset: 'edge.w' },
            { id: 'kept', kind: 'function', methods: ['GET'], handler: KEPT },
            { id: 'varied', kind: 'function', methods: ['GET'], handler: VARIED, porter: { path: '/varied' } },
          ],
          keys: [{ name: 'edge', secret_env: 'EDGE_KEY' }],
        },
        { key: 'open', publish: true, public: true, endpoints },
      ],
    },
  ],
}
const ROW = '/api/service/edge/row?id=1'
const OPEN = '/api/service/open/row?id=1'
const ORIGIN = 'https://app.example.org'

/** Two origins and a trusted proxy (this machine); neither; and any origin. */
let configured: Callgate
let plain: Callgate
let anyone: Callgate
beforeAll(async () => {
  const flags = [
    '--cors-origins',
    `${ORIGIN},http://localhost:3000`,
    '--trusted-proxies',
    '127.0.0.1,10.0.0.0/8',
    '--scoring-workers',
    '1',
  ]
  ;[configured, plain, anyone] = await Promise.all([
    startCallgate({ manifest, env, flags }),
    startCallgate({ manifest, env, flags: ['--scoring-workers', '1'] }),
    startCallgate({ manifest, env, flags: ['--scoring-workers', '1', '--cors-origins', '*'] }),
  ])
})
afterAll(cleanUp)

describe('CORS', () => {
  const preflight = (callgate: Callgate, path: string, origin: string, method = 'POST') =>
    callgate.call(path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'x-api-key,content-type',
      },
    })
  const allowed = (answer: Answer) => answer.headers.get('access-control-allow-origin')
  const crossHeaders = (answer: Answer) => [...answer.headers.keys()].filter(name => name.startsWith('access-control-'))

  test('a preflight from a configured origin is answered without a key, at every door', async () => {
    for (const path of [
      ROW,
      '/api/service/none/none',
      '/api/projects',
      '/api/auth/login',
      '/-/ready',
      '/no/such/route',
    ])
      for (const origin of [ORIGIN, 'http://localhost:3000']) {
        const answer = await preflight(configured, path, origin)
        expect(answer.status).toBe(204)
        expect(allowed(answer)).toBe(origin)
        expect(answer.headers.get('access-control-allow-headers')).toMatch(/X-API-Key/i)
        expect(answer.headers.get('access-control-allow-methods')).toMatch(/POST/)
        expect(answer.headers.get('access-control-allow-credentials')).not.toBe('true')
        expect(answer.headers.get('vary')).toMatch(/origin|\*/i)
        expect(answer.text).toBe('')
      }
  })

  /** One answer of every kind: found, and refused at each stage of the walk. */
  const answers = (callgate: Callgate, headers: Record<string, string>) =>
    Promise.all([
      callgate.call(ROW, { key, headers }),
      callgate.call(ROW, { headers }),
      callgate.call(ROW, { key: mintSecret('dk'), headers }),
      callgate.call('/api/service/none/row', { key, headers }),
      callgate.call('/api/service/edge/none', { key, headers }),
      callgate.call(ROW, { method: 'POST', key, headers, body: {} }),
      callgate.call('/api/service/edge/row', { key, headers }),
      callgate
        .call(ROW, { key, headers: { ...headers, 'content-length': String(2 ** 31) }, method: 'POST', body: 'x' })
        .catch(() => undefined),
      callgate.call('/api/projects', { headers }),
      callgate.admin('GET', '/api/projects', undefined, headers),
      callgate.call('/no/such/route', { headers }),
      callgate.call('/-/alive', { headers }),
      callgate.call('/api/service/edge/rows/1', { key, headers }),
      callgate.call('/api/service/edge/kept', { key, headers }),
      callgate.call('/api/service/edge/varied', { key, headers }),
      callgate.call('/varied', { key, headers }),
      callgate.call('/v2', { key, headers }),
      callgate.call('/console', { headers }),
    ]).then(all => all.filter(answer => answer !== undefined))

  test('every answer to a configured origin says so, errors too, and lets it read our headers', async () => {
    const seen = await answers(configured, { origin: ORIGIN })
    expect([...new Set(seen.map(answer => answer.status))].sort()).toEqual(
      expect.arrayContaining([200, 401, 404, 405, 422]),
    )
    for (const answer of seen) {
      expect({ status: answer.status, origin: allowed(answer) }).toEqual({ status: answer.status, origin: ORIGIN })
      expect(answer.headers.get('access-control-expose-headers')).toMatch(/Retry-After/i)
      expect(answer.headers.get('vary')).toMatch(/origin/i)
    }
    // to whoever does not say its origin, as a cache that answers all of them may
    for (const answer of await answers(configured, {})) expect(answer.headers.get('vary')).toMatch(/origin/i)
  })

  test('where any origin may call, all are answered alike, so that what may be kept is kept', async () => {
    const seen = [...(await answers(anyone, { origin: ORIGIN })), ...(await answers(anyone, {}))]
    for (const answer of seen) {
      expect({ status: answer.status, origin: allowed(answer) }).toEqual({ status: answer.status, origin: '*' })
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
      expect(answer.headers.get('vary') ?? '').not.toContain('*')
    }
    const kept = await anyone.call('/api/service/edge/kept', { key, headers: { origin: ORIGIN } })
    expect([kept.headers.get('cache-control'), kept.headers.get('vary')]).toEqual([
      'max-age=60',
      'X-API-Key, Authorization, Origin',
    ])
    const asked = await preflight(anyone, ROW, ORIGIN, 'PATCH')
    expect([asked.status, allowed(asked)]).toEqual([204, '*'])
  })

  test('another origin is told nothing that lets it read, and its call is answered as ever', async () => {
    for (const origin of [
      'https://evil.example',
      `${ORIGIN}.evil.example`,
      `${ORIGIN}:444`,
      'null',
      'http://app.example.org',
    ]) {
      const answer = await configured.call(ROW, { key, headers: { origin } })
      expect({ status: answer.status, origin: allowed(answer) }).toEqual({ status: 200, origin: null })
      expect(allowed(await preflight(configured, ROW, origin))).toBeNull()
    }
    for (const answer of await answers(configured, { origin: 'https://evil.example' }))
      expect(allowed(answer)).toBeNull()
  })

  test('without --cors-origins no answer has a CORS header', async () => {
    for (const answer of await answers(plain, { origin: ORIGIN })) expect(crossHeaders(answer)).toEqual([])
    expect(crossHeaders(await preflight(plain, ROW, ORIGIN))).toEqual([])
  })
})

test('a HEAD of the console says as much as its GET does', async () => {
  for (const path of ['/', '/console', '/console/projects']) {
    const [head, get] = await Promise.all(['HEAD', 'GET'].map(method => plain.call(path, { method })))
    expect(get!.headers.get('content-length')).toMatch(/^[1-9]/)
    for (const name of ['content-length', 'content-type', 'cache-control'])
      expect([path, head!.headers.get(name)]).toEqual([path, get!.headers.get(name)])
    expect(head!.text).toBe('')
  }
})

describe('trusted proxies', () => {
  /** How many calls without a key this caller has left in the minute. */
  const left = async (callgate: Callgate, forwarded?: string) => {
    const answer = await callgate.call(OPEN, { headers: forwarded ? { 'x-forwarded-for': forwarded } : {} })
    expect(answer.status).toBe(200)
    return Number(/r=(\d+)/.exec(answer.headers.get('ratelimit')!)![1])
  }

  test('behind a trusted proxy the limit is that of the address it names, whatever the caller wrote before it', async () => {
    const first = await left(configured, '203.0.113.5')
    expect(await left(configured, '203.0.113.5')).toBe(first - 1)
    expect(await left(configured, '203.0.113.6')).toBe(first)
    expect(await left(configured, '198.51.100.1, 203.0.113.5')).toBe(first - 2)
    expect(await left(configured, '203.0.113.5, 10.1.2.3')).toBe(first - 3)
    expect(await left(configured, '2001:db8::7')).toBe(first)
    expect(await left(configured, 'nonsense')).toBe(first)
    expect(await left(configured)).toBe(first - 1) // nobody named: the peer's own, as with nonsense
  })

  test('a trusted proxy on this machine is believed over IPv6 too, however its address is written', async () => {
    const flags = ['--host', '[::1]', '--trusted-proxies', '::1', '--scoring-workers', '1']
    const callgate = await startCallgate({ manifest, env, flags })
    expect(callgate.url).toStartWith('http://[::1]:')
    const first = await left(callgate, '203.0.113.5')
    expect(await left(callgate, '203.0.113.6')).toBe(first)
    expect(await left(callgate, '203.0.113.5')).toBe(first - 1)
    await callgate.stop()
  })

  test('a peer that is no trusted proxy is limited as itself, whatever it writes', async () => {
    const first = await left(plain, '203.0.113.5')
    expect(await left(plain, '203.0.113.6')).toBe(first - 1)
    expect(await left(plain)).toBe(first - 2)
  })
})

describe('HTTPS', () => {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const openssl = Bun.which('openssl')
  if (!openssl) console.log('  HTTPS is not tested: there is no openssl to make a certificate with')

  test.skipIf(!openssl)(
    'with a certificate every door speaks HTTPS, plain HTTP gets nothing, and health asks the right way',
    async () => {
      const made = Bun.spawnSync([
        ...[
          openssl!,
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ],
        ...[
          '-subj',
          '/CN=callgate.test',
          '-addext',
          'subjectAltName=DNS:localhost,IP:127.0.0.1',
          '-keyout',
          files.key,
          '-out',
          files.cert,
        ],
      ])
      expect(made.exitCode).toBe(0)
      const flags = ['--tls-cert', files.cert, '--tls-key', files.key, '--scoring-workers', '1']
      const callgate = await startCallgate({ manifest, env, flags, waitReady: false })
      expect(callgate.url).toMatch(/^https:/)
      const ca = await Bun.file(files.cert).text()
      const call = (path: string, headers: Record<string, string> = {}) =>
        fetch(callgate.url + path, { headers, tls: { ca, rejectUnauthorized: true } })
      await waitFor(async () => (await call('/-/ready')).status === 200 || undefined)
      const answer = await call(ROW, { 'x-api-key': key })
      expect(answer.status).toBe(200)
      expect(((await answer.json()) as { rows: unknown[] }).rows).toEqual([{ id: 1, name: 'one' }])
      expect((await call('/api/projects', { authorization: `Bearer ${callgate.adminToken}` })).status).toBe(200)
      await expect(fetch(callgate.url.replace('https', 'http') + ROW)).rejects.toThrow()
      const { port } = new URL(callgate.url)
      const asked = await run(['health'], { env: { CALLGATE_PORT: port, CALLGATE_TLS_CERT: files.cert } })
      expect(asked).toEqual({ code: 0, stdout: '', stderr: '' })
      expect(await callgate.stop()).toBe(0)
    },
  )
})

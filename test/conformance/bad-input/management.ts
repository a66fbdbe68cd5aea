import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import type { World } from '../honeyframe/world.ts'
import { expectRefusal, JSON_TYPE, MARK, nested } from './refusal.ts'

export function badManagement(world: World): void {
  const routes = (): [method: string, path: string, emptyIsFine?: boolean][] => [
    ['POST', '/api/auth/login'],
    ['POST', '/api/auth/tokens'],
    ['POST', '/api/users'],
    ['PATCH', '/api/users/1', true],
    ['POST', '/api/projects'],
    ['PATCH', `/api/projects/${world.other}`, true],
    ['POST', '/api/publish/assets'],
    ['PUT', `/api/publish/assets/${world.otherService}`, true],
    ['POST', `/api/publish/assets/${world.otherService}/api-keys`, true],
    ['POST', `/api/projects/${world.other}/api-keys`, true],
    ['PATCH', '/api/datasets/marts.plans', true],
    ['POST', `/api/api-services/${world.service}/endpoints/customer/test`],
    ['POST', `/api/api-services/${world.service}/endpoints/churn/test`],
    ['POST', '/api/datasets/file/upload'],
    ['POST', '/api/datasets'],
    ['POST', '/api/connections'],
    ['POST', '/api/models'],
  ]
  const scoped = () => ({ 'x-project-id': String(world.other) })

  test('bodies that are no object of the right shape', async () => {
    const bodies = [
      `{"name": ${MARK}`,
      '[]',
      'null',
      '1',
      `"${MARK}"`,
      nested('[', ']'),
      nested('{"a":', '}').replace('}', '1}'),
      '\u0000',
      '{}}',
    ]
    for (const [method, path] of routes())
      for (const body of bodies)
        expectRefusal(
          await world.admin(method, path, body, { ...JSON_TYPE, ...scoped() }),
          `${method} ${path} ${body.slice(0, 20)}`,
          path === '/api/auth/login' && body.length > 32 * 1024 ? [413] : [400, 415, 422],
        )
  })

  test('no body, another content type, an encoding that is not known', async () => {
    for (const [method, path, emptyIsFine] of routes()) {
      if (!emptyIsFine) expectRefusal(await world.admin(method, path, '', scoped()), path, [400, 415, 422])
      expectRefusal(await world.admin(method, path, MARK, { 'content-type': 'text/plain', ...scoped() }), path, [415])
      expectRefusal(
        await world.admin(method, path, '{}', { ...JSON_TYPE, 'content-encoding': 'br', ...scoped() }),
        path,
        [415],
      )
    }
  })

  test('members with values that no member takes', async () => {
    const names = [
      'name',
      'title',
      'config',
      'theme',
      'roles',
      'is_public',
      'sort_order',
      'username',
      'password',
      'slug',
      'columns',
      'rate_limit',
      'row_scope',
      'allowed_endpoints',
      'expires_at',
      'expires_days',
      'description',
      'asset_key',
      'asset_type',
      'id',
      'features',
      '__proto__',
      'constructor',
    ]
    const values = [
      'null',
      '1e999',
      '12345678901234567890',
      '"\\ud800\\u0000"',
      '{"__proto__":{"a":1}}',
      '[[[]]]',
      '-1',
      `{"${'k'.repeat(5000)}":[]}`,
      '{"a\\nb":1}',
    ]
    for (const [method, path] of routes())
      for (const name of names)
        for (const value of values) {
          const answer = await world.admin(method, path, `{"${name}":${value}}`, { ...JSON_TYPE, ...scoped() })
          if (answer.status >= 300) expectRefusal(answer, `${method} ${path} ${name}: ${value}`)
        }
    expect(({} as Record<string, unknown>).a).toBeUndefined()
  })

  test('ids, names, filters and scopes that are none', async () => {
    const odd = [
      '0',
      '-1',
      '1e3',
      '0x1',
      '99999999999999999999',
      '%00',
      '%ff',
      '..%2f1',
      '__proto__',
      'constructor',
      "1'%20OR%201=1",
      'x'.repeat(10_000),
    ]
    for (const id of odd)
      for (const path of [
        'users',
        'projects',
        'models',
        'datasets',
        'publish/assets',
        `publish/assets/${world.service}/api-keys`,
        `publish/assets/${world.service}/versions/1/diff`,
      ])
        expectRefusal(await world.admin('GET', `/api/${path}/${id}`), `${path}/${id}`, [404])
    for (const project of ['abc', '-1', '1e9', '9'.repeat(30), '__proto__'])
      expectRefusal(
        await world.admin('GET', '/api/datasets', undefined, { 'x-project-id': project }),
        project,
        [404, 422],
      )
    expectRefusal(
      await world.admin('PUT', `/api/publish/assets/${world.service}`, {}, { 'if-match': MARK }),
      'If-Match',
      [412],
    )
    for (const query of ['page=__proto__', 'page=1e9', `status=${MARK}`, 'project_id=%00', 'page_size=99999999999'])
      expectRefusal(await world.admin('GET', `/api/publish/assets?${query}`), query, [422])
  })

  test('uploads that are none', async () => {
    const part = (headers: string, body = 'x') => `--b\r\n${headers}\r\n\r\n${body}\r\n--b--\r\n`
    const bodies = [
      '',
      'x',
      '--b',
      '--b\r\n\r\n\r\n--b--',
      part('Content-Disposition: form-data'),
      part('Content-Disposition: form-data; name="__proto__"'),
      part('Content-Disposition: form-data; name="file"; filename="../../x.csv"', `a,b\n1,2,3,"${MARK}`),
      part('Content-Disposition: form-data; name="file"; filename="a\u0000.onnx"', MARK),
      part('Content-Disposition: form-data; name="other"; filename="a.csv"', 'a\n1'),
    ]
    for (const path of ['/api/models', '/api/datasets/file/upload'])
      for (const type of [
        'multipart/form-data; boundary=b',
        'multipart/form-data; boundary=',
        'multipart/form-data',
        `multipart/form-data; boundary=${'b'.repeat(5000)}`,
      ])
        for (const body of bodies)
          expectRefusal(
            await world.admin('POST', path, body, { 'content-type': type, ...scoped() }),
            `${path} ${type.slice(0, 50)} ${body}`,
            [400, 415, 422],
          )
  })

  test('an upload that is compressed as a whole is told so, and not that it is malformed', async () => {
    const upload = gzipSync(
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na\n1\r\n--b--\r\n',
    )
    for (const path of ['/api/models', '/api/datasets/file/upload'])
      for (const encoding of ['gzip', 'br', 'gzip, identity', MARK]) {
        const type = { 'content-type': 'multipart/form-data; boundary=b', 'content-encoding': encoding }
        const answer = await world.admin('POST', path, upload, { ...type, ...scoped() })
        expectRefusal(answer, `${path} ${encoding}`, [415])
        expect(answer.json.code).toBe('unsupported_encoding')
      }
  })
}

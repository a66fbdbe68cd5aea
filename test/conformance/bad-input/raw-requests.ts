import { expect, test } from 'bun:test'
import type { World } from '../honeyframe/world.ts'
import { head, type RawAnswer, sendRaw } from '../raw-http.ts'
import { expectRefusal, MARK, SERVICE } from './refusal.ts'

export function rawRequests(world: World): void {
  const get = (...lines: string[]) => head(`GET ${SERVICE}customer?id=1`, ...lines)
  /** What Bun's parser refuses before any door: 4xx without a body. */
  const byParser = ({ head, text }: RawAnswer) =>
    text === '' && /^HTTP\/1\.1 (400|413|431|505) [^\r]*\r\nConnection: close$/.test(head)

  test.each<[string, (string | Uint8Array)[]]>([
    ['no Host', [get()]],
    ['a NUL in the target', [head(`GET ${SERVICE}cus\0tomer`, 'Host: a.example')]],
    [
      'bytes that are no UTF-8 in the target',
      [`GET ${SERVICE}`, new Uint8Array([0xff, 0xfe]), ' HTTP/1.1\r\nHost: a.example\r\n\r\n'],
    ],
    [
      'bytes that are no UTF-8 in a key',
      [`GET ${SERVICE}customer HTTP/1.1\r\nHost: a\r\nX-API-Key: `, new Uint8Array([0xff, 0x80]), '\r\n\r\n'],
    ],
    ['a NUL in a header', [get('Host: a.example', 'X-A: a\0b')]],
    ['a negative length', [head(`POST ${SERVICE}churn`, 'Host: a.example', 'Content-Length: -5'), '{}']],
    ['a length that is no number', [head(`POST ${SERVICE}churn`, 'Host: a.example', 'Content-Length: five'), '{}']],
    [
      'a length beyond 64 bits',
      [head(`POST ${SERVICE}churn`, 'Host: a.example', 'Content-Length: 99999999999999999999'), '{}'],
    ],
    ['a length of 99 GB', [head('POST /api/projects', 'Host: a.example', 'Content-Length: 99999999999'), '{}']],
    [
      'a length and chunks',
      [head(`POST ${SERVICE}churn`, 'Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked'), '0\r\n\r\n'],
    ],
    ['two lengths', [head(`POST ${SERVICE}churn`, 'Host: a.example', 'Content-Length: 5', 'Content-Length: 6'), '{}']],
    ['TLS on a plain port', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n']],
    ['300 headers', [get('Host: a.example', ...Array.from({ length: 300 }, (_, i) => `X-${i}: a`))]],
    ['a header of 100 KB', [get('Host: a.example', `X-A: ${'a'.repeat(100_000)}`)]],
    ['a path of 100 KB', [head(`GET ${SERVICE}${'a'.repeat(100_000)}`, 'Host: a.example')]],
    ['10,000 parameters', [head(`GET ${SERVICE}customer?${'p=1&'.repeat(10_000)}`, 'Host: a.example')]],
    ['../', [head(`GET ${SERVICE}../../../../etc/passwd`, 'Host: a.example')]],
    ['%2e%2e/', [head(`GET ${SERVICE}%2e%2e/%2e%2e/etc/passwd`, 'Host: a.example')]],
    ['..\\', [head(`GET ${SERVICE}..\\..\\etc\\passwd`, 'Host: a.example')]],
    ['//', [head('GET //api/service/shop/customer', 'Host: a.example')]],
    ['two keys', [get('Host: a.example', `X-API-Key: ${MARK}`, `X-API-Key: ${MARK}`)]],
    ['TRACE', [head(`TRACE ${SERVICE}customer`, 'Host: a.example')]],
  ])('%s', async (what, chunks) => {
    const answer = await sendRaw(world.callgate.url, chunks)
    if (!byParser(answer)) expectRefusal(answer, what)
  })

  test('a Host that is none is refused where the path needs it, and never a 500', async () => {
    const signedIn = `Authorization: Bearer ${world.callgate.adminToken}`
    for (const host of ['', '[', 'a b', 'a/b?c#d', '1.2.3.4.5:99999999', '%00', 'x'.repeat(5000)])
      for (const path of [
        '/api/publish/assets',
        '/api/models?name=a',
        `${SERVICE}customer?id=1`,
        '/-/ready',
        '/nothing',
      ]) {
        const answer = await sendRaw(world.callgate.url, [head(`GET ${path}`, `Host: ${host}`, signedIn)], 20)
        expect(answer.status, `${host} ${path}`).toBeWithin(200, 500)
        if (answer.status !== 200 && !byParser(answer)) expectRefusal(answer, `${host} ${path}`)
      }
  })
}

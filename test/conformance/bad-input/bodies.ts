import { expect, test } from 'bun:test'
import type { World } from '../honeyframe/world.ts'
import { head, sendRaw } from '../raw-http.ts'
import { expectRefusal, JSON_TYPE, SERVICE } from './refusal.ts'

export function largeBodies(world: World): void {
  const big = () => new Uint8Array(20 * 1024 * 1024).fill(0x20)
  const chunked = (size: number) => {
    let left = size / 65_536
    return new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(new Uint8Array(65_536).fill(0x20))
        else controller.close()
      },
    })
  }
  const admin = () => ({ authorization: `Bearer ${world.callgate.adminToken}`, ...JSON_TYPE })

  test.each<[string, () => Record<string, string>, number[]]>([
    [`${SERVICE}churn`, () => ({ 'x-api-key': world.key, ...JSON_TYPE }), [413]],
    [`${SERVICE}churn`, () => JSON_TYPE, [413, 401]],
    ['/api/projects', admin, [413]],
    ['/api/publish/assets', () => ({ ...admin(), 'x-project-id': String(world.shop) }), [413]],
    ['/api/auth/login', () => JSON_TYPE, [413]],
    ['/nothing', () => JSON_TYPE, [404]],
  ])('20 MB to %s, announced and without a length', async (path, headers, statuses) => {
    for (const body of [big(), chunked(20 * 1024 * 1024)]) {
      const response = await fetch(world.callgate.url + path, { method: 'POST', headers: headers(), body })
      const text = await response.text()
      expectRefusal({ status: response.status, text, json: JSON.parse(text) }, path, statuses)
    }
  })

  test.each(['login', 'session', 'setup'])('what anybody may send to %s is a few names and secrets', async path => {
    const body = JSON.stringify({ username: 'x'.repeat(2_000_000), password: 'x', token: 'x' })
    const answer = await world.call(`/api/auth/${path}`, { method: 'POST', headers: JSON_TYPE, body })
    expectRefusal(answer, path, [413])
  })

  test('20 MB to a probe, which has no such method', async () => {
    for (const body of [big(), chunked(20 * 1024 * 1024)])
      expect((await world.call('/-/alive', { method: 'POST', headers: JSON_TYPE, body })).status).toBe(405)
  })

  test('an announced length is believed before a byte is read', async () => {
    const { url } = world.callgate
    const answer = await sendRaw(url, [head(`POST ${SERVICE}churn`, 'Host: a.example', 'Content-Length: 20971520')])
    expectRefusal(answer, 'announced', [413])
  })

  test('a body that is cut off ends nothing but itself', async () => {
    const key = `X-API-Key: ${world.key}`
    const { url } = world.callgate
    const cutOff = [
      ['Content-Length: 1000', '{"features"'],
      ['Transfer-Encoding: chunked', '3e8\r\n{"features"'],
      ['Transfer-Encoding: chunked', 'zz\r\n{"features"\r\n0\r\n\r\n'],
    ] as const
    for (const [line, body] of cutOff)
      await sendRaw(url, [head(`POST ${SERVICE}churn`, 'Host: a.example', key, line), body], 50, 100)
  })
}

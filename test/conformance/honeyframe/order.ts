import { beforeAll, expect, test } from 'bun:test'
import type { CallInit } from '../../harness.ts'
import type { World } from './world.ts'

/** The order of checks at a door: every test breaks two neighbouring rules at once and expects the first one's answer. */
export function orderOfChecks(world: World): void {
  let revoked: string
  let exhausted: string
  let narrow: string

  beforeAll(async () => {
    const key = await world.mint({})
    await world.admin('DELETE', `/api/publish/assets/${world.service}/api-keys/${key.id}`)
    revoked = key.key
    exhausted = (await world.mint({ rate_limit: 1 })).key
    await world.serve('customer?id=1', { key: exhausted })
    narrow = (await world.mint({ allowed_endpoints: ['customer'] })).key
  })

  const expectCode = async (path: string, init: CallInit, status: number, code: string) => {
    const answer = await world.call(`/api/service/${path}`, init)
    expect([answer.status, answer.json?.code]).toEqual([status, code])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    return answer
  }
  const text = { 'content-type': 'text/plain' }
  const json = { 'content-type': 'application/json' }

  test('413 before 401: a body over the limit without a key', () =>
    expectCode('shop/churn', { method: 'POST', body: 'x'.repeat(70_000) }, 413, 'body_too_large'))

  test('401 before 403: an unknown key beside a revoked one', () =>
    expectCode(
      'shop/customer',
      { key: 'dk_nobody', headers: { authorization: `Bearer ${revoked}`, ...world.stranger() } },
      401,
      'key_unknown',
    ))

  test('401 before 404: no key for a service that is not there', () => expectCode('nowhere/x', {}, 401, 'key_missing'))

  test('403 before 404: a revoked key for a service that is not there', () =>
    expectCode('nowhere/x', { key: revoked }, 403, 'key_inactive'))

  test('404 before 429: an exhausted key for a service that is not there, or not its own', async () => {
    await expectCode('nowhere/x', { key: exhausted }, 404, 'service_unknown')
    await expectCode('elsewhere/plan?id=free', { key: exhausted }, 404, 'service_unknown')
  })

  test('429 before 404: an exhausted key for an endpoint that is not there', () =>
    expectCode('shop/nothing', { key: exhausted }, 429, 'rate_limited'))

  test('404 before 403: a narrow key for an endpoint that is not there', () =>
    expectCode('shop/nothing', { key: narrow }, 404, 'endpoint_unknown'))

  test('403 before 405: a narrow key for a function out of its reach, with a method that it does not take', () =>
    expectCode('shop/greet', { key: narrow, method: 'DELETE' }, 403, 'endpoint_out_of_reach'))

  test('405 before 400: a function, with a method that it does not take, and a body that is no JSON', () =>
    expectCode('shop/greet', { key: world.key, method: 'PUT', headers: json, body: '{' }, 405, 'method_not_allowed'))

  test('400 before anything that a function says: its body is no JSON', () =>
    expectCode('shop/greet', { key: world.key, method: 'POST', headers: json, body: '{' }, 400, 'malformed_body'))

  test('405 before 415: a wrong method with a wrong content type', () =>
    expectCode('shop/churn', { key: world.key, method: 'PUT', headers: text, body: 'x' }, 405, 'method_not_allowed'))

  test('415 before 400: a wrong content type, or encoding, of what is not JSON either', async () => {
    await expectCode(
      'shop/churn',
      { key: world.key, method: 'POST', headers: text, body: '{' },
      415,
      'unsupported_media_type',
    )
    const brotli = { ...json, 'content-encoding': 'br' }
    await expectCode(
      'shop/churn',
      { key: world.key, method: 'POST', headers: brotli, body: '{' },
      415,
      'unsupported_encoding',
    )
  })

  test('400 before 422: what is no JSON, though its start would be refused; an unknown parameter beside a bad value', async () => {
    await expectCode(
      'shop/churn',
      { key: world.key, method: 'POST', headers: json, body: '{"rows": []' },
      400,
      'malformed_body',
    )
    for (const query of ['id=x&nope=1', 'nope=1&id=x', 'limit=0&nope=1', 'cursor=a&nope=1', 'format=csv&nope=1'])
      await expectCode(`shop/customer?${query}`, { key: world.key }, 400, 'unknown_parameter')
  })

  test('a refusal says nothing of what stands behind it: no key, no service', async () => {
    const unknown = await world.call('/api/service/nowhere/x', { key: world.key })
    const foreign = await world.call('/api/service/elsewhere/plan?id=free', { key: world.key })
    expect({ ...foreign.json, request_id: '' }).toEqual({ ...unknown.json, request_id: '' })
  })
}

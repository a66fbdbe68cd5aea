/** The end of Callgate in order, while answers of deployments go on for ever; and what needs no other settings than the usual. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { sendRaw } from '../conformance/raw-http.ts'
import { cleanUp, temporaryFolder } from '../harness.ts'
import { SERVER, World } from './world.ts'

setDefaultTimeout(180_000)

const PROXY = join(import.meta.dir, '../conformance/proxy')
const world = new World()
beforeAll(() =>
  world.start(
    [
      { name: 'sockets', command: [process.execPath, join(PROXY, 'sockets.ts')] },
      { name: 'raw', command: [process.execPath, join(PROXY, 'backend.ts')] },
    ],
    { flags: ['--request-timeout', '1s'] },
  ),
)
afterAll(cleanUp)

test('without origins a preflight is answered too, and allows nothing', async () => {
  const { status, headers, text } = await world.callgate.call('/v1/life/raw/a', {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
  })
  expect([status, text, [...headers.keys()].filter(name => name.startsWith('access-control'))]).toEqual([204, '', []])
})

test('what a server says of origins is handed on where the edge says nothing', async () => {
  const { headers } = await world.call('raw', '/raw/cors', { headers: { origin: 'https://app.example' } })
  expect([headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual(['*', 'Accept'])
})

test.each(['/../x', '/a/../../x', '/%2e%2e/x', '/..\\x'])(
  'a path that would leave the deployment does not, without a Host either: %s',
  async path => {
    const { status, json } = await sendRaw(world.callgate.url, [
      `GET /v1/life/raw${path} HTTP/1.0\r\nX-API-Key: ${world.key}\r\n\r\n`,
    ])
    expect([status, json?.code]).toEqual([400, 'path_leaves'])
  },
)

test('requests that do not wait for the answer before theirs are never mixed up: the connection is ended', async () => {
  for (let i = 0; i < 10; i++) {
    const requests = ['one', 'two', 'three'].map(
      path => `GET /v1/life/raw/${path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${world.key}\r\n\r\n`,
    )
    const { text } = await sendRaw(world.callgate.url, [requests.join('')])
    expect(text).not.toMatch(/GET \/(?:two|three)/)
  }
  expect((await world.call('raw', '/four')).json.line).toBe('GET /four HTTP/1.1')
})

test('a stream, a WebSocket and a log that is followed are ended, and so is Callgate, with status 0', async () => {
  const ws = new WebSocket(`${world.callgate.url.replace('http', 'ws')}/v1/life/sockets/echo`, {
    headers: { 'x-api-key': world.key },
  } as never)
  const said: unknown[] = []
  ws.onmessage = ({ data }) => said.push(data)
  const closed = new Promise<CloseEvent>(resolve => {
    ws.onclose = resolve
  })
  await new Promise(resolve => {
    ws.onopen = resolve
  })
  ws.send('hello')
  const stream = await fetch(`${world.callgate.url}/v1/life/raw/download?10000000000`, {
    headers: { 'x-api-key': world.key },
  })
  const reader = stream.body!.getReader()
  await reader.read()
  const log = await fetch(`${world.callgate.url}${await world.path()}/raw/logs?follow=true`, {
    headers: { authorization: `Bearer ${world.callgate.adminToken}` },
  })
  const followed = log.text()
  const asked = performance.now()
  const status = await world.callgate.stop()
  expect([status, performance.now() - asked < 8000]).toEqual([0, true])
  expect(await followed).toContain('was started')
  expect([said, (await closed).code]).toEqual([['hello'], 1001])
  const rest = async () => {
    for (;;) if ((await reader.read()).done) return 'ended'
  }
  expect(await rest().catch(() => 'broken off')).toBe('broken off')
})

test('a program that does not end when it is asked is waited for, however short calls are, and what was called is counted', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const env = { CALLGATE_ADMIN_TOKEN: mintSecret('hf') }
  const world = new World()
  await world.start([{ name: 'deaf', command: SERVER }], { flags: ['--request-timeout', '1s'], dataDir, env })
  await world.call('deaf', '/sigterm-deaf')
  expect(await world.callgate.stop()).toBe(0)
  await world.start([], { dataDir, env })
  expect((await world.callgate.admin('GET', '/api/usage')).json.totals.calls).toBe(1)
})

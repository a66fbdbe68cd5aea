/** Answers that go on for long, and callers who may have them no longer. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Callgate, cleanUp, startCallgate, temporaryFolder, waitFor } from '../harness.ts'

setDefaultTimeout(180_000)
const ROWS = 300_000
/** what it does is asked for by path; it sends no end of what is endless */
const SERVER = `
const block = 'z'.repeat(1 << 16)
const stream = pull => new Response(new ReadableStream({ pull }), { headers: { 'content-type': 'text/event-stream' } })
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  idleTimeout: 0,
  fetch(request, server) {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/socket') && server.upgrade(request, { data: pathname })) return
    let first = true
    if (pathname === '/silent') return stream(c => (first ? ((first = false), c.enqueue('data: 1\\n\\n')) : new Promise(() => {})))
    if (pathname === '/flood') return stream(c => c.enqueue(block))
    if (pathname === '/upload') return request.arrayBuffer().then(() => new Response('taken'))
    return new Response('ok')
  },
  websocket: {
    open(ws) {
      const pour = () => {
        while (ws.readyState === 1 && ws.send(block) > 0);
        if (ws.readyState === 1) setTimeout(pour, 20)
      }
      if (ws.data === '/socket-flood') pour()
    },
    message(ws, message) { ws.send(message) },
  },
})`
let callgate: Callgate
let service: number
let project: number
const open: Socket[] = []

beforeAll(async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'server.ts'), SERVER)
  const lines = Array.from({ length: ROWS }, (_, i) => `${i},${'x'.repeat(100)}\n`)
  writeFileSync(join(folder, 'rows.csv'), `id,text\n${lines.join('')}`)
  const query = {
    source: { schema: 'a', table: 'rows' },
    order_by: [{ column: 'id' }],
    pagination: { default_limit: 10, max_limit: ROWS },
  }
  callgate = await startCallgate({
    flags: ['--query-workers', '3'],
    manifest: {
      projects: [
        {
          slug: 'long',
          datasets: [{ name: 'a.rows', from: join(folder, 'rows.csv'), primary_key: 'id' }],
          deployments: [{ name: 'server', command: [process.execPath, join(folder, 'server.ts')] }],
          services: [{ key: 'rows', publish: true, endpoints: [{ id: 'all', kind: 'sql', query }] }],
        },
      ],
    },
  })
  project = (await callgate.admin('GET', '/api/projects')).json.items[0].project_id
  service = (await callgate.admin('GET', '/api/publish/assets')).json[0].id
})
afterAll(async () => {
  for (const socket of open) socket.destroy()
  await cleanUp()
})

interface Minted {
  secret: string
  path: string
}
async function minted(fields: object = {}): Promise<Minted> {
  const { json } = await callgate.admin('POST', `/api/projects/${project}/api-keys`, { name: 'caller', ...fields })
  return { secret: json.key, path: `/api/projects/${project}/api-keys/${json.id}` }
}

interface Stream {
  /** what came last */
  last(): string
  /** reads on, and settles when the connection has ended */
  end(): Promise<string>
  /** whether anything more comes */
  goesOn(): Promise<boolean>
  leave(): void
}

/** A request byte by byte, of which as much is read as is wanted, and at first until there is some of it with `sign`. */
async function begin(
  path: string,
  { secret }: Minted,
  how: { lines?: string[]; unread?: boolean; sign?: string } = {},
): Promise<Stream> {
  const { lines = [], unread = false, sign = '' } = how
  const socket = connect(Number(new URL(callgate.url).port), '127.0.0.1')
  open.push(socket)
  const { promise, resolve } = Promise.withResolvers<string>()
  let last = ''
  socket.on('error', () => {})
  socket.on('close', () => resolve(last))
  socket.on('data', bytes => {
    last = (last + bytes.toString('latin1')).slice(-1000)
    if (unread && !reading && last.includes(sign)) socket.pause()
  })
  let reading = false
  const method = lines.some(line => line.startsWith('Content-Length')) ? 'POST' : 'GET'
  socket.write(`${[`${method} ${path} HTTP/1.1`, 'Host: a', `X-API-Key: ${secret}`, ...lines].join('\r\n')}\r\n\r\n`)
  if (method === 'POST') {
    const dripping = setInterval(() => socket.write('x'.repeat(100)), 50)
    void promise.then(() => clearInterval(dripping))
  } else await waitFor(() => (last !== '' && last.includes(sign)) || undefined)
  const end = () => {
    reading = true
    socket.resume()
    return promise
  }
  const goesOn = () =>
    new Promise<boolean>(resolve => socket.once('data', () => resolve(true)).once('close', () => resolve(false)))
  return { last: () => last, end, goesOn, leave: () => socket.destroy() }
}
const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const SERVER_PATH = '/v1/long/server'
const streams = (key: Minted) =>
  Promise.all([
    begin(`${SERVER_PATH}/silent`, key),
    begin(`${SERVER_PATH}/flood`, key),
    begin(`${SERVER_PATH}/flood`, key, { unread: true }),
    begin(`${SERVER_PATH}/upload`, key, { lines: ['Content-Length: 100000000'] }),
    begin(`${SERVER_PATH}/socket`, key, { lines: WEBSOCKET }),
    begin(`${SERVER_PATH}/socket-flood`, key, { lines: WEBSOCKET }),
    begin(`${SERVER_PATH}/socket-flood`, key, { lines: WEBSOCKET, unread: true }),
  ])
const underWay = (count: number) =>
  waitFor(async () => {
    const { json } = await callgate.admin('GET', `/api/projects/${project}/deployments/server`)
    return json.requests_in_flight === count || undefined
  })

describe('what a deployment sends and is sent ends within seconds', () => {
  const ways: [string, (key: Minted) => Promise<unknown>][] = [
    ['of a key that is revoked', ({ path }) => callgate.admin('DELETE', path)],
    [
      'of a key that reaches it no longer',
      ({ path }) => callgate.admin('PATCH', path, { allowed_deployments: ['other'] }),
    ],
    ['of a key that expires', ({ path }) => callgate.admin('PATCH', path, { expires_at: new Date().toISOString() })],
    [
      'of a key that another has replaced',
      ({ path }) => callgate.admin('POST', `${path}/rotate`, { overlap_seconds: 0 }),
    ],
  ]
  for (const [name, change] of ways)
    test(name, async () => {
      const [key, other] = [await minted(), await minted()]
      const kept = await begin(`${SERVER_PATH}/flood`, other)
      const begun = await streams(key)
      await underWay(begun.length + 1)
      await change(key)
      await underWay(1)
      const [silent, flood, unread, upload, ...sockets] = begun
      for (const stream of [silent!, flood!, unread!]) expect(await stream.end()).not.toEndWith('0\r\n\r\n')
      for (const socket of sockets)
        expect(await socket.end()).toEndWith('\u0003\xf0This connection is no longer allowed.')
      await waitFor(() => upload!.last().includes('HTTP/1.1 403') || undefined)
      expect(await kept.goesOn()).toBe(true)
      kept.leave()
      await underWay(0)
    })
})

describe('an export ends in the middle, and says so by ending short,', () => {
  const ways: [string, (key: Minted) => Promise<unknown>][] = [
    ['of a key that is revoked', ({ path }) => callgate.admin('DELETE', path)],
    [
      'of a service that is published no longer',
      () => callgate.admin('POST', `/api/publish/assets/${service}/unpublish`),
    ],
  ]
  for (const [name, change] of ways)
    test(name, async () => {
      const key = await minted()
      const begun = await Promise.all(
        ['json', 'csv', 'ndjson'].map(format =>
          begin(`/api/service/rows/all?limit=${ROWS}&format=${format}`, key, { unread: true, sign: 'xxx' }),
        ),
      )
      await change(key)
      const ends = await Promise.all(begun.map(stream => stream.end()))
      for (const end of ends) expect([end.includes('xxx'), end.endsWith('0\r\n\r\n')]).toEqual([true, false])
    })
})

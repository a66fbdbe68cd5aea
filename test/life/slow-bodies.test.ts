/** Bodies that come slowly, or never to their end; and answers that are taken as slowly. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { mintSecret } from '../../src/lib/secret.ts'
import { type Callgate, cleanUp, FIXTURES, startCallgate, temporaryFolder, waitFor } from '../harness.ts'
import { buildModel } from '../scoring/onnx-builder.ts'

setDefaultTimeout(180_000)
const MB = 1024 * 1024
const FLOWER = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const key = mintSecret('dk')
let callgate: Callgate
const open: Socket[] = []

/** As many zeros as it is asked for. */
const zeros = join(temporaryFolder(), 'zeros.onnx')

beforeAll(async () => {
  const model = buildModel({
    inputs: [{ name: 'count', type: 'int64', dims: [1] }],
    outputs: [{ name: 'zeros', type: 'float', dims: [''] }],
    nodes: [{ op: 'ConstantOfShape', inputs: ['count'], outputs: ['zeros'] }],
  })
  writeFileSync(zeros, model)
  const service = {
    key: 'slow',
    publish: true,
    endpoints: [
      { id: 'iris', kind: 'model', model: 'iris', porter: { path: '/iris' } },
      { id: 'zeros', kind: 'model', model: 'zeros' },
      { id: 'echo', kind: 'function', handler: 'export default () => 1', porter: { path: '/echo' } },
    ],
  }
  callgate = await startCallgate({
    flags: ['--request-timeout', '5s'],
    env: { KEY: key },
    manifest: {
      projects: [
        {
          slug: 'slow',
          models: [
            {
              name: 'iris',
              versions: [{ version: 1, file: join(FIXTURES, 'models/iris.onnx'), features: Object.keys(FLOWER) }],
            },
            { name: 'zeros', versions: [{ version: 1, file: zeros }] },
          ],
          services: [service],
          deployments: [{ name: 'iris', model: 'iris' }],
          keys: [{ name: 'all', secret_env: 'KEY', manage_models: true }],
        },
      ],
    },
  })
})
afterAll(async () => {
  for (const socket of open) socket.destroy()
  await cleanUp()
})

/** Sends a head and the beginning of a body, and a byte of it now and then. @returns the answer's beginning */
function begun(path: string, { lines, piece }: { lines: string[]; piece: Buffer }): Promise<string> {
  const socket = connect(Number(new URL(callgate.url).port), '127.0.0.1')
  open.push(socket)
  const headers = ['Host: a', 'Content-Type: application/json', ...lines]
  socket.write(`POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  socket.write(piece)
  const chunked = lines.some(line => line.startsWith('Transfer-Encoding'))
  const dripping = setInterval(() => socket.write(chunked ? '1\r\n \r\n' : ' '), 100)
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  socket.on('data', bytes => {
    answer += bytes
    if (/\r\n\r\n./.test(answer)) end()
  })
  const end = () => {
    clearInterval(dripping)
    resolve(answer)
  }
  socket.on('close', end).on('error', end)
  return promise
}

const withKey = `X-API-Key: ${key}`
const beginning = { announced: ['Content-Length: 1000'], chunked: ['Transfer-Encoding: chunked'] }
const piece = { announced: Buffer.from('{"a":'), chunked: Buffer.from('5\r\n{"a":\r\n') }

test('a body that does not come to its end in the time of a call is refused, in the shape of its door', async () => {
  const doors: [path: string, who: string, said: string][] = [
    ['/api/service/slow/iris', withKey, '"code":"body_timeout"'],
    ['/api/service/slow/echo', withKey, '"code":"body_timeout"'],
    ['/v2/models/iris/infer', withKey, '{"error":"The body did not come in time."}'],
    ['/v1/models/iris:predict', withKey, '{"error":"The body did not come in time."}'],
    ['/v2/repository/models/iris/load', withKey, '{"error":"The body did not come in time."}'],
    ['/v1/slow/iris/v2/models/iris/infer', withKey, 'The body did not come in time.'],
    ['/iris', withKey, '"name":"RequestTimeout"'],
    ['/echo', withKey, '"name":"RequestTimeout"'],
    ['/api/auth/login', 'X-Nobody: 1', '"code":"body_timeout"'],
    ['/api/projects', `Authorization: Bearer ${callgate.adminToken}`, '"code":"body_timeout"'],
  ]
  const calls = doors.flatMap(([path, who, said]) =>
    (['announced', 'chunked'] as const).map(async way => {
      const answer = await begun(path, { lines: [who, ...beginning[way]], piece: piece[way] })
      expect([path, way, answer.slice(0, 12)]).toEqual([path, way, 'HTTP/1.1 408'])
      expect(answer).toContain(said)
    }),
  )
  await Promise.all(calls)
})

test('many large ones take little memory together, and leave none behind; small ones are answered meanwhile', async () => {
  const resident = () =>
    (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${callgate.process.pid}/status`, 'utf8'))![1]) * 1024) / MB
  const before = resident()
  const large = Buffer.alloc(15 * MB, ' ')
  const lines = [withKey, `Content-Length: ${16 * MB}`]
  const answers = Array.from({ length: 60 }, () => begun('/api/service/slow/iris', { lines, piece: large }))
  let most = 0
  let over = false
  void Promise.all(answers).then(() => {
    over = true
  })
  const statuses = new Set<number>()
  await waitFor(async () => {
    most = Math.max(most, resident())
    statuses.add((await callgate.call('/api/service/slow/iris', { key, body: { features: FLOWER } })).status)
    return over || undefined
  })
  expect([...statuses]).toEqual([200])
  const refused = new Set((await Promise.all(answers)).map(answer => answer.slice(0, 12)))
  expect([...refused].filter(status => !/ (408|503)$/.test(status))).toEqual([])
  expect(refused).toContain('HTTP/1.1 408')
  expect(most - before).toBeLessThan(600)
})

test('of who is not let in, nothing is read', async () => {
  const lines = ['X-API-Key: dk_nobody', `Content-Length: ${16 * MB}`]
  for (const path of ['/api/service/slow/iris', '/v2/models/iris/infer', '/v1/slow/iris/predict', '/api/projects'])
    expect((await begun(path, { lines, piece: Buffer.from(' ') })).slice(0, 12)).toBe('HTTP/1.1 401')
  const login = await begun('/api/auth/login', { lines: ['Content-Length: 100000'], piece: Buffer.from(' ') })
  expect(login.slice(0, 12)).toBe('HTTP/1.1 413')
})

test('an answer of which nothing is taken is given up after a while; who goes on reading has all of it', async () => {
  const serverPort = Number(new URL(callgate.url).port)
  const elements = 8_000_000
  const input = { name: 'count', shape: [1], datatype: 'INT64', data: [elements] }
  const body = JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } })
  const lines = ['Host: a', withKey, `Content-Length: ${body.length}`, 'Connection: close']
  const [never, slow] = [1, 2].map(() => {
    const socket = connect(serverPort, '127.0.0.1')
    open.push(socket)
    socket.pause()
    socket.write(`POST /v2/models/zeros/infer HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    return socket
  }) as [Socket, Socket]
  let taken = 0
  let hurry = false
  slow.on('data', bytes => {
    taken += bytes.length
    if (hurry) return
    slow.pause()
    setTimeout(() => slow.resume(), 1000)
  })
  slow.resume()
  await waitFor(() => (never.localPort && slow.localPort) || undefined)
  await waitFor(() => connected(serverPort, never.localPort!) || undefined)
  await waitFor(() => !connected(serverPort, never.localPort!) || undefined)
  expect(connected(serverPort, slow.localPort!)).toBe(true)
  hurry = true
  await new Promise(resolve => slow.on('close', resolve))
  expect(taken).toBeGreaterThan(elements * 4)
})

test('large answers that nobody takes are bounded together: others are told to come again, small ones are answered', async () => {
  const bodyOf = (elements: number) => {
    const input = { name: 'count', shape: [1], datatype: 'INT64', data: [elements] }
    return JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } })
  }
  const elements = 16_000_000
  const large = bodyOf(elements)
  const path = '/v2/models/zeros/infer'
  const stalled = async () => {
    const socket = connect(Number(new URL(callgate.url).port), '127.0.0.1')
    open.push(socket)
    let head = ''
    socket.on('data', bytes => {
      head += bytes.toString('latin1', 0, 1000)
      if (head.includes('\r\n\r\n')) socket.pause()
    })
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\n${withKey}\r\nContent-Length: ${large.length}\r\n\r\n${large}`)
    await waitFor(() => head.includes('\r\n\r\n') || undefined)
    return { socket, head }
  }
  const taken: Socket[] = []
  let refusal = ''
  while (refusal === '') {
    const { socket, head } = await stalled()
    if (head.startsWith('HTTP/1.1 200')) taken.push(socket)
    else refusal = head
  }
  expect(refusal.slice(0, 12)).toBe('HTTP/1.1 503')
  expect(refusal).toMatch(/retry-after: 1/i)
  const small = await callgate.call(path, { method: 'POST', key, body: bodyOf(1) })
  expect(small.status).toBe(200)
  for (const socket of taken) socket.destroy()
  const again = await waitFor(async () => {
    const answer = await fetch(callgate.url + path, { method: 'POST', headers: { 'x-api-key': key }, body: large })
    const bytes = await answer.bytes()
    return answer.status === 200 ? bytes.length : undefined
  })
  expect(again).toBeGreaterThan(elements * 4)
})

/** Whether a port of this machine has a connection with another. */
function connected(port: number, other: number): boolean {
  const ends = [port, other].map(one => `:${one.toString(16).toUpperCase().padStart(4, '0')}`)
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .some(([, local, remote, state]) => state === '01' && local!.endsWith(ends[0]!) && remote!.endsWith(ends[1]!))
}

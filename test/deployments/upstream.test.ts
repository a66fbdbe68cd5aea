/** Deployments that stand in front of another server: TLS, time-outs, retries, the circuit. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { sendRaw } from '../conformance/raw-http.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'
import { World } from './world.ts'

setDefaultTimeout(180_000)

/** A server elsewhere whose every connection a test sees: `act` is asked for each request, by its number. */
class Elsewhere {
  /** request lines that came */
  readonly requests: string[] = []
  readonly heads: string[] = []
  /** what becomes of the next requests: `close` closes without an answer, `begin` in the middle of one, `hang` never answers; then 200 */
  next: ('close' | 'hang' | 'begin')[] = []
  #server: Server | undefined
  #sockets = new Set<Socket>()
  port = 0

  async start(): Promise<void> {
    this.#server = createServer(socket => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      let text = ''
      socket.on('data', data => {
        text += data.toString('latin1')
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          const head = text.slice(0, end)
          const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
          if (text.length < end + 4 + length) return
          text = text.slice(end + 4 + length)
          this.heads.push(head)
          this.requests.push(head.split('\r\n')[0]!)
          const act = this.next.shift()
          if (act === 'close') return void socket.end()
          if (act === 'begin') return void socket.end('HTTP/1.1 200 O')
          if (!act) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere')
        }
      })
    })
    await new Promise<void>(resolve => this.#server!.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as { port: number }).port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server!.close(resolve))
  }
}

/** A certificate for a name, and for 127.0.0.1 where it is asked for. */
function certificate(name: string): { cert: string; key: string } {
  const folder = temporaryFolder()
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const { exitCode, stderr } = Bun.spawnSync([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert],
  ])
  if (exitCode !== 0) throw new Error(stderr.toString())
  return { cert, key }
}

describe('deployments of upstreams', () => {
  const world = new World()
  const plain = new Elsewhere()
  const flaky = new Elsewhere()
  /** takes connections, and says nothing */
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  beforeAll(async () => {
    await plain.start()
    await flaky.start()
    const url = (port: number, path = '') => `http://127.0.0.1:${port}${path}`
    await world.start(
      [
        { name: 'plain', upstream: url(plain.port) },
        { name: 'based', upstream: url(plain.port, '/base/') },
        { name: 'by-name', upstream: `http://localhost:${plain.port}` },
        { name: 'hanging', upstream: url(plain.port), timeout_seconds: 0.3, retries: 3 },
        { name: 'retrying', upstream: url(plain.port), retries: 2 },
        { name: 'not-retrying', upstream: url(plain.port), retries: 0 },
        { name: 'flaky', upstream: url(flaky.port), health: '/health' },
        { name: 'nowhere', upstream: 'http://no-such-host.invalid', connect_timeout_seconds: 1 },
        { name: 'silent', upstream: `https://127.0.0.1:${silent.port}`, connect_timeout_seconds: 0.3, retries: 0 },
      ],
      { flags: ['--request-timeout', '3s'] },
    )
  })
  afterAll(async () => {
    await cleanUp()
    await plain.stop()
    await flaky.stop()
    silent.stop(true)
  })

  test('requests go below its path, with its own Host', async () => {
    await world.call('plain', '/a%2Fb?c=%20')
    expect(plain.heads.at(-1)).toStartWith(`GET /a%2Fb?c=%20 HTTP/1.1\r\nhost: 127.0.0.1:${plain.port}\r\n`)
    await world.call('based', '/a')
    expect(plain.requests.at(-1)).toBe('GET /base/a HTTP/1.1')
    await world.call('based', '')
    expect(plain.requests.at(-1)).toBe('GET /base/ HTTP/1.1')
    expect((await world.call('by-name', '/a')).text).toBe('there')
    expect(plain.heads.at(-1)).toContain(`host: localhost:${plain.port}`)
    expect(plain.heads.at(-1)).toMatch(/x-forwarded-host: 127\.0\.0\.1:\d+/)
    expect((await world.shown('plain')).status).toBe('running')
  })

  test('a request that may be repeated is sent again when its connection was lost, any other is not', async () => {
    const asked = async (name: string, method: string, failures: number, how: 'close' | 'begin' = 'close') => {
      plain.requests.length = 0
      plain.next = Array(failures).fill(how)
      const { status } = await world.call(name, '/a', { method, body: method === 'GET' ? undefined : '{}' })
      plain.next = []
      return [status, plain.requests.length]
    }
    await asked('retrying', 'GET', 0)
    expect(await asked('retrying', 'GET', 2)).toEqual([200, 3])
    expect(await asked('retrying', 'PUT', 1)).toEqual([200, 2])
    expect(await asked('retrying', 'DELETE', 1)).toEqual([200, 2])
    expect(await asked('retrying', 'POST', 1)).toEqual([502, 1])
    expect(await asked('retrying', 'PATCH', 1)).toEqual([502, 1])
    expect((await asked('not-retrying', 'POST', 1))[1]).toBe(1)
    // what its server has begun to answer was done
    for (const name of ['retrying', 'not-retrying']) {
      await asked(name, 'GET', 0)
      expect(await asked(name, 'GET', 1, 'begin')).toEqual([502, 1])
    }
  })

  test('no answer in time is 504, and is not asked for again', async () => {
    plain.requests.length = 0
    plain.next = ['hang']
    const answer = await world.call('hanging', '/a')
    expect([answer.status, plain.requests.length]).toEqual([504, 1])
  })

  test('a caller who does not send what was announced gets 408, and the server is not blamed', async () => {
    const stalled = (length: number) => {
      const head = `POST /v1/life/hanging/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n`
      return sendRaw(world.callgate.url, [`${head}X-API-Key: ${world.key}\r\n\r\n`, 'some of it'])
    }
    plain.requests.length = 0
    const short = await Promise.all(Array.from({ length: 8 }, () => stalled(1000)))
    expect(plain.requests).toEqual([])
    const long = await Promise.all(Array.from({ length: 8 }, () => stalled(1_000_000)))
    expect([...short, ...long].map(({ status }) => status)).toEqual(Array(16).fill(408))
    expect((await world.shown('hanging')).status).toBe('running')
  })

  test('what cannot be reached is 502, without where it is', async () => {
    for (const name of ['nowhere', 'silent']) {
      const answer = await world.call(name, '/a')
      expect([name, answer.status, answer.text, answer.json?.code]).toEqual([name, 502, answer.text, 'bad_gateway'])
      expect(answer.json?.detail).toBe('No connection to the server of this deployment can be made.')
      expect(answer.text).not.toMatch(/no-such-host|ENOTFOUND|127\.0/)
    }
  })

  test('failures in a row open the circuit, and a probe closes it', async () => {
    expect((await world.call('flaky', '/a')).status).toBe(200)
    const { port } = flaky
    await flaky.stop()
    const answers = []
    for (let i = 0; i < 8; i++) answers.push(await world.call('flaky', '/a'))
    expect(answers[0]!.status).toBe(502)
    const last = answers.at(-1)!
    expect(last.status).toBe(503)
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
    const reason = expect.stringMatching(/^the upstream cannot be reached: .*no connection: ECONNREFUSED$/)
    expect(await world.shown('flaky')).toMatchObject({ status: 'failing', reason })
    flaky.port = port
    flaky.requests.length = 0
    await flaky.start()
    await world.status('flaky', 'running')
    expect(flaky.requests).toEqual(['GET /health HTTP/1.1'])
    expect((await world.call('flaky', '/a')).status).toBe(200)
    expect((await world.shown('flaky')).reason).toBeNull()
  })

  test('a change takes over at once, and what is under way ends', async () => {
    plain.next = ['hang']
    const under = world.call('plain', '/under-way')
    await waitFor(() => plain.requests.includes('GET /under-way HTTP/1.1') || undefined)
    await world.api('PATCH', '/plain', { upstream: `http://127.0.0.1:${plain.port}/moved` })
    await world.call('plain', '/a')
    expect(plain.requests.at(-1)).toBe('GET /moved/a HTTP/1.1')
    await world.api('POST', '/plain/stop')
    expect((await world.call('plain', '/a')).text).toBe('')
    plain.next = []
    await world.callgate.stop()
    expect([503, 504]).toContain((await under).status)
  })
})

describe('TLS', () => {
  const WHY: Record<string, RegExp> = {
    unknown: /^the last request failed: no trusted TLS connection: self.signed certificate/,
    another: /^the last request failed: no trusted TLS connection: self.signed certificate/,
    misnamed: /^the last request failed: no trusted TLS connection: .*(localhost|name)/i,
  }
  const world = new World()
  const servers: Bun.Server<undefined>[] = []
  const serve = (name: string) => {
    const { cert, key } = certificate(name)
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { cert: Bun.file(cert), key: Bun.file(key) },
      fetch: request => new Response(`${request.method} ${new URL(request.url).pathname}`),
    })
    servers.push(server)
    return { ca_file: cert, port: server.port }
  }
  beforeAll(async () => {
    const [good, other] = [serve('localhost'), serve('other.example')]
    await world.start([
      { name: 'trusted', upstream: `https://localhost:${good.port}`, ca_file: good.ca_file },
      { name: 'unknown', upstream: `https://localhost:${good.port}` },
      { name: 'another', upstream: `https://localhost:${good.port}`, ca_file: other.ca_file },
      { name: 'misnamed', upstream: `https://localhost:${other.port}`, ca_file: other.ca_file },
      { name: 'not-tls', upstream: `http://localhost:${good.port}` },
    ])
  })
  afterAll(async () => {
    await cleanUp()
    for (const server of servers) await server.stop(true)
  })

  test('a server whose certificate is trusted is asked', async () => {
    for (let i = 0; i < 3; i++) {
      const { status, text } = await world.call('trusted', '/a/b')
      expect([status, text]).toEqual([200, 'GET /a/b'])
    }
    const body = new Uint8Array(2_000_000)
    expect((await world.call('trusted', '/up', { method: 'POST', body })).text).toBe('POST /up')
  })

  test.each(['unknown', 'another', 'misnamed', 'not-tls'])('any other is not: %s', async name => {
    const answer = await world.call(name, '/a', { headers: { 'x-secret': 'never sent' } })
    expect([answer.status, answer.text.includes('GET')]).toEqual([name === 'not-tls' ? answer.status : 502, false])
    expect(answer.status).toBeWithin(400, 503)
    if (name === 'not-tls') return
    // of what is wrong the caller is told nothing, and whoever manages it what to mend
    const { status, reason } = await world.shown(name)
    expect([status, reason]).toEqual(['running', expect.stringMatching(WHY[name]!)])
    expect(answer.text).not.toContain('TLS')
  })
})

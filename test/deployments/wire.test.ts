/** Parts of the proxy that no request from outside shows: WebSocket frames, and the end of the thread of connections. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { getServers, setServers } from 'node:dns'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { LogFile } from '../../src/deployments/guard/log-file.ts'
import type { Event, Exit } from '../../src/deployments/guard/program.ts'
import { keptLogs, lastLines, MOST_OF_A_LOG } from '../../src/deployments/log.ts'
import type { Plan } from '../../src/deployments/plan.ts'
import { type Means, Replica } from '../../src/deployments/replica.ts'
import { Unchunker } from '../../src/deployments/wire/chunked.ts'
import { Connection } from '../../src/deployments/wire/connection.ts'
import { closeFrameOf, FrameError, FrameReader, frameOf, OPCODE } from '../../src/deployments/wire/frames.ts'
import { parseAnswerHead } from '../../src/deployments/wire/head.ts'
import type { Line } from '../../src/deployments/wire/line.ts'
import { Pool } from '../../src/deployments/wire/pool.ts'
import { cleanUp, temporaryFolder, waitFor } from '../harness.ts'

afterAll(cleanUp)

describe('WebSocket frames', () => {
  /** A frame as a server sends it: without a mask. */
  const sent = (first: number, payload: string | Uint8Array, more: number[] = []) =>
    Buffer.concat([Buffer.from([first, ...more]), Buffer.from(payload as string)])
  const read = (limit: number, ...pieces: Buffer[]) => {
    const reader = new FrameReader(limit)
    const all = []
    for (const piece of pieces) {
      reader.push(piece)
      for (let next = reader.next(); next; next = reader.next()) all.push(next)
    }
    return all
  }
  const text = (payload: string) => ({ opcode: OPCODE.text, payload: Buffer.from(payload) })

  test('are masked, at every length', () => {
    for (const length of [0, 1, 125, 126, 1023, 1024, 1027, 65_535, 65_536, 65_539]) {
      const payload = Buffer.alloc(length, 'p')
      const frame = frameOf(OPCODE.binary, payload)
      const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
      const mask = frame.subarray(2 + extended, 6 + extended)
      expect([frame[0], frame[1]! >> 7, frame.length]).toEqual([0x82, 1, 6 + extended + length])
      const unmasked = frame.subarray(6 + extended).map((byte, i) => byte ^ mask[i & 3]!)
      expect(payload.equals(unmasked)).toBe(true)
    }
  })

  test('come in any pieces, and messages in any fragments, with control frames between them', () => {
    const whole = Buffer.concat([
      sent(0x01, 'he', [2]),
      sent(0x89, 'x', [1]),
      sent(0x00, 'l', [1]),
      sent(0x80, 'lo', [2]),
      sent(0x81, 'next', [4]),
    ])
    const expected = [{ opcode: OPCODE.ping, payload: Buffer.from('x') }, text('hello'), text('next')]
    expect(read(100, whole)).toEqual(expected)
    expect(read(100, ...[...whole].map(byte => Buffer.from([byte])))).toEqual(expected)
  })

  test.each([
    ['empty ones', ''],
    ['ones of a byte', 'a'],
  ])('in endless fragments cost no more than a small multiple of their bytes: %s', async (_, payload) => {
    // in a process of its own: what tests before it left would be counted with them
    const script = `
      import { FrameReader } from ${JSON.stringify(join(import.meta.dir, '../../src/deployments/wire/frames.ts'))}
      const payload = ${JSON.stringify(payload)}
      const sent = (first, text) => Buffer.from([first, text.length, ...Buffer.from(text)])
      const reader = new FrameReader(16 * 1024 * 1024)
      reader.push(sent(0x01, ''))
      const fragment = sent(0x00, payload)
      const block = Buffer.concat(Array.from({ length: 20_000 }, () => fragment))
      Bun.gc(true)
      const before = process.memoryUsage.rss()
      let bytes = 0
      let early = false
      while (bytes < 8 * 1024 * 1024) {
        reader.push(Buffer.from(block))
        early ||= reader.next() !== undefined
        bytes += block.length
      }
      Bun.gc(true)
      const times = (process.memoryUsage.rss() - before) / bytes
      reader.push(sent(0x80, 'end'))
      const whole = reader.next().payload.toString() === payload.repeat(bytes / fragment.length) + 'end'
      console.log(JSON.stringify({ early, times, whole }))`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' })
    const { times, ...read } = JSON.parse(await new Response(child.stdout).text())
    expect(read).toEqual({ early: false, whole: true })
    expect(times).toBeLessThan(10)
  })

  test('tell an end, with or without a reason', () => {
    expect(read(100, sent(0x88, '', [0]))).toEqual([{ opcode: OPCODE.close, code: undefined, reason: '' }])
    const payload = Buffer.concat([Buffer.from([0x0f, 0xa1]), Buffer.from('enough')])
    expect(read(100, sent(0x88, payload, [payload.length]))).toEqual([
      { opcode: OPCODE.close, code: 4001, reason: 'enough' },
    ])
    expect(closeFrameOf(1000, 'r'.repeat(500)).length).toBe(6 + 125)
  })

  test.each<[string, number, Buffer]>([
    ['a mask from a server', 1002, Buffer.from([0x81, 0x80, 0, 0, 0, 0])],
    ['an extension that was not agreed', 1002, sent(0xc1, 'a', [1])],
    ['a fragment of nothing', 1002, sent(0x80, 'a', [1])],
    ['an unknown kind', 1002, sent(0x83, 'a', [1])],
    ['a long control frame', 1002, sent(0x89, 'a'.repeat(126), [126, 0, 126])],
    ['a control frame in fragments', 1002, sent(0x09, 'a', [1])],
    ['an end of one byte', 1002, sent(0x88, 'a', [1])],
    ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((code): [string, number, Buffer] => [
      `an end with the code ${code}`,
      1002,
      sent(0x88, Buffer.from([code >> 8, code & 255]), [2]),
    ]),
    ['a text that is not UTF-8', 1007, sent(0x81, Buffer.from([0x61, 0xff]), [2])],
    ['a reason that is not UTF-8', 1007, sent(0x88, Buffer.from([0x03, 0xe8, 0xff]), [3])],
    ['a message that is too large', 1009, sent(0x82, 'a'.repeat(201), [126, 0, 201])],
    ['one that only says so', 1009, Buffer.from([0x82, 127, 0, 0, 255, 255, 255, 255, 255, 255])],
    [
      'too large in fragments',
      1009,
      Buffer.concat([sent(0x02, 'a'.repeat(110), [110]), sent(0x80, 'a'.repeat(110), [110])]),
    ],
  ])('are refused: %s', (_, code, bytes) => {
    let thrown: unknown
    try {
      read(200, bytes)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(FrameError)
    expect((thrown as FrameError).code).toBe(code)
  })
})

/** A request that was begun, and how it ends: its body, or the error's name. */
function asked(
  pool: Pool,
  path: string,
  onPiece?: (line: Line, piece: Uint8Array) => void,
): { line: Line; answer: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>()
  let body = ''
  let begun = false
  const line = pool.begin('GET', `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`, null, true, {
    answered() {},
    data: piece => {
      body += Buffer.from(piece).toString()
      onPiece?.(line, piece)
    },
    unfinished() {},
    ended: () => resolve(body),
    failed: error => resolve(begun ? error.name : 'told before it was begun'),
    wrote() {},
  })
  begun = true
  return { line, answer: promise }
}

test('a connection carries one request after the other, those of a closed pool are not sent, and a connection that is lost is told of', async () => {
  const peers = new Set<string>()
  const came = Promise.withResolvers<void>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, self) {
      peers.add(String(self.requestIP(request)!.port))
      if (request.url.endsWith('/lost/slow')) came.resolve()
      return request.url.endsWith('/slow') ? Bun.sleep(60_000).then(() => new Response()) : new Response('there')
    },
  })
  const pool = new Pool({ host: '127.0.0.1', port: server.port! }, { idleMs: 1000, connectMs: 1000 })
  const ask = (path: string) => asked(pool, path).answer
  expect(await ask('/')).toBe('there')
  expect(await ask('/')).toBe('there')
  expect(peers.size).toBe(1)
  expect(await pool.probe()).toBeUndefined()
  expect(await pool.ailment('a', '/', 1000)).toBeUndefined()
  expect(await pool.ailment('a', '/slow', 50)).toBe('gives no answer within 0.05 s')
  const slow = ask('/lost/slow')
  await came.promise
  await server.stop(true)
  expect(await slow).toBe('Lost')
  expect(await ask('/')).toBe('Unconnected')
  expect(await pool.probe()).toBe('no connection: ECONNREFUSED')
  pool.close()
  expect(await ask('/')).toBe('Unconnected')
})

test('a connection with nothing under way is ended in order, and not reset: one that waited long, of a closed pool, after its last answer, of a probe', async () => {
  const ends: string[] = []
  const server = createServer(socket => {
    socket.on('end', () => ends.push('in order')).on('error', error => ends.push(error.message))
    socket.on('data', request => {
      const last = request.includes('/last') ? 'Connection: close\r\n' : ''
      socket.write(`HTTP/1.1 200 OK\r\n${last}Content-Length: 5\r\n\r\nthere`)
    })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const poolFor = (idleMs: number) => new Pool({ host: '127.0.0.1', port }, { idleMs, connectMs: 1000 })
  const [short, long] = [poolFor(50), poolFor(60_000)]
  for (const [pool, path] of [
    [short, '/'],
    [long, '/'],
    [long, '/last'],
  ] as const)
    expect(await asked(pool, path).answer).toBe('there')
  expect(await long.probe()).toBeUndefined()
  expect(await asked(long, '/').answer).toBe('there')
  long.close()
  await waitFor(() => ends.length === 4 || undefined)
  expect(ends).toEqual(['in order', 'in order', 'in order', 'in order'])
  server.close()
})

test('a connection to a host by its name, which may move, is not used for ever', async () => {
  const peers: number[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, self) {
      peers.push(self.requestIP(request)!.port)
      return new Response('there')
    },
  })
  for (const [host, connections] of [
    ['localhost', 3],
    ['127.0.0.1', 1],
  ] as const) {
    peers.length = 0
    const pool = new Pool({ host, port: server.port! }, { idleMs: 60_000, connectMs: 1000, namedMs: 0 })
    for (let i = 0; i < 3; i++) expect(await asked(pool, '/').answer).toBe('there')
    expect(new Set(peers).size).toBe(connections)
    pool.close()
  }
  await server.stop(true)
})

test('a connection that its server says it closes, and does not, is not kept', async () => {
  let open = 0
  const server = createServer({ allowHalfOpen: true }, socket => {
    open++
    socket.on('error', () => {}).on('close', () => open--)
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nthere'))
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const pool = new Pool({ host: '127.0.0.1', port }, { idleMs: 1000, connectMs: 1000 })
  for (let i = 0; i < 3; i++) expect(await asked(pool, '/').answer).toBe('there')
  expect(open).toBe(3)
  await waitFor(() => open === 0 || undefined, 10_000)
  pool.close()
  server.close()
})

test('a server that says it closes a connection gets what it had not read when it answered, also where that takes it long', async () => {
  const long = 2_000_000
  const files = () => readdirSync('/proc/self/fd').length
  let read = 0
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('data', bytes => {
      read += bytes.length
    })
    socket.once('data', () => {
      socket.pause().write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nthere')
      accepted.resolve(socket)
    })
    socket.on('error', () => {})
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const pool = new Pool({ host: '127.0.0.1', port }, { idleMs: 1000, connectMs: 1000 })
  expect(await asked(pool, `/${'x'.repeat(long)}`).answer).toBe('there')
  const socket = await accepted.promise
  expect(await asked(pool, '/').answer).toBe('there')
  const open = files()
  // the other one, which has been read, is let go
  await waitFor(() => files() < open || undefined, 10_000)
  const end = new Promise(told =>
    socket
      .on('end', () => told('in order'))
      .on('close', told)
      .on('error', told),
  )
  socket.resume()
  expect(await end).toBe('in order')
  expect(read).toBeGreaterThan(long)
  socket.destroy()
  pool.close()
  server.close()
})

test('what comes at once is told of at once, however many chunks it is; also what comes before chunks that are none', async () => {
  const chunks = '1\r\nx\r\n'.repeat(1000)
  const server = createServer(socket =>
    socket.on('data', request => {
      const end = request.includes('/whole') ? '0\r\n\r\n' : 'nonsense\r\n'
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${end}`)
    }),
  )
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const pool = new Pool({ host: '127.0.0.1', port }, { idleMs: 1000, connectMs: 1000 })
  let pieces = 0
  let bytes = 0
  const count = (_: Line, piece: Uint8Array) => {
    pieces++
    bytes += piece.length
  }
  expect(await asked(pool, '/whole', count).answer).toBe('x'.repeat(1000))
  expect(pieces).toBeLessThan(100)
  expect(await asked(pool, '/broken', count).answer).toBe('MalformedAnswer')
  expect(bytes).toBe(2000)
  pool.close()
  server.close()
})

describe('to a server that is slow to read', () => {
  const BYTES = 12 * 1024 * 1024
  const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\n\r\n'
  /** Sends so much to one that begins to read after a while. `came` is what it got until the connection's end. */
  const send = async (act: (line: Line) => void, { talking = false, wrote = (_: number) => {} } = {}) => {
    const came = Promise.withResolvers<number>()
    const server = createServer(socket => {
      let received = 0
      const talk = talking ? setInterval(() => socket.write('more '), 20) : undefined
      socket.pause()
      setTimeout(() => socket.resume(), 500)
      socket.on('data', piece => {
        received += piece.length
      })
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
      socket.on('close', () => {
        clearInterval(talk)
        server.close()
        pool.close()
        came.resolve(received)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const pool = new Pool({ host: '127.0.0.1', port }, { idleMs: 1000, connectMs: 1000 })
    const line: Line = pool.begin('POST', HEAD, null, false, {
      connected() {
        line.write(Buffer.alloc(BYTES))
        act(line)
      },
      answered() {},
      data() {},
      unfinished() {},
      ended() {},
      failed() {},
      wrote,
    })
    return { came: came.promise, line }
  }

  test.each([
    ['one', false],
    ['one that talks meanwhile', true],
  ])('what was written comes whole, before the end: %s', async (_, talking) => {
    const { came } = await send(line => line.end(), { talking })
    expect(await came).toBe(HEAD.length + BYTES)
  })

  test('it is told how much has gone while it goes', async () => {
    const gone: number[] = []
    const all = Promise.withResolvers<void>()
    const wrote = (bytes: number) => {
      gone.push(bytes)
      if (gone.reduce((a, b) => a + b) === BYTES) all.resolve()
    }
    const { came, line } = await send(() => {}, { wrote })
    await all.promise
    line.end()
    expect(await came).toBe(HEAD.length + BYTES)
    expect(gone.length).toBeGreaterThan(1)
  })
})

describe('what is done to a request that is over does not reach the next one on its connection:', () => {
  /** Of two requests on one connection: the answer of the second, where each does so with the line of the first. */
  const second = async (meanwhile: { atLastPiece?(first: Line): void; after?(first: Line): void }) => {
    const peers = new Set<string>()
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch(request, self) {
        peers.add(String(self.requestIP(request)!.port))
        return new URL(request.url).pathname === '/next'
          ? Bun.sleep(50).then(() => new Response('next'))
          : new Response('first')
      },
    })
    const pool = new Pool({ host: '127.0.0.1', port: server.port! }, { idleMs: 1000, connectMs: 1000 })
    const first = asked(pool, '/', meanwhile.atLastPiece)
    expect(await first.answer).toBe('first')
    const next = asked(pool, '/next')
    await Bun.sleep(10)
    meanwhile.after?.(first.line)
    const answer = await Promise.race([next.answer, Bun.sleep(2000).then(() => 'nothing')])
    await server.stop(true)
    pool.close()
    return [answer, peers.size]
  }

  test('paused at its last piece for a slow reader', async () => {
    expect(await second({ atLastPiece: line => line.pause() })).toEqual(['next', 1])
  })

  test.each(['pause', 'end', 'destroy'] as const)('%s, when its answer was there', async act => {
    expect(await second({ after: line => line[act]() })).toEqual(['next', 1])
  })

  test('more of its body', async () => {
    expect(await second({ after: line => line.write(Buffer.from('rest of the first')) })).toEqual(['next', 1])
  })
})

test('a log is kept in three files at most, and its last lines are found in all of them', () => {
  const path = join(temporaryFolder(), 'logs/output.log')
  const log = new LogFile(path)
  const line = 'x'.repeat(8000)
  const lines = Math.ceil((MOST_OF_A_LOG * 3.5) / line.length)
  for (let i = 0; i < lines; i++) log.line('r1.1 out', `${i} ${line}`)
  const kept = keptLogs(path)
  expect(kept.map(existsSync)).toEqual([true, true, true])
  expect(existsSync(`${path}.3`)).toBe(false)
  for (const file of kept) expect(statSync(file).size).toBeLessThan(MOST_OF_A_LOG + 10_000)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const last = lastLines(path, 2000).toString().trimEnd().split('\n')
  expect(last).toHaveLength(2000)
  expect(last.map(text => Number(text.split(' ')[3]))).toEqual(Array.from({ length: 2000 }, (_, i) => lines - 2000 + i))
  expect(lastLines(path, 1).toString()).toMatch(new RegExp(`^\\S+Z r1\\.1 out ${lines - 1} x+\n$`))
  expect(lastLines('/no/such/log', 10).length).toBe(0)
})

test('the end of a body that HTTP/1.0 could not have sent is not where another answer begins', () => {
  const head = (...lines: string[]) =>
    parseAnswerHead(['HTTP/1.0 200 OK', 'Connection: keep-alive', ...lines].join('\r\n'), 'GET')
  expect(head('Content-Length: 5').persistent).toBe(true)
  const chunked = head('Transfer-Encoding: chunked')
  expect([chunked.framing.by, chunked.persistent]).toEqual(['chunked', false])
})

test('a connection whose server speaks of a body where there is none carries no other request', () => {
  const isKept = (status: number, ...lines: string[]) =>
    parseAnswerHead([`HTTP/1.1 ${status} None`, ...lines].join('\r\n'), 'GET').persistent
  expect([isKept(204), isKept(204, 'Content-Length: 0'), isKept(304, 'Content-Length: 5')]).toEqual([true, true, true])
  expect([isKept(204, 'Content-Length: 5'), isKept(204, 'Transfer-Encoding: chunked')]).toEqual([false, false])
})

test('a body in very small chunks is handed on in no more pieces than it came in, and what is behind it stays as it is', () => {
  const body = 'every byte of it is a chunk of its own, '.repeat(50)
  const chunks = `${[...body].map(byte => `1;a=b\r\n${byte}\r\n`).join('')}3\r\nend\r\n0\r\nX-Sum: 1\r\n\r\n`
  for (const size of [1, 7, 1000, chunks.length * 2]) {
    const unchunker = new Unchunker()
    const pieces: string[] = []
    let [used, came] = [0, 0]
    let rest = ''
    for (let at = 0; !unchunker.ended; at += size, came++) {
      const bytes = Buffer.from(`${chunks}behind`.slice(at, at + size))
      const own = unchunker.push(bytes, piece => pieces.push(piece.toString()))
      used += own
      rest = bytes.subarray(own).toString()
    }
    expect([pieces.join(''), used]).toEqual([`${body}end`, chunks.length])
    expect('behind').toStartWith(rest)
    expect(pieces.length).toBeLessThanOrEqual(came)
  }
})

test('a server by a name that nobody answers for is given up in time, and files are read meanwhile', async () => {
  const silent = createSocket('udp4')
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  const servers = getServers()
  setServers([`127.0.0.1:${silent.address().port}`])
  try {
    const named = (n: number, timeoutMs: number) =>
      Connection.open({ host: `${n}.example.org`, port: 80 }, timeoutMs, () => {})
    const first = named(0, 100).catch((error: Error) => error.message)
    let ended = 0
    // more than there are threads to read files
    const many = Array.from({ length: 2 * navigator.hardwareConcurrency }, (_, n) =>
      named(n + 1, 3000)
        .catch((error: Error) => error.message)
        .finally(() => ended++),
    )
    await readFile(import.meta.path)
    expect(ended).toBe(0)
    expect(await first).toBe('no connection in time')
    expect(ended).toBe(0)
    expect(new Set(await Promise.all(many as Promise<unknown>[]))).toEqual(new Set(['no connection in time']))
  } finally {
    setServers(servers)
    silent.close()
  }
})

test('a program that is ended before it is ready, and ends well, is not told to stay in the foreground', async () => {
  const remarks: string[] = []
  const { promise, resolve } = Promise.withResolvers<Exit>()
  let tell = (_: Event) => {}
  const guard = {
    run(_: unknown, on: typeof tell) {
      tell = on
      on({ pid: 1 })
      return promise
    },
    remark: ({ text }: { text: string }) => remarks.push(text),
    // sooner than it is looked at whether it is ready
    async end() {
      tell({ ended: true })
      resolve({ how: 'exit status 0' })
    },
  }
  const places = { accountOf() {}, temporaryFolder: () => '/tmp', environment: () => ({}), logOf: () => 'log' }
  const plan = { revision: 1, config: { command: ['x'] }, startTimeoutMs: 60_000, drainMs: 0 } as unknown as Plan
  const replica = new Replica({ deploymentId: 1, number: 1, plan }, { places, guard } as unknown as Means, () => {})
  const why = replica.ready.catch((error: Error) => error.message)
  await replica.stop(0)
  expect([await why, remarks]).toEqual(['it was stopped before it was ready', []])
})

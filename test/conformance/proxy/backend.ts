/**
 * The server behind the proxy, on nothing but TCP, so that what came can be told byte by byte and any answer given: `bun
 * backend.ts`, at PORT.
 */
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { ANSWERS } from './answers.ts'

/** A request as it came. */
export interface Seen {
  line: string
  headers: [string, string][]
  /** base64; of a long body only its length and hash */
  body: string
  bytes: number
  sha256: string
  /** how many requests its connection had before */
  before: number
}

/** marks (`X-Mark`) of requests that came, and of connections that ended before their answer */
const marks: string[] = []
const abandoned: string[] = []
/** answers that wait until somebody asks for `/on` */
const waiting: (() => void)[] = []
/** what came of WebSockets that were not read for a while: bytes before the end, and its code */
const stalled: { bytes: number; code: number }[] = []
const LONG = 1 << 20
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const agreed = (key: string, lines = 'Upgrade: websocket\r\nConnection: Upgrade\r\n') =>
  Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\n${lines}Sec-WebSocket-Accept: ${createHash('sha1')
      .update(key + GUID)
      .digest('base64')}\r\n\r\n`,
  )

createServer({ noDelay: true }, socket => void serve(socket.setMaxListeners(0)).catch(() => socket.destroy())).listen(
  Number(process.env.PORT),
  '127.0.0.1',
)

async function serve(socket: Socket): Promise<void> {
  const input = new Input(socket)
  for (let before = 0; ; before++) {
    const head = await input.until('\r\n\r\n')
    if (head === undefined) return
    const [line = '', ...lines] = head.split('\r\n')
    const headers = lines.map((text): [string, string] => {
      const colon = text.indexOf(':')
      return [text.slice(0, colon), text.slice(colon + 1).trim()]
    })
    const value = (name: string) => headers.find(([n]) => n.toLowerCase() === name)?.[1]
    const mark = value('x-mark') ?? ''
    const [path, query = ''] = line.split(' ')[1]!.split('?', 2) as [string, string?]
    const name = decodeURIComponent(path.replace(/^\/raw\//, ''))
    marks.push(mark)
    let answered = false
    socket.once('close', () => answered || abandoned.push(mark))
    if (path === '/duplex') {
      await echoChunks(socket, input)
      answered = true
      continue
    }
    if (path === '/early-and-on') {
      socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
      answered = true
      return void (await bodyOf(input, value))
    }
    if (path === '/early') {
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig')
      answered = true
      return void socket.end()
    }
    const body = await bodyOf(input, value)
    const key = value('sec-websocket-key') ?? ''
    if (path.startsWith('/websocket/')) socket.write(agreed(key))
    if (path === '/download') await download(socket, Number(query))
    else if (path.startsWith('/raw/') && ANSWERS[name]) await play(socket, name)
    else if (path === '/raw/websocket') socket.write(Buffer.concat([agreed(key), Buffer.from(query, 'hex')]))
    else if (path === '/raw/agreement') socket.write(agreed(key, Buffer.from(query, 'hex').toString()))
    else if (path === '/websocket/messages') await sendMessages(socket, query.split(',').map(Number))
    else if (path === '/websocket/small') await sendSmall(socket)
    else if (path === '/websocket/pings') await pingOnly(socket)
    else if (path === '/websocket/stalls') await stall(socket, input, query.split(',').map(Number))
    else if (path === '/on') {
      for (const goOn of waiting.splice(0)) goOn()
      respond(socket, '{}')
    } else if (path === '/stalled') respond(socket, JSON.stringify(stalled))
    else if (path === '/marks') respond(socket, JSON.stringify({ marks, abandoned }))
    else if (path === '/status') {
      const code = Number(query)
      const none = code === 204 || code === 304
      socket.write(`HTTP/1.1 ${code} Own\r\n${none ? '' : 'Content-Length: 2\r\n'}\r\n${none ? '' : 'ok'}`)
    } else respond(socket, JSON.stringify({ line, headers, ...body, before } satisfies Seen), line.startsWith('HEAD '))
    answered = true
    if (socket.destroyed) return
  }
}

function respond(socket: Socket, text: string, headOnly = false): void {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`
  socket.write(headOnly ? head : head + text)
}

async function play(socket: Socket, name: string): Promise<void> {
  for (const step of ANSWERS[name]!) {
    if (step === 'close') return void socket.end()
    if (step === 'reset') return void socket.resetAndDestroy()
    if (step === 'wait') await new Promise<void>(resolve => waiting.push(resolve))
    else if (typeof step === 'number') await Bun.sleep(step)
    else socket.write(Buffer.from(step, 'latin1'))
  }
}

async function download(socket: Socket, bytes: number): Promise<void> {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes}\r\n\r\n`)
  const block = Buffer.alloc(1 << 18, 'z')
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += block.length)
    if (!socket.write(block.subarray(0, Math.min(block.length, bytes - sent))))
      await new Promise(resolve => socket.once('drain', resolve).once('close', resolve))
}

/** Writes so many pieces, as they are taken. */
async function pour(socket: Socket, count: number, pieceOf: (i: number) => Buffer): Promise<void> {
  for (let i = 0; i < count && !socket.destroyed; i++)
    if (!socket.write(pieceOf(i))) await new Promise(resolve => socket.once('drain', resolve).once('close', resolve))
}

/** Messages of so many bytes, each of them its number. */
async function sendMessages(socket: Socket, [count, bytes]: number[]): Promise<void> {
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(BigInt(bytes!), 2)
  await pour(socket, count!, i => Buffer.concat([head, Buffer.alloc(bytes!, i)]))
}

/** Messages of a byte, as many as are taken. */
async function sendSmall(socket: Socket): Promise<void> {
  const messages = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0x82, 1, 5])))
  await pour(socket, Number.POSITIVE_INFINITY, () => messages)
}

/** Pings, up to 200 MB of them, and reads nothing. */
async function pingOnly(socket: Socket): Promise<void> {
  const ping = Buffer.concat([Buffer.from([0x89, 125]), Buffer.alloc(125, 'p')])
  const pings = Buffer.concat(Array.from({ length: 500 }, () => ping))
  await pour(socket, 200e6 / pings.length, () => pings)
  await new Promise(resolve => socket.once('close', resolve))
}

/** Reads nothing for a while, then so many bytes, and agrees to the end behind them. */
async function stall(socket: Socket, input: Input, [milliseconds, expected]: number[]): Promise<void> {
  await Bun.sleep(milliseconds!)
  let bytes = 0
  await input.exactly(expected!, piece => {
    bytes += piece.length
  })
  const end: Buffer[] = []
  await input.exactly(8, piece => end.push(piece))
  const frame = Buffer.concat(end)
  const code = frame.readUInt16BE(6) ^ frame.readUInt16BE(2)
  stalled.push({ bytes, code: frame[0] === 0x88 ? code : 0 })
  socket.write(Buffer.from([0x88, 2, code >> 8, code & 255]))
}

/** Answers each chunk with the same, as it comes. */
async function echoChunks(socket: Socket, input: Input): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let size = -1; size !== 0; ) {
    const line = await input.until('\r\n')
    if (line === undefined) throw new Error('the body was cut off')
    size = Number.parseInt(line, 16)
    socket.write(`${line}\r\n`)
    await input.exactly(size, piece => socket.write(piece))
    await input.until('\r\n')
    socket.write('\r\n')
  }
}

async function bodyOf(input: Input, value: (name: string) => string | undefined) {
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  let bytes = 0
  const take = (piece: Buffer) => {
    hash.update(piece)
    bytes += piece.length
    if (bytes <= LONG) kept.push(piece)
  }
  if (value('transfer-encoding') === 'chunked')
    for (;;) {
      const line = await input.until('\r\n')
      if (line === undefined) throw new Error('the body was cut off')
      const size = Number.parseInt(line, 16)
      if (size === 0) {
        await input.until('\r\n')
        break
      }
      await input.exactly(size, take)
      await input.until('\r\n')
    }
  else await input.exactly(Number(value('content-length') ?? 0), take)
  const body = bytes <= LONG ? Buffer.concat(kept).toString('base64') : ''
  return { body, bytes, sha256: hash.digest('hex') }
}

/** A socket's bytes, as they are asked for. */
class Input {
  #held: Buffer = Buffer.alloc(0)
  #ended = false
  #more: (() => void) | undefined
  #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => {
      this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data])
      socket.pause()
      this.#more?.()
    })
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.#ended = true
        this.#more?.()
      })
  }

  /** @returns undefined where the connection ended first */
  async until(end: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#held.indexOf(end)
      if (at >= 0) {
        const text = this.#held.toString('latin1', 0, at)
        this.#held = this.#held.subarray(at + end.length)
        return text
      }
      if (this.#ended) return undefined
      await this.#wait()
    }
  }

  async exactly(bytes: number, take: (piece: Buffer) => void): Promise<void> {
    for (let left = bytes; left > 0; ) {
      if (this.#held.length === 0) {
        if (this.#ended) throw new Error('the body was cut off')
        await this.#wait()
        continue
      }
      const piece = this.#held.subarray(0, left)
      this.#held = this.#held.subarray(piece.length)
      left -= piece.length
      take(piece)
    }
  }

  #wait(): Promise<void> {
    return new Promise(resolve => {
      this.#more = resolve
      this.#socket.resume()
    })
  }
}

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
const LONG = 1 << 20
/** to the key of RFC 6455, 1.3 */
const AGREED = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
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
    if (path === '/early') {
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig')
      answered = true
      return void socket.end()
    }
    const body = await bodyOf(input, value)
    if (path === '/download') await download(socket, Number(query))
    else if (path.startsWith('/raw/') && ANSWERS[name]) await play(socket, name)
    else if (path === '/raw/websocket') socket.write(Buffer.concat([AGREED, Buffer.from(query, 'hex')]))
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
    if (typeof step === 'number') await Bun.sleep(step)
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

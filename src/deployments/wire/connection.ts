import type { Socket, TCPSocketConnectOptions } from 'bun'
import { Gathering } from '../../lib/gathering.ts'
import { errorFields, log } from '../../telemetry/log.ts'
import { Unchunker } from './chunked.ts'
import { type Address, ConnectionLost, dial } from './dial.ts'
import { type AnswerHead, HEAD_END, headIn, MalformedAnswer, type ParsedHead, parseAnswerHead } from './head.ts'

/** One request on a connection, and what becomes of it. Nothing is called after `ended` or `failed`. */
export interface Exchange {
  method: string
  /** the head of the answer that counts: 1xx were let go, but for 101 */
  answered(head: AnswerHead): void
  /** a piece of the body; it may be kept */
  data(piece: Buffer): void
  /** what came so far has been handed over, and the answer goes on */
  unfinished(): void
  ended(): void
  failed(error: Error): void
  /** some of what `write` could not take at once has gone */
  drained(): void
}

/** How long a server may take nothing of what was sent, or not end the connection, when all else is over. */
const STALLED_MS = 30_000
/** The same where it has answered all that it was asked: some say that they close a connection, and do not. */
const ANSWERED_MS = 2000
/** Bytes of a request beyond which a server may have answered before the rest was there, and read on. */
const SURELY_THERE = 32 * 1024
const MOST_INFORMATION = 32
const NOTHING = Buffer.alloc(0)
/** where heads are made into bytes */
const SCRATCH = Buffer.alloc(16 * 1024)

// in Bun's runtime, and not in its types
type PausableSocket = Socket<Connection> & { pause(): void; resume(): void }

/** One connection to a server, for one request after the other (HTTP/1.1). */
export class Connection {
  /** as performance.now() */
  readonly openedAt = performance.now()
  /** as performance.now() */
  idleSince = 0
  keepAliveSeconds: number | undefined
  #socket!: PausableSocket
  #exchange: Exchange | undefined
  #head: ParsedHead | undefined
  /** the beginning of a head that is not all there */
  #held: Buffer = NOTHING
  #unchunker: Unchunker | undefined
  /** of a body with a length */
  #left = 0
  #information = 0
  #requestSent = false
  #requestBytes = 0
  /** what is still to be written */
  #pending = new Gathering()
  #closed = false
  /** until when it may go on ending */
  #ending: ReturnType<typeof setTimeout> | undefined
  #paused = false
  #onIdle: (connection: Connection) => void
  /** settled by the end of a TLS handshake */
  #trusted = Promise.withResolvers<void>()

  static readonly #handlers: TCPSocketConnectOptions<Connection>['socket'] = {
    data: ({ data: connection }, bytes) => connection.#receive(bytes),
    drain: ({ data: connection }) => connection.#flush(),
    close: ({ data: connection }, error) => connection.#ended(error),
    error: ({ data: connection }, error) => connection.#ended(error),
    handshake: ({ data: connection }, success, error) => {
      if (success && !error) connection.#trusted.resolve()
      else connection.#trusted.reject(new ConnectionLost(`no trusted TLS connection: ${error?.message ?? ''}`))
    },
    // the promise of Bun.connect says it too
    connectError: () => {},
  }

  private constructor(onIdle: (connection: Connection) => void) {
    this.#onIdle = onIdle
    this.#trusted.promise.catch(() => {})
  }

  /**
   * @param onIdle is called when an answer has ended and the connection may carry another request
   * @throws ConnectionLost refused, not found, not in time, or a certificate that is not trusted
   */
  static async open(
    address: Address,
    timeoutMs: number,
    onIdle: (connection: Connection) => void,
  ): Promise<Connection> {
    const connection = new Connection(onIdle)
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      connection.destroy()
      late.reject(new ConnectionLost('no connection in time'))
    }, timeoutMs)
    try {
      const connecting = dial(address, connection, Connection.#handlers, () => !connection.#closed).then(socket => {
        if (!socket) return
        connection.#socket = socket as PausableSocket
        if (connection.#closed) socket.terminate()
      })
      connecting.catch(() => {})
      await Promise.race([connecting, late.promise])
      if (address.tls) await Promise.race([connection.#trusted.promise, late.promise])
      return connection
    } catch (error) {
      connection.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Begins a request; its head and body follow by `write`, then `sent`. */
  begin(exchange: Exchange): void {
    this.#exchange = exchange
    this.#head = undefined
    this.#information = 0
    this.#requestSent = false
    this.#requestBytes = 0
  }

  /** A head, one byte a character. @returns as `write` */
  writeText(text: string): boolean {
    if (text.length > SCRATCH.length || this.#closed || this.#pending.length > 0)
      return this.write(Buffer.from(text, 'latin1'))
    const length = SCRATCH.write(text, 'latin1')
    this.#requestBytes += length
    const written = Math.max(0, this.#socket.write(SCRATCH, 0, length))
    if (written < length) this.#pending.push(SCRATCH.subarray(written, length))
    return written === length
  }

  /** @returns false where some of it waits: write on when `drained` is called */
  write(bytes: Buffer | Uint8Array): boolean {
    if (this.#closed) return true // its end has been told, or will be
    this.#requestBytes += bytes.length
    if (this.#pending.length > 0) this.#pending.push(bytes)
    else {
      const written = Math.max(0, this.#socket.write(bytes))
      if (written < bytes.length) this.#pending.push(bytes.subarray(written))
    }
    return this.#pending.length === 0
  }

  /** bytes that were written and have not gone */
  get pending(): number {
    return this.#pending.length
  }

  /** The whole request has been written. */
  sent(): void {
    this.#requestSent = true
  }

  pause(): void {
    if (this.#closed || this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (this.#closed || !this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  /** Ends it at once; the exchange on it is told nothing more. */
  destroy(): void {
    this.#exchange = undefined
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#ending)
    this.#socket?.terminate()
  }

  /**
   * Ends it when what was written has gone; the exchange on it is told nothing more. It is read until its server ends it too, and
   * what comes is let go: to close it with something unread would take back what its server has not got yet. Some servers log each
   * reset as a failure of theirs, so it is also how one with nothing under way ends.
   */
  end(): void {
    if (this.#closed) return
    const isAnswered = this.#exchange === undefined && this.#requestBytes <= SURELY_THERE
    this.#exchange = undefined
    this.resume()
    this.#socket.unref() // the process does not wait for it
    this.#giveTime(isAnswered ? ANSWERED_MS : STALLED_MS)
    if (this.#pending.length === 0) this.#socket.shutdown()
  }

  #giveTime(ms: number): void {
    clearTimeout(this.#ending)
    this.#ending = setTimeout(() => this.destroy(), ms)
    this.#ending.unref()
  }

  #flush(): void {
    const before = this.#pending.length
    for (let next = this.#pending.first; next; next = this.#pending.first) {
      const written = Math.max(0, this.#socket.write(next))
      this.#pending.skip(written)
      if (written < next.length) break
    }
    if (this.#pending.length === before) return
    if (!this.#ending) return void this.#exchange?.drained()
    this.#giveTime(STALLED_MS)
    if (this.#pending.length === 0) this.#socket.shutdown()
  }

  #receive(bytes: Buffer): void {
    const exchange = this.#exchange
    if (!exchange) {
      if (!this.#ending) this.destroy() // nobody asked
      return
    }
    try {
      if (this.#head?.status === 101) return void exchange.data(bytes)
      const rest = this.#head ? bytes : this.#readHead(exchange, bytes)
      // what was told of the head may have given the request up
      if (rest && this.#exchange === exchange) this.#readBody(exchange, this.#head!, rest)
    } catch (error) {
      if (this.#exchange === exchange) this.#fail(error as Error)
      else log.error(errorFields(error), 'an answer of a deployment could not be taken')
    }
  }

  /** @returns what follows the head, or undefined where it is not all there */
  #readHead(exchange: Exchange, bytes: Buffer): Buffer | undefined {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes
    this.#held = NOTHING
    for (;;) {
      const text = headIn(rest)
      if (text === undefined) {
        this.#held = rest
        return undefined
      }
      const head = parseAnswerHead(text, exchange.method)
      rest = rest.subarray(text.length + HEAD_END.length)
      if (head.status >= 200 || head.status === 101) {
        this.#head = head
        this.#left = head.framing.by === 'length' ? head.framing.length : 0
        this.#unchunker = head.framing.by === 'chunked' ? new Unchunker() : undefined
        this.keepAliveSeconds = head.keepAliveSeconds
        exchange.answered(head)
        return rest
      }
      if (++this.#information > MOST_INFORMATION) throw new MalformedAnswer('there is no end of 1xx answers')
    }
  }

  #readBody(exchange: Exchange, { status, framing }: AnswerHead, bytes: Buffer): void {
    if (status === 101) {
      if (bytes.length > 0) exchange.data(bytes)
      return
    }
    let used = 0
    let done = false
    switch (framing.by) {
      case 'none':
        done = true
        break
      case 'length': {
        const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
        used = piece.length
        this.#left -= used
        done = this.#left === 0
        if (used > 0) exchange.data(piece)
        break
      }
      case 'chunked':
        used = this.#unchunker!.push(bytes, piece => exchange.data(piece))
        done = this.#unchunker!.ended
        break
      case 'close':
        used = bytes.length
        if (used > 0) exchange.data(bytes)
    }
    if (this.#exchange !== exchange) return // it was given up meanwhile
    if (done) this.#finish(used === bytes.length)
    else exchange.unfinished()
  }

  #finish(clean: boolean): void {
    const exchange = this.#exchange!
    const isOver = clean && this.#requestSent && this.#pending.length === 0
    this.#exchange = undefined
    if (!isOver) this.destroy()
    else if (this.#head!.persistent) {
      this.resume() // a slow reader may have paused it at the last piece
      this.#onIdle(this)
    } else this.end()
    exchange.ended()
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    this.destroy()
    exchange?.failed(error)
  }

  #ended(error?: Error): void {
    const exchange = this.#exchange
    const head = this.#head
    const begun = head !== undefined || this.#held.length > 0 || this.#information > 0
    this.#closed = true
    clearTimeout(this.#ending)
    this.#exchange = undefined
    this.#trusted.reject(new ConnectionLost('the connection ended in its handshake'))
    if (!exchange) return
    if (head?.framing.by === 'close' && head.status !== 101 && !error) exchange.ended()
    else
      exchange.failed(
        new ConnectionLost(error ? `the connection was lost: ${error.message}` : 'the connection was closed', begun),
      )
  }
}

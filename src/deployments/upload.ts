/** The body of a request on its way to a server. */
import { tooLarge } from '../lib/body.ts'
import { badRequest, Fault } from '../lib/fault.ts'
import type { Connection } from './wire/connection.ts'

/** A body of a known length up to this is read whole first, and can be sent again. */
const SMALL = 64 * 1024
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** What an upload tells whoever sends it. */
export interface Sender {
  /** Some of the body was written. */
  progressed(): void
  /** All of it was. */
  sent(): void
  /** The body cannot be sent to its end. */
  refused(fault: Fault): void
}

export class Upload {
  /** the header lines that say how long the body is */
  readonly framing: string
  /** whether it can be sent from its beginning (again) */
  untouched = true
  #whole: Uint8Array | undefined
  #stream: ReadableStream<Uint8Array> | undefined
  #chunked: boolean
  #limit: number
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #drain: (() => void) | undefined

  private constructor(
    framing: string,
    { whole, stream, chunked = false }: { whole?: Uint8Array; stream?: ReadableStream<Uint8Array>; chunked?: boolean },
    limit: number,
  ) {
    this.framing = framing
    this.#whole = whole
    this.#stream = stream
    this.#chunked = chunked
    this.#limit = limit
  }

  /**
   * @param limit bytes
   * @returns undefined where the request has no body; a promise only where a body is read whole
   * @throws Fault 400 a body that cannot be handed on, or was cut off; 413
   */
  static of(request: Request, limit: number): Upload | undefined | Promise<Upload> {
    const { headers, method } = request
    const length = headers.get('content-length')
    const encoding = headers.get('transfer-encoding')
    if (length === null && encoding === null) return undefined
    if (method === 'GET' || method === 'HEAD') {
      // the HTTP server does not give it out; to send the request without it would be another request
      if (encoding !== null || length !== '0') throw badRequest(`A ${method} with a body is not handed on.`, 'body_refused')
      return undefined
    }
    if (encoding !== null)
      return new Upload('transfer-encoding: chunked\r\n', { stream: request.body ?? undefined, chunked: true }, limit)
    if (!/^\d+$/.test(length!)) throw badRequest('The request has two lengths.', 'conflicting_length')
    if (Number(length) > limit) throw tooLarge(limit)
    const framing = `content-length: ${length}\r\n`
    if (Number(length) > SMALL) return new Upload(framing, { stream: request.body ?? undefined }, limit)
    if (length === '0') return new Upload(framing, { whole: new Uint8Array() }, limit)
    return request.bytes().then(
      whole => new Upload(framing, { whole }, limit),
      () => {
        throw badRequest('The body was cut off.', 'malformed_body')
      },
    )
  }

  /** Writes head and body; whoever sends is told of its end in any case but when `stop` came first. */
  send(head: Buffer, connection: Connection, sender: Sender): void {
    if (this.#whole) {
      connection.write(this.#whole.length === 0 ? head : Buffer.concat([head, this.#whole]))
      sender.sent()
      return
    }
    this.untouched = false
    connection.write(head)
    void this.#pump(connection, sender)
  }

  /** What could not be written at once has been. */
  drained(): void {
    this.#drain?.()
  }

  /** The request is over: nothing more of it is read. */
  stop(): void {
    this.#drain?.()
    const reader = this.#reader
    this.#reader = undefined
    reader?.cancel().catch(() => {})
  }

  async #pump(connection: Connection, sender: Sender): Promise<void> {
    const reader = this.#stream?.getReader()
    this.#reader = reader
    let sent = 0
    try {
      while (reader) {
        const { done, value } = await reader.read()
        if (this.#reader !== reader) return
        if (done) break
        sent += value.length
        if (sent > this.#limit) return sender.refused(tooLarge(this.#limit))
        const written = connection.write(this.#chunked ? chunkOf(value) : value)
        if (!written) await new Promise<void>(resolve => (this.#drain = resolve))
        if (this.#reader !== reader) return
        sender.progressed()
      }
      if (this.#chunked) connection.write(LAST_CHUNK)
      this.#reader = undefined
      sender.sent()
    } catch (cause) {
      if (this.#reader !== reader) return
      sender.refused(new Fault(400, 'malformed_body', 'The body was cut off.', { cause }))
    }
  }
}

const chunkOf = (piece: Uint8Array) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF])

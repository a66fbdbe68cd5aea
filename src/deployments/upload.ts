/** The body of a request on its way to a server. */
import { tooLarge } from '../lib/body.ts'
import { badRequest, Fault } from '../lib/fault.ts'
import type { Line } from './wire/line.ts'

/** A body of a known length up to this is read whole first, and can be sent again. */
const SMALL = 64 * 1024

/** What an upload tells whoever sends it. */
export interface Sender {
  /** Some of the body has gone. */
  progressed(): void
  /** The body cannot be sent to its end. */
  refused(fault: Fault): void
}

export class Upload {
  /** the header lines that say how long the body is */
  readonly framing: string
  /** whether it can be sent from its beginning (again) */
  untouched = true
  /** whether it is the caller who is waited for, and not the server */
  awaitsCaller = false
  #whole: Uint8Array | undefined
  #stream: ReadableStream<Uint8Array> | undefined
  #chunked: boolean
  #limit: number
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  /** bytes that were written and have not gone */
  #going = 0
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
      if (encoding !== null || length !== '0')
        throw badRequest(`A ${method} with a body is not forwarded.`, 'body_refused')
      return undefined
    }
    if (encoding !== null)
      return new Upload('transfer-encoding: chunked\r\n', { stream: request.body ?? undefined, chunked: true }, limit)
    if (!/^\d+$/.test(length!)) throw badRequest('The request has two lengths.', 'conflicting_length')
    const bytes = Number(length)
    if (bytes > limit) throw tooLarge(limit)
    const framing = `content-length: ${bytes}\r\n` // zeros may have led
    if (bytes > SMALL) return new Upload(framing, { stream: request.body ?? undefined }, limit)
    if (bytes === 0) return new Upload(framing, { whole: new Uint8Array() }, limit)
    return request.bytes().then(
      whole => new Upload(framing, { whole }, limit),
      () => {
        throw badRequest('The body was cut off.', 'malformed_body')
      },
    )
  }

  /** all of it, where it is at hand */
  get whole(): Uint8Array | undefined {
    return this.#whole
  }

  /** Writes what is not at hand, as it comes; whoever sends is told of its end in any case but when `stop` came first. */
  send(line: Line, sender: Sender): void {
    this.untouched = false
    void this.#pump(line, sender)
  }

  /** So many bytes of what was written have gone. */
  wrote(bytes: number): void {
    this.#going -= bytes
    if (this.#going === 0) this.#drain?.()
  }

  /** The request is over: nothing more of it is read. */
  stop(): void {
    this.#drain?.()
    const reader = this.#reader
    this.#reader = undefined
    reader?.cancel().catch(() => {})
  }

  async #pump(line: Line, sender: Sender): Promise<void> {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    let sent = 0
    try {
      reader = this.#stream?.getReader()
      this.#reader = reader
      while (reader) {
        this.awaitsCaller = true
        const { done, value } = await reader.read()
        this.awaitsCaller = false
        if (this.#reader !== reader) return
        if (done) break
        if (value.length === 0) continue // as a chunk it would be the last
        sent += value.length
        if (sent > this.#limit) return sender.refused(tooLarge(this.#limit))
        const gone = new Promise<void>(resolve => {
          this.#drain = resolve
        })
        const piece = this.#chunked ? chunkOf(value) : value
        this.#going += piece.length
        line.write(piece)
        await gone
        if (this.#reader !== reader) return
        sender.progressed()
      }
      if (this.#chunked) line.write(new TextEncoder().encode('0\r\n\r\n'))
      this.#reader = undefined
      line.sent()
      sender.progressed()
    } catch (cause) {
      if (this.#reader !== reader) return
      sender.refused(new Fault(400, 'malformed_body', 'The body was cut off.', { cause }))
    }
  }
}

const CRLF = new Uint8Array([13, 10])
const chunkOf = (piece: Uint8Array) => {
  const size = new TextEncoder().encode(`${piece.length.toString(16)}\r\n`)
  const chunk = new Uint8Array(size.length + piece.length + CRLF.length)
  chunk.set(size)
  chunk.set(piece, size.length)
  chunk.set(CRLF, size.length + piece.length)
  return chunk
}

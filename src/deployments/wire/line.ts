import { atOnce } from '../../lib/together.ts'
import type { Connection, Exchange } from './connection.ts'
import { ConnectionLost } from './dial.ts'
import { type AnswerHead, MalformedAnswer } from './head.ts'

/** No connection could be made: nothing of the request was sent. */
export class Unconnected extends Error {
  override name = 'Unconnected'
}

/** The connection was lost before the answer had come to its end. */
export class Lost extends Error {
  override name = 'Lost'
  /** it had waited for a request: its server may have closed it just as it was used */
  readonly pooled: boolean
  /** something of the answer had come */
  readonly begun: boolean

  constructor(message: string, { pooled, begun }: { pooled: boolean; begun: boolean }) {
    super(message)
    this.pooled = pooled
    this.begun = begun
  }
}

/** What becomes of a request. Nothing is called after `ended` or `failed`. */
export interface Answering {
  /** There is a connection, with the head on it: what follows may be written. Not told of a request that is whole. */
  connected?(): void
  /** the head of the answer: 1xx were let go, but for 101 */
  answered(head: AnswerHead): void
  /** a piece of the body; it may be kept */
  data(piece: Uint8Array): void
  /** what came so far has been handed over, and the answer goes on */
  unfinished(): void
  ended(): void
  /** Never before `Pool.begin` has returned. @param error Unconnected, Lost or MalformedAnswer */
  failed(error: Error): void
  /** so many bytes that were written have gone */
  wrote(bytes: number): void
}

/** Where a request finds its connection. */
interface Connections {
  /** one that was used before, if one waits */
  take(): Connection | undefined
  /** A new one. @throws ConnectionLost */
  open(): Promise<Connection>
}

/** A request that was begun. */
export class Line implements Exchange {
  readonly method: string
  #answering: Answering | undefined
  #connection: Connection | undefined
  #pooled = false
  /** bytes whose going is still to be told */
  #writing = 0
  /** over, or given up */
  #given = false

  /** As `Pool.begin`. */
  constructor(
    from: Connections,
    method: string,
    head: string,
    body: Uint8Array | null,
    whole: boolean,
    answering: Answering,
  ) {
    this.method = method
    this.#answering = answering
    // what is sent one after the other finds its server awake
    atOnce(() => this.#begin(from, head, body, whole))
  }

  #begin(from: Connections, head: string, body: Uint8Array | null, whole: boolean): void {
    if (this.#given) return
    const pooled = from.take()
    if (pooled) {
      this.#pooled = true
      this.#start(pooled, head, body, whole)
      return
    }
    from.open().then(
      connection => (this.#given ? connection.destroy() : this.#start(connection, head, body, whole)),
      (error: Error) => this.#answering?.failed(new Unconnected(error.message)),
    )
  }

  /** More of the request, once it is `connected`; `wrote` tells when it has gone. */
  write(bytes: Uint8Array): void {
    if (!this.#connection) return
    this.#writing += bytes.length
    this.#connection.write(bytes)
    this.drained()
  }

  /** The whole request has been written. */
  sent(): void {
    this.#connection?.sent()
  }

  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }

  /** Whoever is told from now on what becomes of it. */
  hand(answering: Answering): void {
    this.#answering = answering
  }

  /** Ends the connection at once; nothing more is told. */
  destroy(): void {
    this.#give()?.destroy()
  }

  /** Ends the connection when what was written has gone; nothing more is told. */
  end(): void {
    this.#give()?.end()
  }

  answered(head: AnswerHead): void {
    this.#answering?.answered(head)
  }

  data(piece: Buffer): void {
    this.#answering?.data(piece)
  }

  unfinished(): void {
    this.#answering?.unfinished()
  }

  ended(): void {
    const answering = this.#answering
    this.#give()
    answering?.ended()
  }

  failed(error: Error): void {
    const answering = this.#answering
    this.#give()
    const begun = error instanceof ConnectionLost && error.begun
    answering?.failed(
      error instanceof MalformedAnswer ? error : new Lost(error.message, { pooled: this.#pooled, begun }),
    )
  }

  drained(): void {
    // what was written last is what waits
    const waiting = Math.min(this.#writing, this.#connection?.pending ?? 0)
    const gone = this.#writing - waiting
    this.#writing = waiting
    if (gone > 0) this.#answering?.wrote(gone)
  }

  #start(connection: Connection, head: string, body: Uint8Array | null, whole: boolean): void {
    this.#connection = connection
    connection.begin(this)
    try {
      if (body) connection.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
      else connection.writeText(head)
      if (whole) connection.sent()
      else this.#answering?.connected?.()
    } catch (error) {
      connection.destroy()
      this.failed(error as Error)
    }
  }

  /** Gives the connection up: what is done here from now on is not to reach the next request on it. */
  #give(): Connection | undefined {
    const connection = this.#connection
    this.#given = true
    this.#answering = undefined
    this.#connection = undefined
    return connection
  }
}

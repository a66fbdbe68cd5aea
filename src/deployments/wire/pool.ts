import { isIP } from 'node:net'
import { Connection } from './connection.ts'
import { type Address, ConnectionLost } from './dial.ts'
import { type Answering, Line } from './line.ts'

const MOST_IDLE = 256
/** How long a connection to a host is used that is known by name: it may move, and one that is always busy would not notice. */
const NAMED_MS = 60_000

/** The connections to one server. Of those that wait for a request the one that waited least is taken first. */
export class Pool {
  readonly address: Address
  #idleMs: number
  #connectMs: number
  #longestMs: number
  #idle: Connection[] = []
  #sweeping: ReturnType<typeof setInterval> | undefined
  #closed = false

  /**
   * @param idleMs how long a connection may wait: less than servers keep one, so that none is used as its server closes it
   * @param connectMs how long one may take to be made
   */
  constructor(
    address: Address,
    { idleMs, connectMs, namedMs = NAMED_MS }: { idleMs: number; connectMs: number; namedMs?: number },
  ) {
    this.address = address
    this.#idleMs = idleMs
    this.#connectMs = connectMs
    this.#longestMs = isIP(address.host) ? Number.POSITIVE_INFINITY : namedMs
  }

  /**
   * Begins a request.
   * @param head as it is sent, a character a byte
   * @param body of the request, where it is at hand; @param whole whether nothing follows
   */
  begin(method: string, head: string, body: Uint8Array | null, whole: boolean, answering: Answering): Line {
    return new Line(this, method, head, body, whole, answering)
  }

  /** Why no connection can be made; undefined where one can. */
  async probe(): Promise<string | undefined> {
    try {
      const connection = await this.open()
      connection.end()
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  /** What a request is answered with that should say, in time, that all is well; undefined where it does. */
  ailment(host: string, path: string, timeoutMs: number): Promise<string | undefined> {
    const head = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: callgate-health\r\n\r\n`
    return new Promise(resolve => {
      const said = (ailment?: string) => {
        clearTimeout(late)
        resolve(ailment)
      }
      const line = this.begin('GET', head, null, true, {
        answered: ({ status }) => said(status < 400 ? undefined : `answers ${status}`),
        data() {},
        // nobody reads the rest
        unfinished: () => line.destroy(),
        ended() {},
        failed: ({ message }) => said(`gives no answer: ${message}`),
        wrote() {},
      })
      const late = setTimeout(() => {
        line.destroy()
        resolve(`gives no answer within ${timeoutMs / 1000} s`)
      }, timeoutMs)
      late.unref()
    })
  }

  /** A connection that was used before, if one waits. */
  take(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop())
      if (!connection.closed) {
        if (this.#isFresh(connection, performance.now())) return connection
        connection.end()
      }
    return undefined
  }

  /** A new one. @throws ConnectionLost */
  async open(): Promise<Connection> {
    if (this.#closed) throw new ConnectionLost('its server is not called any more')
    return Connection.open(this.address, this.#connectMs, connection => this.#put(connection))
  }

  /** Ends those that wait; those at work end with their answers. */
  close(): void {
    this.#closed = true
    for (const connection of this.#idle.splice(0)) connection.end()
    clearInterval(this.#sweeping)
  }

  #put(connection: Connection): void {
    const now = performance.now()
    const isOld = now - connection.openedAt > this.#longestMs
    if (this.#closed || isOld || this.#idle.length >= MOST_IDLE) return void connection.end()
    connection.idleSince = now
    this.#idle.push(connection)
    if (this.#sweeping === undefined) {
      this.#sweeping = setInterval(() => this.#sweep(), this.#idleMs)
      this.#sweeping.unref()
    }
  }

  #isFresh({ idleSince, keepAliveSeconds }: Connection, now: number): boolean {
    const kept = keepAliveSeconds === undefined ? this.#idleMs : Math.min(this.#idleMs, keepAliveSeconds * 1000 - 500)
    return now - idleSince < kept
  }

  #sweep(): void {
    const now = performance.now()
    const fresh: Connection[] = []
    for (const connection of this.#idle)
      if (!connection.closed && this.#isFresh(connection, now)) fresh.push(connection)
      else connection.end()
    this.#idle = fresh
    if (fresh.length > 0) return
    clearInterval(this.#sweeping)
    this.#sweeping = undefined
  }
}

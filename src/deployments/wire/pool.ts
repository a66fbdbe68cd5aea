import { type Address, Connection } from './connection.ts'

const MOST_IDLE = 256

/** The connections to one server that wait for a request. The one that waited least is taken first. */
export class Pool {
  readonly address: Address
  #idleMs: number
  #connectMs: number
  #idle: Connection[] = []
  #sweeping: ReturnType<typeof setInterval> | undefined
  #closed = false

  /**
   * @param idleMs how long a connection may wait: less than servers keep one, so that none is used as its server closes it
   */
  constructor(address: Address, { idleMs, connectMs }: { idleMs: number; connectMs: number }) {
    this.address = address
    this.#idleMs = idleMs
    this.#connectMs = connectMs
  }

  /** A connection that was used before, if one waits. */
  take(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop())
      if (!connection.closed) {
        if (this.#isFresh(connection, performance.now())) return connection
        connection.destroy()
      }
    return undefined
  }

  /** A new one. @throws ConnectionLost */
  open(): Promise<Connection> {
    return Connection.open(this.address, this.#connectMs, connection => this.#put(connection))
  }

  /** Ends those that wait; those at work end with their answers. */
  close(): void {
    this.#closed = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
    clearInterval(this.#sweeping)
  }

  #put(connection: Connection): void {
    if (this.#closed || this.#idle.length >= MOST_IDLE) return void connection.destroy()
    connection.idleSince = performance.now()
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
      else connection.destroy()
    this.#idle = fresh
    if (fresh.length > 0) return
    clearInterval(this.#sweeping)
    this.#sweeping = undefined
  }
}

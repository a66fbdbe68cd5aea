import type { UpstreamConfig } from '../catalog/deployments.ts'
import { unavailable } from '../lib/fault.ts'
import { pause } from '../lib/pause.ts'
import type { Backend, Lease } from './backend.ts'
import type { Connection, Exchange } from './wire/connection.ts'
import { Pool } from './wire/pool.ts'

/** Servers keep idle connections for 5 seconds and more. */
const IDLE_CONNECTION_MS = 4000
const CONNECT_MS = 5000
/** Failures one after the other that open the circuit. */
const OPEN_AFTER = 5
const FIRST_PROBE_MS = 1000
const LONGEST_PROBE_MS = 30_000
const PROBE_TIMEOUT_MS = 5000
const DRAIN_MS = 30_000

/**
 * An `upstream:` deployment: a server elsewhere. After failures in a row the circuit is open: requests are refused at once,
 * until a probe finds that it answers again.
 */
export class UpstreamBackend implements Backend {
  readonly url: URL
  readonly reconnects: number
  readonly retries: number
  #pool: Pool
  #health: string | undefined
  #leases = new Set<Lease>()
  #failures = 0
  /** when the next probe is, as performance.now(); undefined: the circuit is closed */
  #probeAt: number | undefined
  #closed = false
  /** as performance.now() */
  #drainUntil = Number.POSITIVE_INFINITY

  constructor({ upstream, connect_timeout_seconds, retries = 1, ca, health }: UpstreamConfig) {
    this.url = new URL(upstream)
    this.retries = retries
    this.reconnects = retries
    this.#health = health
    const secure = this.url.protocol === 'https:'
    const host = this.url.hostname.replace(/^\[|\]$/g, '')
    this.#pool = new Pool(
      {
        host,
        port: Number(this.url.port || (secure ? 443 : 80)),
        ...(secure ? { tls: { serverName: host, ca } } : {}),
      },
      {
        idleMs: IDLE_CONNECTION_MS,
        connectMs: connect_timeout_seconds === undefined ? CONNECT_MS : connect_timeout_seconds * 1000,
      },
    )
  }

  /** The path that stands before every request's: empty, or without a slash at its end. */
  get basePath(): string {
    return this.url.pathname.replace(/\/+$/, '')
  }

  lease(): Lease {
    if (this.#closed) throw unavailable('This deployment is stopping.', 1)
    if (this.#probeAt !== undefined) {
      const seconds = Math.max(1, Math.ceil((this.#probeAt - performance.now()) / 1000))
      throw unavailable('The server of this deployment cannot be reached at the moment.', seconds)
    }
    const lease: Lease = {
      pool: this.#pool,
      release: () => this.#leases.delete(lease),
      failed: () => this.#failed(),
      answered: () => {
        this.#failures = 0
      },
      crashed: async () => false,
    }
    this.#leases.add(lease)
    return lease
  }

  describe() {
    return {
      status: this.#probeAt === undefined ? ('running' as const) : ('failing' as const),
      reason: this.#probeAt === undefined ? null : 'the upstream cannot be reached',
      replicas: [],
    }
  }

  /** Requests under way end, or their time does. Again: no later than is said now. */
  async close(drainMs = DRAIN_MS): Promise<void> {
    this.#closed = true
    this.#drainUntil = Math.min(this.#drainUntil, performance.now() + drainMs)
    while (this.#leases.size > 0 && performance.now() < this.#drainUntil) await pause(20)
    for (const lease of this.#leases) lease.stopping?.()
    this.#pool.close()
  }

  #failed(): void {
    if (++this.#failures < OPEN_AFTER || this.#probeAt !== undefined) return
    void this.#probe()
  }

  async #probe(): Promise<void> {
    for (let wait = FIRST_PROBE_MS; !this.#closed; wait = Math.min(LONGEST_PROBE_MS, wait * 2)) {
      this.#probeAt = performance.now() + wait
      await pause(wait)
      if (!(await this.#answers())) continue
      this.#failures = 0
      this.#probeAt = undefined
      return
    }
  }

  /** Whether it takes a connection and, where it has a health path, answers there. */
  async #answers(): Promise<boolean> {
    try {
      const connection = await this.#pool.open()
      const well = this.#health === undefined || (await this.#asked(connection, this.#health))
      connection.destroy()
      return well
    } catch {
      return false
    }
  }

  #asked(connection: Connection, path: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const exchange: Exchange = {
      method: 'GET',
      answered: ({ status }) => resolve(status < 400),
      data() {},
      unfinished() {},
      ended() {},
      failed: () => resolve(false),
      drained() {},
    }
    connection.begin(exchange)
    connection.write(
      Buffer.from(`GET ${this.basePath}${path} HTTP/1.1\r\nhost: ${this.url.host}\r\nuser-agent: callgate-health\r\n\r\n`),
    )
    void pause(PROBE_TIMEOUT_MS).then(() => resolve(false))
    return promise
  }
}

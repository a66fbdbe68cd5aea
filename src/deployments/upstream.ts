import type { UpstreamConfig } from '../catalog/deployments.ts'
import { unavailable } from '../lib/fault.ts'
import { pause } from '../lib/pause.ts'
import { Slab } from '../lib/slab.ts'
import { type Backend, type Lease, PoolLease } from './backend.ts'
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
  /** what requests name as their Host */
  readonly host: string
  /** the path that stands before every request's: empty, or without a slash at its end */
  readonly basePath: string
  readonly reconnects: number
  readonly retries: number
  #pool: Pool
  #health: string | undefined
  readonly #leases = new Slab<Lease>()
  #failures = 0
  /** why the last request or probe failed, where the last one did */
  #trouble: string | undefined
  /** when the next probe is, as performance.now(); undefined: the circuit is closed */
  #probeAt: number | undefined
  #closed = false
  /** as performance.now() */
  #drainUntil = Number.POSITIVE_INFINITY

  constructor({ upstream, connect_timeout_seconds, retries = 1, ca, health }: UpstreamConfig) {
    const { protocol, hostname, port, host: named, pathname } = new URL(upstream)
    this.host = named
    this.basePath = pathname.replace(/\/+$/, '')
    this.retries = retries
    this.reconnects = retries
    this.#health = health
    const secure = protocol === 'https:'
    const host = hostname.replace(/^\[|\]$/g, '')
    this.#pool = new Pool(
      {
        host,
        port: Number(port || (secure ? 443 : 80)),
        ...(secure ? { tls: { serverName: host, ca } } : {}),
      },
      {
        idleMs: IDLE_CONNECTION_MS,
        connectMs: connect_timeout_seconds === undefined ? CONNECT_MS : connect_timeout_seconds * 1000,
      },
    )
  }

  lease(): Lease {
    if (this.#closed) throw unavailable('This deployment is stopping.', 1)
    if (this.#probeAt !== undefined) {
      const seconds = Math.max(1, Math.ceil((this.#probeAt - performance.now()) / 1000))
      throw unavailable('The server of this deployment cannot be reached at the moment.', seconds)
    }
    return new UpstreamLease(this.#pool, this.#leases, this)
  }

  /** A request was answered: whatever failed before has passed. */
  answered(): void {
    this.#failures = 0
    if (this.#probeAt === undefined) this.#trouble = undefined
  }

  /** A request failed for want of the server. */
  failed(why: string): void {
    this.#trouble = why
    if (++this.#failures < OPEN_AFTER || this.#probeAt !== undefined) return
    void this.#probe()
  }

  describe() {
    const isOpen = this.#probeAt !== undefined
    const what = isOpen ? 'the upstream cannot be reached' : 'the last request failed'
    return {
      status: isOpen ? ('failing' as const) : ('running' as const),
      reason: this.#trouble === undefined ? null : `${what}: ${this.#trouble}`,
      replicas: [],
      requests_in_flight: this.#leases.size,
    }
  }

  /** Requests under way end, or their time does. Again: no later than is said now. */
  async close(drainMs = DRAIN_MS): Promise<void> {
    this.#closed = true
    this.#drainUntil = Math.min(this.#drainUntil, performance.now() + drainMs)
    while (this.#leases.size > 0 && performance.now() < this.#drainUntil) await pause(20)
    for (const lease of this.#leases.all()) lease.stopping?.()
    this.#pool.close()
  }

  async #probe(): Promise<void> {
    for (let wait = FIRST_PROBE_MS; !this.#closed; wait = Math.min(LONGEST_PROBE_MS, wait * 2)) {
      this.#probeAt = performance.now() + wait
      await pause(wait)
      this.#trouble = await this.#ailment()
      if (this.#trouble !== undefined) continue
      this.#failures = 0
      this.#probeAt = undefined
      return
    }
  }

  /** Why it takes no connection or, where it has a health path, is not well there. */
  async #ailment(): Promise<string | undefined> {
    if (this.#health === undefined) return this.#pool.probe()
    const path = this.basePath + this.#health
    const found = await this.#pool.ailment(this.host, path, PROBE_TIMEOUT_MS)
    return found && `${path} ${found}`
  }
}

class UpstreamLease extends PoolLease {
  readonly #upstream: UpstreamBackend

  constructor(pool: Pool, all: Slab<Lease>, upstream: UpstreamBackend) {
    super(pool, all)
    this.#upstream = upstream
  }

  failed(why: string): void {
    this.#upstream.failed(why)
  }

  answered(): void {
    this.#upstream.answered()
  }

  async crashed(): Promise<boolean> {
    return false
  }
}

/** What stands behind a deployment, as the proxy sees it. */
import type { Slab } from '../lib/slab.ts'
import type { Pool } from './wire/pool.ts'

/** Tells that whoever asked has gone. */
export interface Caller {
  readonly signal: AbortSignal
}

/** A server that one request goes to. */
export interface Lease {
  pool: Pool
  /** Tells whoever holds it that the server is about to end: what has not come to its end by now does not. */
  stopping?: () => void
  /** The request is over, well or not. Once. */
  release(): void
  /** No connection could be made, it was lost before the answer, or none came in time; `why` says so in words. */
  failed(why: string): void
  /** The server answered. */
  answered(): void
  /** Its connection was lost: whether that is because the server itself is gone. */
  crashed(): Promise<boolean>
}

/** One of the leases on a server behind a pool of connections; the server keeps them all. */
export abstract class PoolLease implements Lease {
  stopping?: () => void
  readonly pool: Pool
  readonly #all: Slab<Lease>
  readonly #place: number

  constructor(pool: Pool, all: Slab<Lease>) {
    this.pool = pool
    this.#all = all
    this.#place = all.put(this)
  }

  release(): void {
    this.#all.take(this.#place)
  }

  abstract failed(why: string): void
  abstract answered(): void
  abstract crashed(): Promise<boolean>
}

export interface Backend {
  /** how often a request is sent again to the end that it is answered: any, where there was no connection for it */
  readonly reconnects: number
  /** and one that may be repeated, where its connection was lost before the answer */
  readonly retries: number
  /**
   * A server that is ready, at once where there is one.
   * @throws Fault 503 there is none, with when to come back; 499 the caller went
   */
  lease(caller: Caller): Lease | Promise<Lease>
}

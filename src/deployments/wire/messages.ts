/**
 * What the main thread and the wire's thread say to each other: batches, each a flat list of messages one after the other,
 * as that is cloned fastest. A message is its name's number, the line that it is about, and what follows in the type.
 */
import type { Address } from './connection.ts'
import type { HeaderLines } from './head.ts'

/** To the thread. */
export const ORDER = {
  /** pool, address, idleMs, connectMs */
  openPool: 0,
  /** pool */
  closePool: 1,
  /** line, pool, method, head, body, whether this is the whole request */
  begin: 2,
  /** line, bytes */
  write: 3,
  /** line */
  sent: 4,
  pause: 5,
  resume: 6,
  destroy: 7,
  end: 8,
  /** line, pool: only whether there is a connection */
  probe: 9,
} as const

/** From the thread. */
export const EVENT = {
  /** line, status, headers, length, framing, whether the connection may be used again */
  answered: 0,
  /** line, status, headers, length, body: all of an answer */
  whole: 1,
  /** line, bytes */
  data: 2,
  /** line */
  unfinished: 3,
  ended: 4,
  /** line, what it was, in words, whether the connection had waited */
  failed: 5,
  /** line, how many bytes have gone */
  wrote: 6,
} as const

/** How a request failed: no connection, one that was lost, or an answer that is none. */
export const FAILURE = { unconnected: 0, lost: 1, malformed: 2 } as const

export type Batch = (number | string | boolean | null | Uint8Array | Address | HeaderLines)[]

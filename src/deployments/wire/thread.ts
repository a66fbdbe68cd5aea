/**
 * The wire's thread: all connections to the servers of deployments. It takes what they cost off the thread that answers
 * callers, and no more: what is sent, and what becomes of an answer, is decided there.
 */
import type { Address, Connection, Exchange } from './connection.ts'
import { type AnswerHead, MalformedAnswer } from './head.ts'
import { type Batch, EVENT, FAILURE, ORDER } from './messages.ts'
import { Pool } from './pool.ts'

/** What is copied rather than handed over. */
const SMALL = 16 * 1024

/** the thread's end of what it says to the main thread and hears from it */
const main = globalThis as unknown as {
  onmessage: (event: { data: Batch }) => void
  postMessage(batch: Batch, handedOver: ArrayBuffer[]): void
}
const pools = new Map<number, Pool>()
const lines = new Map<number, Line>()
let events: Batch = []
let handedOver: ArrayBuffer[] = []

export function serveWire(): void {
  main.onmessage = ({ data }) => obey(data)
  main.postMessage([], [])
}

/** Where the next event goes; what gathers there in one turn is said at its end. */
function telling(): Batch {
  if (events.length === 0) setImmediate(flush)
  return events
}

function flush(): void {
  const [batch, buffers] = [events, handedOver]
  events = []
  handedOver = []
  main.postMessage(batch, buffers)
}

/** Bytes as they can be sent: in memory of their own, which is handed over where there is much of it. */
function own(piece: Uint8Array): Uint8Array {
  const alone = piece.byteLength === piece.buffer.byteLength
  const bytes = alone ? piece : new Uint8Array(piece)
  if (bytes.length > SMALL) handedOver.push(bytes.buffer as ArrayBuffer)
  return new Uint8Array(bytes.buffer)
}

function obey(batch: Batch): void {
  for (let at = 0; at < batch.length; ) {
    const line = batch[at + 1] as number
    switch (batch[at]) {
      case ORDER.openPool: {
        const [address, idleMs, connectMs] = batch.slice(at + 2, at + 5) as [Address, number, number]
        pools.set(line, new Pool(address, { idleMs, connectMs }))
        at += 5
        break
      }
      case ORDER.closePool:
        pools.get(line)?.close()
        pools.delete(line)
        at += 2
        break
      case ORDER.begin: {
        const [pool, method, head, body, whole] = batch.slice(at + 2, at + 7) as [
          number,
          string,
          string,
          Buffer | null,
          boolean,
        ]
        new Line(line, method).begin(pool, head, body, whole)
        at += 7
        break
      }
      case ORDER.write:
        lines.get(line)?.write(batch[at + 2] as Uint8Array)
        at += 3
        break
      case ORDER.probe:
        void probe(line, batch[at + 2] as number)
        at += 3
        break
      default:
        lines.get(line)?.obey(batch[at] as number)
        at += 2
    }
  }
}

async function probe(line: number, pool: number): Promise<void> {
  try {
    const connection = await pools.get(pool)!.open()
    connection.destroy()
    telling().push(EVENT.ended, line)
  } catch (error) {
    telling().push(EVENT.failed, line, FAILURE.unconnected, String(error), false)
  }
}

/** One request on a connection, and what the main thread is told of it. */
class Line implements Exchange {
  readonly method: string
  #id: number
  #connection: Connection | undefined
  #pooled = false
  #head: AnswerHead | undefined
  /** of the answer, until the main thread is told that there is one */
  #pieces: Buffer[] = []
  #told = false
  /** of the request, until there is a connection for it */
  #early: Uint8Array[] = []
  #sentEarly = false
  /** bytes whose going is still to be told */
  #writing = 0
  #given = false

  constructor(id: number, method: string) {
    this.#id = id
    this.method = method
    lines.set(id, this)
  }

  begin(poolId: number, head: string, body: Uint8Array | null, whole: boolean): void {
    const pool = pools.get(poolId)
    if (!pool) return void this.#over(FAILURE.unconnected, 'there is no such pool')
    const pooled = pool.take()
    if (pooled) {
      this.#pooled = true
      return void this.#start(pooled, head, body, whole)
    }
    pool.open().then(
      connection => (this.#given ? connection.destroy() : this.#start(connection, head, body, whole)),
      error => this.#over(FAILURE.unconnected, String(error)),
    )
  }

  write(bytes: Uint8Array): void {
    if (!this.#connection) return void this.#early.push(bytes)
    this.#writing += bytes.length
    if (this.#connection.write(bytes)) this.drained()
  }

  obey(order: number): void {
    switch (order) {
      case ORDER.sent:
        this.#sentEarly = !this.#connection
        return void this.#connection?.sent()
      case ORDER.pause:
        return void this.#connection?.pause()
      case ORDER.resume:
        return void this.#connection?.resume()
      case ORDER.destroy:
      case ORDER.end:
        this.#given = true
        lines.delete(this.#id)
        if (order === ORDER.end) this.#connection?.end()
        else this.#connection?.destroy()
    }
  }

  answered(head: AnswerHead): void {
    this.#head = head
    if (head.status === 101) this.#tellHead()
  }

  data(piece: Buffer): void {
    if (this.#told) telling().push(EVENT.data, this.#id, own(piece))
    else this.#pieces.push(piece)
  }

  unfinished(): void {
    if (this.#told) return
    this.#tellHead()
    for (const piece of this.#pieces.splice(0)) telling().push(EVENT.data, this.#id, own(piece))
    telling().push(EVENT.unfinished, this.#id)
  }

  ended(): void {
    lines.delete(this.#id)
    if (this.#told) return void telling().push(EVENT.ended, this.#id)
    const { status, headers, length } = this.#head!
    const { 0: first, length: count } = this.#pieces
    const body = count === 0 ? null : own(count === 1 ? first! : Buffer.concat(this.#pieces))
    telling().push(EVENT.whole, this.#id, status, headers, length ?? null, body)
  }

  failed(error: Error): void {
    this.#over(error instanceof MalformedAnswer ? FAILURE.malformed : FAILURE.lost, error.message)
  }

  drained(): void {
    if (this.#writing === 0) return
    telling().push(EVENT.wrote, this.#id, this.#writing)
    this.#writing = 0
  }

  #start(connection: Connection, head: string, body: Uint8Array | null, whole: boolean): void {
    this.#connection = connection
    connection.begin(this)
    if (body) connection.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
    else connection.writeText(head)
    for (const bytes of this.#early.splice(0)) this.write(bytes)
    if (whole || this.#sentEarly) connection.sent()
  }

  #tellHead(): void {
    this.#told = true
    const { status, headers, length, framing } = this.#head!
    telling().push(
      EVENT.answered,
      this.#id,
      status,
      headers,
      length ?? null,
      framing.by === 'length' ? framing.length : framing.by,
    )
  }

  #over(failure: number, message: string): void {
    lines.delete(this.#id)
    if (!this.#given) telling().push(EVENT.failed, this.#id, failure, message, this.#pooled)
  }
}

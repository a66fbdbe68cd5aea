import { selfModule } from '../../lib/self.ts'
import { errorFields, log } from '../../telemetry/log.ts'
import type { Address } from './connection.ts'
import type { AnswerHead, Framing, HeaderLines } from './head.ts'
import { type Batch, EVENT, FAILURE, ORDER } from './messages.ts'

/** No connection could be made: nothing of the request was sent. */
export class Unconnected extends Error {
  override name = 'Unconnected'
}

/** The connection was lost before the answer had come to its end. */
export class Lost extends Error {
  override name = 'Lost'
  /** it had waited for a request: its server may have closed it just as it was used */
  readonly pooled: boolean

  constructor(message: string, pooled: boolean) {
    super(message)
    this.pooled = pooled
  }
}

/** What the server sent is no answer. */
export class Malformed extends Error {
  override name = 'Malformed'
}

/** What becomes of a request. Nothing is called after `ended` or `failed`. */
export interface Answering {
  /** the head of the answer: 1xx were let go, but for 101 */
  answered(head: AnswerHead): void
  /** a piece of the body; it may be kept */
  data(piece: Uint8Array): void
  /** what came so far has been handed over, and the answer goes on */
  unfinished(): void
  ended(): void
  /** @param error Unconnected, Lost or Malformed */
  failed(error: Error): void
  /** so many bytes that were written have gone */
  wrote(bytes: number): void
}

/** All connections to servers of deployments, in a thread of their own that is started with the first of them. */
export class Wire {
  #thread: Worker | undefined
  /** whether the thread listens */
  #hears = false
  #orders: Batch = []
  #handedOver: ArrayBuffer[] = []
  #answering = new Map<number, Answering>()
  /** how each pool was opened */
  #pools = new Map<number, Batch>()
  #nextLine = 0
  #nextPool = 0

  /** @param idleMs how long a connection may wait for a request; @param connectMs how long one may take to be made */
  pool(address: Address, { idleMs, connectMs }: { idleMs: number; connectMs: number }): WirePool {
    const id = ++this.#nextPool
    const order: Batch = [ORDER.openPool, id, address, idleMs, connectMs]
    this.#pools.set(id, order)
    this.ordering().push(...order)
    return new WirePool(this, id)
  }

  closePool(id: number): void {
    if (this.#pools.delete(id)) this.ordering().push(ORDER.closePool, id)
  }

  /** A number for a request, under which the thread tells what becomes of it. */
  line(answering: Answering): number {
    this.#nextLine = (this.#nextLine + 1) >>> 0
    this.#answering.set(this.#nextLine, answering)
    return this.#nextLine
  }

  /** Hands what becomes of a request on to somebody else; undefined: to nobody. */
  hand(line: number, answering: Answering | undefined): void {
    if (answering) this.#answering.set(line, answering)
    else this.#answering.delete(line)
  }

  /** Where the next order goes; what gathers there in one turn is sent at its end. */
  ordering(): Batch {
    if (this.#orders.length === 0) setImmediate(() => this.#flush())
    return this.#orders
  }

  /** Bytes as they are sent: in memory of their own, which is handed over. */
  handOver(bytes: Uint8Array): Uint8Array {
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
    this.#handedOver.push(own.buffer as ArrayBuffer)
    return own
  }

  #flush(): void {
    this.#thread ??= this.#start()
    if (!this.#hears) return
    const [batch, buffers] = [this.#orders, this.#handedOver]
    this.#orders = []
    this.#handedOver = []
    this.#thread.postMessage(batch, buffers)
  }

  #start(): Worker {
    const thread = new Worker(selfModule())
    ;(thread as Worker & { unref(): void }).unref()
    thread.onmessage = ({ data }: MessageEvent<Batch>) => {
      if (this.#hears) return this.#hear(data)
      // the first that it says is nothing: what is said to a thread before it listens is lost
      this.#hears = true
      this.#flush()
    }
    thread.onerror = ({ message }) => log.error({ error: message }, 'the thread of connections to deployments failed')
    thread.addEventListener('close', () => this.#again())
    return thread
  }

  /** The thread has ended: what was under way is lost, and there is another. */
  #again(): void {
    this.#thread = undefined
    this.#hears = false
    const lost = [...this.#answering.values()]
    this.#answering.clear()
    this.#orders = []
    this.#handedOver = []
    for (const order of this.#pools.values()) this.ordering().push(...order)
    for (const answering of lost) answering.failed(new Lost('the thread of connections ended', false))
  }

  #hear(batch: Batch): void {
    for (let at = 0; at < batch.length; at += LENGTHS[batch[at] as number]!) {
      const line = batch[at + 1] as number
      const answering = this.#answering.get(line)
      if (!answering) continue
      try {
        this.#tell(answering, line, batch, at)
      } catch (error) {
        log.error(errorFields(error), 'an answer of a deployment could not be taken')
      }
    }
  }

  #tell(answering: Answering, line: number, batch: Batch, at: number): void {
    switch (batch[at]) {
      case EVENT.whole:
        this.#answering.delete(line)
        answering.answered(headOf(batch, at, NOTHING_FOLLOWS))
        if (batch[at + 5] !== null) answering.data(batch[at + 5] as Uint8Array)
        return void answering.ended()
      case EVENT.answered:
        return void answering.answered(
          headOf(batch, at, framingOf(batch[at + 5] as number | 'none' | 'chunked' | 'close')),
        )
      case EVENT.data:
        return void answering.data(batch[at + 2] as Uint8Array)
      case EVENT.unfinished:
        return void answering.unfinished()
      case EVENT.ended:
        this.#answering.delete(line)
        return void answering.ended()
      case EVENT.failed:
        this.#answering.delete(line)
        return void answering.failed(
          failureOf(batch[at + 2] as number, batch[at + 3] as string, batch[at + 4] as boolean),
        )
      case EVENT.wrote:
        return void answering.wrote(batch[at + 2] as number)
    }
  }
}

/** The connections to one server. */
export class WirePool {
  readonly #wire: Wire
  readonly #id: number

  constructor(wire: Wire, id: number) {
    this.#wire = wire
    this.#id = id
  }

  /**
   * Begins a request.
   * @param body of the request, where it is at hand; @param whole whether nothing follows
   */
  begin(method: string, head: string, body: Uint8Array | null, whole: boolean, answering: Answering): Line {
    const line = this.#wire.line(answering)
    this.#wire.ordering().push(ORDER.begin, line, this.#id, method, head, body, whole)
    return new Line(this.#wire, line)
  }

  /** Whether a connection can be made. */
  probe(): Promise<boolean> {
    return new Promise(resolve => {
      const line = this.#wire.line({
        answered() {},
        data() {},
        unfinished() {},
        ended: () => resolve(true),
        failed: () => resolve(false),
        wrote() {},
      })
      this.#wire.ordering().push(ORDER.probe, line, this.#id)
    })
  }

  /** Whether a request is answered with a status that says that all is well, in time. */
  isWell(host: string, path: string, timeoutMs: number): Promise<boolean> {
    const head = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: callgate-health\r\n\r\n`
    return new Promise(resolve => {
      const said = (well: boolean) => {
        clearTimeout(late)
        resolve(well)
      }
      const line = this.begin('GET', head, null, true, {
        answered: ({ status }) => said(status < 400),
        data() {},
        // nobody reads the rest
        unfinished: () => line.destroy(),
        ended() {},
        failed: () => said(false),
        wrote() {},
      })
      const late = setTimeout(() => {
        line.destroy()
        resolve(false)
      }, timeoutMs)
      late.unref()
    })
  }

  /** Ends those that wait; those at work end with their answers. */
  close(): void {
    this.#wire.closePool(this.#id)
  }
}

/** A request that was begun. */
export class Line {
  readonly #wire: Wire
  readonly #id: number

  constructor(wire: Wire, id: number) {
    this.#wire = wire
    this.#id = id
  }

  /** More of the request, which is nobody's afterwards; `wrote` tells when it has gone. */
  write(bytes: Uint8Array): void {
    this.#wire.ordering().push(ORDER.write, this.#id, this.#wire.handOver(bytes))
  }

  /** The whole request has been written. */
  sent(): void {
    this.#wire.ordering().push(ORDER.sent, this.#id)
  }

  pause(): void {
    this.#wire.ordering().push(ORDER.pause, this.#id)
  }

  resume(): void {
    this.#wire.ordering().push(ORDER.resume, this.#id)
  }

  /** Whoever is told from now on what becomes of it. */
  hand(answering: Answering): void {
    this.#wire.hand(this.#id, answering)
  }

  /** Ends the connection at once; nothing more is told. */
  destroy(): void {
    this.#wire.hand(this.#id, undefined)
    this.#wire.ordering().push(ORDER.destroy, this.#id)
  }

  /** Ends the connection when what was written has gone; nothing more is told. */
  end(): void {
    this.#wire.hand(this.#id, undefined)
    this.#wire.ordering().push(ORDER.end, this.#id)
  }
}

/** how long each event is */
const LENGTHS: Record<number, number> = {
  [EVENT.answered]: 6,
  [EVENT.whole]: 6,
  [EVENT.data]: 3,
  [EVENT.unfinished]: 2,
  [EVENT.ended]: 2,
  [EVENT.failed]: 5,
  [EVENT.wrote]: 3,
}
const NOTHING_FOLLOWS: Framing = { by: 'none' }

function headOf(batch: Batch, at: number, framing: Framing): AnswerHead {
  const length = batch[at + 4] as string | null
  return {
    status: batch[at + 2] as number,
    headers: batch[at + 3] as HeaderLines,
    length: length ?? undefined,
    framing,
  }
}

const framingOf = (said: number | 'none' | 'chunked' | 'close'): Framing =>
  typeof said === 'number' ? { by: 'length', length: said } : { by: said }

function failureOf(kind: number, message: string, pooled: boolean): Error {
  if (kind === FAILURE.unconnected) return new Unconnected(message)
  return kind === FAILURE.malformed ? new Malformed(message) : new Lost(message, pooled)
}

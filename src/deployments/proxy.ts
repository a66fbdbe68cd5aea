/** One request, handed on to a deployment's server, and the server's answer handed back. */
import { callerGone, deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { type AnswerEdge, answerOf } from './answer.ts'
import type { Backend, Lease } from './backend.ts'
import { type Forwarding, requestHead } from './outgoing.ts'
import { type Sender, Upload } from './upload.ts'
import { Watch, type Watched } from './watch.ts'
import { type Connection, ConnectionLost, type Exchange } from './wire/connection.ts'
import { type AnswerHead, MalformedAnswer } from './wire/head.ts'

export interface ProxiedCall {
  request: Request
  backend: Backend
  to: Forwarding
  edge: AnswerEdge
  /** milliseconds from when a server has the request (or the last of its body) to the head of its answer */
  timeoutMs: number
  /** bytes of the request's body */
  maxBody: number
  /** The caller's connection is not to be ended for its silence. */
  keepOpen(): void
  /** of a request for another protocol on the connection */
  upgrade?: Upgrade
}

export interface Upgrade {
  /** the header lines that ask for it */
  lines: string
  /**
   * The server agreed: connection and lease are handed over.
   * @returns what the HTTP server wants to be answered
   * @throws MalformedAnswer the server agreed to something else
   */
  agreed(head: AnswerHead, connection: Connection, lease: Lease): Response
}

/** A body that is no longer than this, and is all there soon, is sent with its length; any other goes on as it comes. */
const HELD_BYTES = 256 * 1024
const HELD_MS = 20
/** What waits for a slow caller before the server is asked to wait too. */
const AHEAD_BYTES = 256 * 1024
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND', 'REPORT', 'SEARCH'])

const watch = new Watch()

/**
 * Hands a request on.
 * @throws Fault 400 a body that was cut off or cannot be handed on; 413; 499 the caller went; 502 the server ended the
 * connection before its answer, or what it sent is none; 503 there is no server; 504 no answer in time
 */
export async function forward(call: ProxiedCall): Promise<Response> {
  const { request, backend } = call
  const reading = Upload.of(request, call.maxBody)
  const upload = reading instanceof Promise ? await reading : reading
  const repeatable = () => IDEMPOTENT.has(request.method) && (upload?.untouched ?? true)
  for (let reconnects = backend.reconnects, retries = backend.retries, stale = 1; ; ) {
    const lease = await leased(call)
    const pooled = lease.pool.take()
    let connection: Connection
    try {
      connection = pooled ?? (await lease.pool.open())
    } catch (error) {
      lease.failed()
      lease.release()
      if (reconnects-- > 0 && !request.signal.aborted) continue
      throw lost(error)
    }
    try {
      return await new Attempt(call, lease, connection, upload).answer
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      // a connection that had waited may have been closed by the server just as it was used
      if (pooled && stale-- > 0 && repeatable() && !(await lease.crashed())) continue
      lease.failed()
      if (!(retries-- > 0 && repeatable())) throw lost(error)
    }
  }
}

function leased(call: ProxiedCall): Lease | Promise<Lease> {
  const lease = call.backend.lease(call.request)
  if (lease instanceof Promise) call.keepOpen()
  return lease
}

const lost = (cause: unknown) => badGateway('The server of this deployment ended the connection before it answered.', cause)

const badGateway = (message: string, cause: unknown) =>
  new Fault(502, 'bad_gateway', message, { cause, headers: { 'retry-after': '1' } })

/** A request on one connection. */
class Attempt implements Exchange, Watched, Sender {
  readonly method: string
  readonly request: Request
  deadline: number
  #answer = Promise.withResolvers<Response>()
  #call: ProxiedCall
  #lease: Lease
  #connection: Connection
  #upload: Upload | undefined
  #head: AnswerHead | undefined
  /** of the body, before anything of the answer is sent */
  #pieces: Buffer[] = []
  #holding: ReturnType<typeof setTimeout> | undefined
  /** of the body, when it goes on as it comes */
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #isOver = false

  constructor(call: ProxiedCall, lease: Lease, connection: Connection, upload: Upload | undefined) {
    this.request = call.request
    this.method = call.request.method
    this.#call = call
    this.#lease = lease
    this.#connection = connection
    this.#upload = upload
    this.deadline = performance.now() + call.timeoutMs
    const head = requestHead(call.request, call.to, upload?.framing ?? call.upgrade?.lines ?? '')
    watch.add(this)
    lease.stopping = () => this.#abandon(unavailable('This deployment is stopping.', 1))
    connection.begin(this)
    if (upload) upload.send(head, connection, this)
    else {
      connection.write(head)
      connection.sent()
    }
  }

  /** @throws ConnectionLost before the head of the answer; Fault */
  get answer(): Promise<Response> {
    return this.#answer.promise
  }

  progressed(): void {
    this.#moreTime()
  }

  sent(): void {
    this.#connection.sent()
    this.#moreTime()
  }

  refused(fault: Fault): void {
    this.#abandon(fault)
  }

  answered(head: AnswerHead): void {
    this.#head = head
    this.deadline = Number.POSITIVE_INFINITY
    this.#lease.answered()
    if (head.status === 101 && this.#call.upgrade) return this.#agreed(head, this.#call.upgrade)
    if (head.status === 101 || head.status > 599) throw new MalformedAnswer(`the status ${head.status} is none to be sent`)
  }

  #agreed(head: AnswerHead, upgrade: Upgrade): void {
    const answer = upgrade.agreed(head, this.#connection, this.#lease)
    this.#isOver = true // the lease goes on
    watch.remove(this)
    this.#answer.resolve(answer)
  }

  data(piece: Buffer): void {
    if (!this.#controller) return void this.#pieces.push(piece)
    this.#controller.enqueue(piece)
    if (this.#controller.desiredSize! <= 0) this.#connection.pause()
  }

  unfinished(): void {
    if (this.#controller) return
    // Bun sends no head before the first byte of the body; until then a server that fails can still be told of
    if (this.#pieces.length === 0) return this.#call.keepOpen()
    const { framing } = this.#head!
    if (framing.by !== 'length' || framing.length > HELD_BYTES) this.#goOn()
    else this.#holding ??= setTimeout(() => this.#goOn(), HELD_MS)
  }

  ended(): void {
    this.#over()
    if (this.#controller) return this.#controller.close()
    const { 0: first, length } = this.#pieces
    this.#resolve(length > 1 ? Buffer.concat(this.#pieces) : first)
  }

  failed(error: Error): void {
    this.#over()
    if (this.#controller) this.#controller.error(error)
    else if (error instanceof MalformedAnswer)
      this.#answer.reject(badGateway('What the server of this deployment answered is not HTTP.', error))
    else if (this.#head) this.#answer.reject(badGateway('The answer of this deployment was cut off.', error))
    else this.#answer.reject(error)
  }

  drained(): void {
    this.#upload?.drained()
  }

  expired(): void {
    this.#lease.failed()
    this.#abandon(deadlinePassed('The server of this deployment did not answer in time.'))
  }

  gone(): void {
    this.#abandon(callerGone())
  }

  /** The body goes on as it comes. */
  #goOn(): void {
    if (this.#controller) return
    clearTimeout(this.#holding)
    watch.remove(this)
    this.#call.keepOpen()
    const body = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#controller = controller
          for (const piece of this.#pieces.splice(0)) controller.enqueue(piece)
        },
        pull: () => this.#connection.resume(),
        cancel: () => {
          this.#connection.destroy()
          this.#over()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: AHEAD_BYTES }),
    )
    this.#resolve(body)
  }

  #resolve(body: Buffer | ReadableStream<Uint8Array> | undefined): void {
    try {
      this.#answer.resolve(answerOf(this.#head!, this.method, this.#call.edge, body))
    } catch (error) {
      this.#connection.destroy()
      this.#answer.reject(badGateway('What the server of this deployment answered cannot be sent on.', error))
    }
  }

  #abandon(fault: Fault): void {
    this.#connection.destroy()
    this.#over()
    if (this.#controller) this.#controller.error(fault)
    else this.#answer.reject(fault)
  }

  #moreTime(): void {
    if (!this.#head) this.deadline = performance.now() + this.#call.timeoutMs
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#holding)
    watch.remove(this)
    this.#upload?.stop()
    this.#lease.release()
  }
}

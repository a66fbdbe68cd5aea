/** One request on one connection to a deployment's server, and the answer as it comes. */
import { callerGone, deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import { tooSlow } from '../lib/receiving.ts'
import { type Watched, watch } from '../lib/watch.ts'
import { type AnswerEdge, answerOf, headersOf } from './answer.ts'
import type { Backend, Lease } from './backend.ts'
import { type Forwarding, requestHead } from './outgoing.ts'
import type { Sender, Upload } from './upload.ts'
import { type AnswerHead, MalformedAnswer } from './wire/head.ts'
import { type Answering, type Line, type Lost, Unconnected } from './wire/line.ts'

export interface ProxiedCall {
  request: Request
  backend: Backend
  to: Forwarding
  edge: AnswerEdge
  /** milliseconds from when a server has the request (or the last of its body) to the head of its answer */
  timeoutMs: number
  /** bytes of the request's body */
  maxBody: number
  /** The caller's connection is not to be ended for its silence, until the answer is over. */
  keepOpen(): void
  /** The answer is over, or all of it is at hand. */
  over(): void
  /** An error as the caller gets it. */
  refused(error: unknown): Response
  /** Asked now and then of what takes long. @throws Fault the caller would not be let in any more */
  checkAgain(): void
  /** of a request for another protocol on the connection */
  upgrade?: Upgrade
}

export interface Upgrade {
  /** the header lines that ask for it */
  lines: string
  /**
   * The server agreed: the line and the lease are handed over.
   * @param head with the headers that the caller gets
   * @returns what the HTTP server wants to be answered
   * @throws MalformedAnswer the server agreed to something else
   */
  agreed(head: AnswerHead, line: Line, lease: Lease): Response
}

/** What becomes of a request on a connection. */
export interface Outcome {
  answered(answer: Response): void
  /** There was no connection for it. */
  unconnected(error: Unconnected, lease: Lease): void
  /** The connection was lost before the answer. */
  lost(error: Lost, lease: Lease): void
  failed(error: unknown): void
}

/** A body that is no longer than this, and is all there soon, is sent with its length; any other goes on as it comes. */
const HELD_BYTES = 256 * 1024
const HELD_MS = 20
/** How often it is asked whether the caller would still be let in. */
export const ASKED_EVERY_MS = 2000
/** What waits for a slow caller before the server is asked to wait too. */
const AHEAD_BYTES = 256 * 1024

export class Attempt implements Answering, Watched, Sender {
  readonly request: Request
  deadline: number
  place = 0
  #call: ProxiedCall
  #upload: Upload | undefined
  #lease: Lease
  #line: Line
  #outcome: Outcome
  #head: AnswerHead | undefined
  /** of the body, before anything of the answer is sent */
  #pieces: Uint8Array[] = []
  #holding: ReturnType<typeof setTimeout> | undefined
  /** what came was not all of the answer */
  #goesOn = false
  /** as performance.now(): when it is asked again whether the caller would be let in */
  #nextAsked: number
  /** of the body, when it goes on as it comes */
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #isOver = false

  constructor(call: ProxiedCall, upload: Upload | undefined, lease: Lease, outcome: Outcome) {
    const { request } = call
    this.request = request
    this.#call = call
    this.#upload = upload
    this.#lease = lease
    this.#outcome = outcome
    const now = performance.now()
    this.deadline = now + call.timeoutMs
    this.#nextAsked = now + ASKED_EVERY_MS
    watch.add(this)
    lease.stopping = () => this.#abandon(unavailable('This deployment is stopping.', 1))
    const head = requestHead(request, call.to, upload?.framing ?? call.upgrade?.lines ?? '')
    const whole = upload === undefined || upload.whole !== undefined
    this.#line = lease.pool.begin(request.method, head, upload?.whole ?? null, whole, this)
  }

  /** Only now is the body touched: without a connection it can be sent from its beginning by the next attempt. */
  connected(): void {
    this.#upload?.send(this.#line, this)
  }

  progressed(): void {
    const now = performance.now()
    if (!this.#head) this.deadline = now + this.#call.timeoutMs
    if (now >= this.#nextAsked) this.#ask(now)
  }

  refused(fault: Fault): void {
    this.#abandon(fault)
  }

  answered(head: AnswerHead): void {
    this.#head = head
    this.deadline = this.#nextAsked
    this.#lease.answered()
    if (head.status === 101 && this.#call.upgrade) return void this.#agreed(head, this.#call.upgrade)
    if (head.status === 101 || head.status > 599)
      this.#abandon(notHttp(new MalformedAnswer(`the status ${head.status} is none to be sent`)))
  }

  #agreed(head: AnswerHead, upgrade: Upgrade): void {
    try {
      const headers = headersOf(head, this.#call.edge)
      const answer = upgrade.agreed({ ...head, headers }, this.#line, this.#lease)
      this.#isOver = true // the lease goes on
      watch.remove(this)
      this.#outcome.answered(answer)
    } catch (error) {
      this.#abandon(notHttp(error))
    }
  }

  data(piece: Uint8Array): void {
    if (!this.#controller) {
      this.#pieces.push(piece)
      if (this.#goesOn) this.#hold()
      return
    }
    this.#controller.enqueue(piece)
    if (this.#controller.desiredSize! <= 0) this.#line.pause()
  }

  unfinished(): void {
    this.#goesOn = true
    // Bun sends no head before the first byte of the body; until then a server that fails can still be told of
    if (this.#pieces.length === 0) this.#call.keepOpen()
    else this.#hold()
  }

  /** A short body may be all there in a moment; any other goes on as it comes. */
  #hold(): void {
    const { framing } = this.#head!
    if (framing.by !== 'length' || framing.length > HELD_BYTES) this.#goOn()
    else this.#holding ??= setTimeout(() => this.#goOn(), HELD_MS)
  }

  ended(): void {
    this.#over()
    this.#call.over()
    if (this.#controller) return void this.#controller.close()
    const { 0: first, length } = this.#pieces
    this.#resolve(length > 1 ? Buffer.concat(this.#pieces) : first)
  }

  failed(error: Error): void {
    this.#over()
    if (this.#controller) this.#controller.error(error)
    else if (error instanceof MalformedAnswer) this.#outcome.failed(notHttp(error))
    else if (this.#head) this.#outcome.failed(badGateway('The answer of this deployment was cut off.', error))
    else if (error instanceof Unconnected) this.#outcome.unconnected(error, this.#lease)
    else this.#outcome.lost(error as Lost, this.#lease)
  }

  wrote(bytes: number): void {
    this.#upload?.wrote(bytes)
  }

  expired(): void {
    if (this.#head) return void this.#ask(performance.now())
    if (this.#upload?.awaitsCaller) return void this.#abandon(tooSlow())
    this.#lease.failed('no answer in time')
    this.#abandon(deadlinePassed('The server of this deployment did not answer in time.'))
  }

  gone(): void {
    // of a body that goes on as it comes the stream is told
    if (!this.#controller) this.#abandon(callerGone())
  }

  #ask(now: number): void {
    try {
      this.#call.checkAgain()
      this.#nextAsked = now + ASKED_EVERY_MS
      if (this.#head) this.deadline = this.#nextAsked
    } catch (fault) {
      this.#abandon(fault as Fault)
    }
  }

  /** The body goes on as it comes. */
  #goOn(): void {
    if (this.#controller) return
    clearTimeout(this.#holding)
    this.#call.keepOpen()
    const body = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#controller = controller
          for (const piece of this.#pieces.splice(0)) controller.enqueue(piece)
        },
        pull: () => this.#line.resume(),
        cancel: () => {
          this.#line.destroy()
          this.#over()
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: AHEAD_BYTES }),
    )
    this.#resolve(body)
  }

  #resolve(body: Uint8Array | ReadableStream<Uint8Array> | undefined): void {
    try {
      this.#outcome.answered(answerOf(this.#head!, this.request.method, this.#call.edge, body))
    } catch (error) {
      this.#line.destroy()
      this.#over()
      this.#outcome.failed(badGateway('What the server of this deployment answered cannot be sent on.', error))
    }
  }

  #abandon(fault: Fault): void {
    this.#line.destroy()
    this.#over()
    if (this.#controller) this.#controller.error(fault)
    else this.#outcome.failed(fault)
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

export const badGateway = (message: string, cause: unknown) =>
  new Fault(502, 'bad_gateway', message, { cause, headers: { 'retry-after': '1' } })

const notHttp = (cause: unknown) => badGateway('What the server of this deployment answered is not HTTP.', cause)

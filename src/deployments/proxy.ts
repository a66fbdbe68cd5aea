/** One request, handed on to a deployment's server, and the server's answer handed back. */
import { tooSlow } from '../lib/receiving.ts'
import { atOnce } from '../lib/together.ts'
import { type Watched, watch } from '../lib/watch.ts'
import { Attempt, badGateway, type Outcome, type ProxiedCall } from './attempt.ts'
import type { Lease } from './backend.ts'
import { Upload } from './upload.ts'
import type { Lost, Unconnected } from './wire/line.ts'

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PROPFIND', 'REPORT', 'SEARCH'])

/**
 * Hands a request on. What is refused, with `refused`: 400 a body that was cut off or cannot be handed on; 408 one that did not
 * come in time; 413; 499 the caller went; 502 the server ended the connection before its answer, or what it sent is none; 503 there
 * is no server; 504 no answer in time.
 */
export const forward = (call: ProxiedCall): Promise<Response> => new Relay(call).answer

/** One request, from attempt to attempt. */
class Relay implements Outcome {
  readonly answer: Promise<Response>
  #resolve!: (answer: Response) => void
  #call: ProxiedCall
  #upload: Upload | undefined
  #reconnects: number
  #retries: number
  /** whether a connection that had waited may be found closed by its server, just as it is used */
  #mayBeStale = true

  constructor(call: ProxiedCall) {
    this.#call = call
    this.#reconnects = call.backend.reconnects
    this.#retries = call.backend.retries
    this.answer = new Promise(resolve => {
      this.#resolve = resolve
    })
    try {
      const upload = Upload.of(call.request, call.maxBody)
      if (upload instanceof Promise) this.#await(upload)
      else this.#withUpload(upload)
    } catch (error) {
      this.failed(error)
    }
  }

  /** Answers go out one after the other when this turn ends: each by itself would wake its caller from sleep. */
  answered(answer: Response): void {
    atOnce(() => this.#resolve(answer))
  }

  failed(error: unknown): void {
    this.#call.over()
    this.#resolve(this.#call.refused(error))
  }

  unconnected(error: Unconnected, lease: Lease): void {
    lease.failed(error.message)
    if (this.#reconnects-- > 0 && !this.#call.request.signal.aborted) this.#next()
    else this.failed(badGateway('No connection to the server of this deployment can be made.', error))
  }

  lost(error: Lost, lease: Lease): void {
    const repeatable = !error.begun && IDEMPOTENT.has(this.#call.request.method) && (this.#upload?.untouched ?? true)
    const again = () => {
      lease.failed(error.message)
      if (repeatable && this.#retries-- > 0) this.#next()
      else this.failed(unanswered(error))
    }
    if (!error.pooled || !repeatable || !this.#mayBeStale) return void again()
    this.#mayBeStale = false
    lease.crashed().then(crashed => (crashed ? again() : this.#next()))
  }

  /** A short body is read before anything is sent, in the time that the server would have for its answer. */
  #await(reading: Promise<Upload>): void {
    let late = false
    const watched: Watched = {
      request: this.#call.request,
      place: 0,
      deadline: performance.now() + this.#call.timeoutMs,
      expired: () => {
        late = true
        watch.remove(watched)
        this.failed(tooSlow())
      },
      gone() {}, // then its body is cut off, and the reading fails
    }
    watch.add(watched)
    reading
      .finally(() => watch.remove(watched))
      .then(upload => late || this.#withUpload(upload))
      .catch(error => late || this.failed(error))
  }

  #withUpload(upload: Upload | undefined): void {
    this.#upload = upload
    this.#next()
  }

  #next(): void {
    try {
      const lease = this.#call.backend.lease(this.#call.request)
      if (!(lease instanceof Promise)) return void this.#send(lease)
      this.#call.keepOpen()
      lease.then(leased => this.#send(leased)).catch(error => this.failed(error))
    } catch (error) {
      this.failed(error)
    }
  }

  #send(lease: Lease): void {
    new Attempt(this.#call, this.#upload, lease, this)
  }
}

const unanswered = (cause: unknown) =>
  badGateway('The server of this deployment ended the connection before it answered.', cause)

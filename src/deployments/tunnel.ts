/** A WebSocket between a caller and a deployment's server, once both have agreed to it. */

import type { ServerWebSocket } from 'bun'
import { Gathering } from '../lib/gathering.ts'
import { slices } from '../lib/slices.ts'
import { atOnce } from '../lib/together.ts'
import { type Watched, watch } from '../lib/watch.ts'
import { ASKED_EVERY_MS } from './attempt.ts'
import type { Lease } from './backend.ts'
import { closeFrameOf, FrameError, FrameReader, frameOf, OPCODE } from './wire/frames.ts'
import type { Answering, Line } from './wire/line.ts'

/** Bytes of one message, either way. */
export const MOST_OF_A_MESSAGE = 16 * 1024 * 1024
/** What may wait for a slow server; the HTTP server cannot make its caller wait. */
const MOST_WAITING = 64 * 1024 * 1024
/** Bytes of small messages that gather until the turn ends, and are then written in one piece. */
const GATHERED_BYTES = 64 * 1024
/** How long a server may take to agree to an end, from when it has all that came before. */
const CLOSING_MS = 5000
/** How long it may take none of that. */
const STALLED_MS = 30_000
/** After so many frames of a server it is looked whether others have waited for long enough. */
const FRAMES_A_LOOK = 32
const CODE = { goingAway: 1001, noStatus: 1005, lost: 1006, refused: 1008, tooMuch: 1013, badGateway: 1014 }

/** What the HTTP server calls with what happens on the caller's side. */
export interface SocketEvents {
  open(ws: ServerWebSocket<SocketEvents>): void
  message(ws: ServerWebSocket<SocketEvents>, message: string | Buffer): void
  drain(ws: ServerWebSocket<SocketEvents>): void
  close(ws: ServerWebSocket<SocketEvents>, code: number, reason: string): void
}

export class Tunnel implements Answering, SocketEvents, Watched {
  readonly request: Request
  deadline = performance.now() + ASKED_EVERY_MS
  place = 0
  /** the HTTP server tells that the caller has gone */
  listening = true
  #checkAgain: () => void
  #line: Line
  #lease: Lease
  #reader = new FrameReader(MOST_OF_A_MESSAGE)
  #caller: ServerWebSocket<SocketEvents> | undefined
  /** the caller has not taken what was sent last */
  #blocked = false
  /** others are served before more of what the server sent is */
  #resting = false
  /** the connection ended meanwhile */
  #lost = false
  /** bytes that the server has not taken */
  #waiting = 0
  /** of those, what is not written yet */
  #gathered = new Gathering()
  #over = false
  /** the caller has ended it; the server's agreement is waited for */
  #closing: ReturnType<typeof setTimeout> | undefined

  constructor(line: Line, lease: Lease, request: Request, checkAgain: () => void) {
    this.#line = line
    this.#lease = lease
    this.request = request
    this.#checkAgain = checkAgain
    watch.add(this)
    lease.stopping = () => this.#end(CODE.goingAway, 'The server of this deployment is stopping.')
  }

  open(caller: ServerWebSocket<SocketEvents>): void {
    if (this.#over) return void caller.close(CODE.badGateway)
    this.#caller = caller
    this.#relay()
  }

  expired(): void {
    try {
      this.#checkAgain()
      this.deadline = performance.now() + ASKED_EVERY_MS
    } catch {
      this.#end(CODE.refused, 'This connection is no longer allowed.')
    }
  }

  gone(): void {}

  message(_caller: unknown, message: string | Buffer): void {
    const text = typeof message === 'string'
    this.#write(frameOf(text ? OPCODE.text : OPCODE.binary, text ? Buffer.from(message) : message))
  }

  drain(): void {
    // it is told of whenever some of it has gone
    if (!this.#blocked || this.#caller!.getBufferedAmount() > 0) return
    this.#blocked = false
    if (this.#resting) return
    this.#line.resume()
    this.#relay()
  }

  close(_caller: unknown, code: number, reason: string): void {
    if (this.#over) return
    if (code === CODE.lost) return void this.#finish()
    this.#write(closeFrameOf(code === CODE.noStatus ? undefined : code, reason))
    this.#awaitAgreement()
    if (!this.#blocked) return
    this.#blocked = false // nobody waits for what it sends any more, but for its agreement
    this.#line.resume()
    this.#relay()
  }

  data(bytes: Uint8Array): void {
    this.#reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    this.#relay()
  }

  failed(): void {
    if (this.#resting) {
      this.#lost = true
      return
    }
    this.#finish()
    this.#caller?.close(CODE.badGateway, 'The server of this deployment ended the connection.')
  }

  ended(): void {
    this.failed()
  }

  answered(): void {}
  unfinished(): void {}

  wrote(bytes: number): void {
    this.#waiting -= bytes
    if (this.#closing) this.#awaitAgreement()
  }

  #write(frame: Buffer): void {
    this.#waiting += frame.length
    if (this.#gathered.length === 0 && frame.length < GATHERED_BYTES) atOnce(() => this.#send())
    this.#gathered.push(frame)
    if (this.#gathered.length >= GATHERED_BYTES) this.#send()
    if (this.#waiting <= MOST_WAITING) return
    this.#line.destroy() // what waits is never read
    this.#finish()
    this.#caller?.close(CODE.tooMuch, 'The server of this deployment is too slow.')
  }

  #send(): void {
    if (this.#gathered.length > 0) this.#line.write(this.#gathered.take())
  }

  /** From now on, and from when the server took something last. */
  #awaitAgreement(): void {
    if (this.#over) return
    clearTimeout(this.#closing)
    this.#closing = setTimeout(
      () => {
        if (this.#waiting > 0) this.#line.destroy()
        this.#finish()
      },
      this.#waiting > 0 ? STALLED_MS : CLOSING_MS,
    )
  }

  #relay(): void {
    const others = slices()
    try {
      for (let frames = 1; this.#caller && !this.#blocked && !this.#over && !this.#resting; frames++) {
        const wait = frames % FRAMES_A_LOOK === 0 ? others() : undefined
        if (wait) return void this.#rest(wait)
        const incoming = this.#reader.next(FRAMES_A_LOOK)
        if (!incoming) return
        if (this.#closing) {
          if (incoming.opcode === OPCODE.close) this.#finish()
          continue
        }
        switch (incoming.opcode) {
          case OPCODE.text:
            this.#sent(incoming.payload, this.#caller.sendText(incoming.payload.toString()))
            break
          case OPCODE.binary:
            this.#sent(incoming.payload, this.#caller.sendBinary(incoming.payload))
            break
          case OPCODE.ping:
            this.#write(frameOf(OPCODE.pong, incoming.payload))
            break
          case OPCODE.close:
            this.#write(closeFrameOf(incoming.code, ''))
            this.#finish()
            // without a code Bun would say 1000
            this.#caller.close(incoming.code ?? CODE.noStatus, incoming.reason)
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#write(closeFrameOf(error.code, ''))
      this.#finish()
      this.#caller?.close(
        error.code === 1009 ? 1009 : CODE.badGateway,
        'The server of this deployment broke the protocol.',
      )
    }
  }

  #rest(wait: Promise<void>): void {
    this.#resting = true
    this.#line.pause()
    void wait.then(() => {
      this.#resting = false
      this.#relay()
      if (this.#resting || this.#over) return
      if (this.#lost) this.failed()
      else if (!this.#blocked) this.#line.resume()
    })
  }

  /** @param status -1: it waits for the caller; 0: it was dropped, but of an empty message */
  #sent({ length }: Buffer, status: number): void {
    if (status > 0 || (status === 0 && length === 0)) return
    if (status === 0) return void this.#end(CODE.tooMuch, 'The caller is too slow.')
    this.#blocked = true
    this.#line.pause()
  }

  /** Both sides are told. */
  #end(code: number, reason: string): void {
    if (this.#over) return
    if (!this.#closing) this.#write(closeFrameOf(code, reason))
    this.#finish()
    this.#caller?.close(code, reason)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    watch.remove(this)
    clearTimeout(this.#closing)
    this.#send()
    this.#line.end()
    this.#lease.release()
  }
}

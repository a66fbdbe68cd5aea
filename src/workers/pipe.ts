/**
 * Bytes between a process and its child, over the socket pair that is the child's file descriptor 3: a third of the cost of
 * ipc, which clones objects. A frame is its payload's length, the request's id, what it is (each 4 bytes, little endian), 4
 * bytes of nothing, so that the payload begins at a multiple of 8, and the payload.
 */
import type { Socket } from 'bun'
import { asSent } from './frames.ts'

export const PIPE_FD = 3
const HEAD = 16

type FrameKind = 'request' | 'answer' | 'failed'
const KINDS: readonly FrameKind[] = ['request', 'answer', 'failed']

export interface Frame {
  id: number
  kind: FrameKind
  /** In memory of its own; it begins at a multiple of 8. */
  payload: Uint8Array<ArrayBuffer>
}

/** A payload's parts, which are sent one after the other. */
export type Parts = readonly Uint8Array[]

export interface Pipe {
  /** Takes a copy, and sends as much of it as the other side takes now, the rest when it takes more. */
  send(id: number, kind: FrameKind, parts: Parts): void
}

export async function openPipe(fd: number, receive: (frame: Frame) => void): Promise<Pipe> {
  const reader = new FrameReader(receive)
  const backlog: Uint8Array[] = []
  let socket: Socket | undefined

  function flush(): void {
    while (socket && backlog.length > 0) {
      const first = backlog[0]!
      const written = Math.max(0, socket.write(first))
      backlog.shift()
      if (written === first.length) continue
      backlog.unshift(first.subarray(written))
      return
    }
  }

  const handlers = {
    data: (_socket: Socket, bytes: Uint8Array) => reader.take(bytes),
    drain: flush,
    // who ends, and why, is known from the process
    close: () => backlog.splice(0),
    error: () => {},
  }
  socket = await Bun.connect({ fd, socket: handlers } as unknown as Bun.UnixSocketOptions)
  return {
    send(id, kind, parts) {
      backlog.push(frameOf(id, kind, parts))
      if (backlog.length === 1) flush()
    },
  }
}

/** Answers a request with what the work gives, or with what it throws. */
export async function answerFrame(pipe: Pipe, id: number, work: () => Parts | Promise<Parts>): Promise<void> {
  try {
    pipe.send(id, 'answer', await work())
  } catch (error) {
    pipe.send(id, 'failed', [new TextEncoder().encode(JSON.stringify(asSent(error)))])
  }
}

export function frameOf(id: number, kind: FrameKind, parts: Parts): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const frame = Buffer.allocUnsafe(HEAD + length)
  frame.writeUInt32LE(length, 0)
  frame.writeUInt32LE(id, 4)
  frame.writeUInt32LE(KINDS.indexOf(kind), 8)
  frame.writeUInt32LE(0, 12)
  let at = HEAD
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  return frame
}

/** Makes frames of bytes as they come. */
export class FrameReader {
  readonly #receive: (frame: Frame) => void
  readonly #head = Buffer.alloc(HEAD)
  #headFilled = 0
  #payload: Uint8Array<ArrayBuffer> | undefined
  #filled = 0

  constructor(receive: (frame: Frame) => void) {
    this.#receive = receive
  }

  take(bytes: Uint8Array): void {
    let at = 0
    for (;;) {
      if (!this.#payload) {
        const taken = Math.min(HEAD - this.#headFilled, bytes.length - at)
        this.#head.set(bytes.subarray(at, at + taken), this.#headFilled)
        this.#headFilled += taken
        at += taken
        if (this.#headFilled < HEAD) return
        this.#payload = new Uint8Array(this.#head.readUInt32LE(0))
        this.#filled = 0
      }
      const payload = this.#payload
      const taken = Math.min(payload.length - this.#filled, bytes.length - at)
      payload.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled < payload.length) return
      this.#payload = undefined
      this.#headFilled = 0
      this.#receive({ id: this.#head.readUInt32LE(4), kind: KINDS[this.#head.readUInt32LE(8)]!, payload })
    }
  }
}

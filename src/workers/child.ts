import { deadlinePassed, unavailable } from '../lib/fault.ts'
import { within } from '../lib/pause.ts'
import { selfCommand } from '../lib/self.ts'
import { Slab } from '../lib/slab.ts'
import { type FromChild, revive, type ToChild, type WorkerKind } from './frames.ts'
import { nativeEnvironment } from './native.ts'
import { answerFrame, type Frame, openPipe, type Parts, PIPE_FD, type Pipe } from './pipe.ts'

interface RequestOptions {
  /** Milliseconds from now, or from its last progress; when it passes the caller gets 504. What becomes of the child is the caller's choice. */
  timeoutMs?: number
  onProgress?: (progress: unknown) => void
}

interface Waiting {
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  onProgress?: (progress: unknown) => void
  timer?: ReturnType<typeof setTimeout>
}

const LAST_WORDS_MS = 500

/** One that hangs as it starts has not asked the kernel yet to end with its parent. A guard ends its programs first, by itself. */
const unguarded = new Set<Bun.Subprocess>()
process.on('exit', () => {
  for (const child of unguarded) child.kill('SIGKILL')
})

/** Answers what a child asks for while it works. */
type Asked = (payload: Uint8Array<ArrayBuffer>) => Promise<Parts>

/** The child ended before it answered. Nobody knows whether the work was done: repeat only what is safe to repeat. */
export class ChildLost extends Error {
  override name = 'ChildLost'
  /** It was gone before the request could be handed over: the work was certainly not begun. */
  readonly unsent: boolean

  constructor(message: string, options?: ErrorOptions & { unsent?: boolean }) {
    super(message, options)
    this.unsent = options?.unsent ?? false
  }
}

/**
 * For what a child does alone, its start too.
 * @param retryAfter seconds
 * @throws Fault 503 with the message, where the child was lost; else the error as it is
 */
export const lostAs =
  (message: string, retryAfter = 1) =>
  (error: unknown): never => {
    throw error instanceof ChildLost ? unavailable(message, retryAfter, error) : error
  }

/**
 * One child process of this same executable (`callgate worker KIND`), talked to in frames over Bun's ipc.
 * Every request settles: with the child's answer, a Fault it threw, 504 at its deadline, or ChildLost.
 */
export class Child {
  readonly kind: WorkerKind
  readonly exited: Promise<void>
  #process: Bun.Subprocess
  readonly #waiting = new Slab<Waiting>()
  #alive = true
  #stderr = ''
  /** all of that is there */
  #reason: Promise<void>
  #ready = Promise.withResolvers<void>()
  #pipe: Pipe | undefined
  readonly #asked: Asked | undefined

  /** Starts the child; use `Child.start`, which waits for its handshake. */
  private constructor(kind: WorkerKind, init: unknown, env: Record<string, string>, asked?: Asked) {
    this.kind = kind
    this.#asked = asked
    const exited = Promise.withResolvers<void>()
    this.exited = exited.promise
    this.#ready.promise.catch(() => {})
    this.#process = Bun.spawn(selfCommand('worker', kind), {
      argv0: process.execPath,
      // A child inherits no secrets: its environment is only what it needs to run.
      env: { PATH: process.env.PATH ?? '', ...env },
      // every path it is given is absolute; the folder that the server was started in may go away
      cwd: '/',
      // a guard has to see the end of its parent, and is not to be ended by what ends the parent's group
      detached: kind === 'guard',
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      serialization: 'advanced',
      ipc: (message: FromChild) => this.#receive(message),
      onExit: (_process, code, signal) => {
        // one that we kill is not alive any more
        const byOthers =
          this.#alive && String(signal) === 'SIGKILL' ? ', not by us: the kernel does that where memory runs out' : ''
        this.#alive = false
        unguarded.delete(this.#process)
        // stderr may still hold the reason: read it before telling anyone, but never wait for whoever else may hold it open
        within(this.#reason, LAST_WORDS_MS)
          .then(() => this.#lost(`exit ${signal ?? code}${byOthers}`))
          .finally(() => exited.resolve())
      },
    })
    if (kind !== 'guard') unguarded.add(this.#process)
    this.#reason = this.#collectStderr()
    this.#send({ type: 'init', init })
  }

  /**
   * Starts a child and waits for its handshake.
   * @throws Fault what the child said while it initialised; 503 its native library cannot be unpacked, or there is no handshake in
   * time; ChildLost it ended first, or the system lets no process start
   */
  static async start(
    kind: WorkerKind,
    init: unknown,
    options: { env?: Record<string, string>; timeoutMs?: number; asked?: Asked } = {},
  ): Promise<Child> {
    const env = { ...(await nativeEnvironment(kind)), ...options.env }
    let child: Child
    try {
      child = new Child(kind, init, env, options.asked)
    } catch (error) {
      throw new ChildLost(`the ${kind} worker could not be started`, { cause: error, unsent: true })
    }
    const timer = setTimeout(
      () => child.#ready.reject(unavailable(`The ${kind} worker did not start in time.`)),
      options.timeoutMs ?? 30_000,
    )
    try {
      const fd = child.#process.stdio[PIPE_FD] as unknown as number
      child.#pipe = await openPipe(fd, frame => child.#settle(frame))
      await child.#ready.promise
      return child
    } catch (error) {
      child.kill()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get pid(): number {
    return this.#process.pid
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Requests that wait for an answer. */
  get inFlight(): number {
    return this.#waiting.size
  }

  /**
   * Sends a request and waits for its answer.
   * @throws Fault thrown by the child's handler, or 504 at the deadline; ChildLost
   */
  request<T>(method: string, payload: unknown, options: RequestOptions = {}): Promise<T> {
    if (!this.#alive) return Promise.reject(new ChildLost(`the ${this.kind} worker has ended`, { unsent: true }))
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = { resolve: resolve as (value: unknown) => void, reject, onProgress: options.onProgress }
      const id = this.#waiting.put(waiting)
      if (options.timeoutMs !== undefined)
        waiting.timer = setTimeout(() => {
          this.#waiting.take(id)
          reject(deadlinePassed())
        }, options.timeoutMs)
      try {
        this.#send({ type: 'request', id, method, payload })
      } catch (error) {
        clearTimeout(waiting.timer)
        this.#waiting.take(id)
        // it has ended, and nobody was told yet: it must not be given anything else
        this.kill()
        reject(new ChildLost(`the ${this.kind} worker could not be reached`, { cause: error, unsent: true }))
      }
    })
  }

  /**
   * Sends bytes to the child's `exchange` and waits for its answer in bytes.
   * @throws Fault or Error as the child threw it; ChildLost
   */
  exchange(parts: Parts): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#alive) return Promise.reject(new ChildLost(`the ${this.kind} worker has ended`, { unsent: true }))
    return new Promise((resolve, reject) => {
      const id = this.#waiting.put({ resolve: resolve as (value: unknown) => void, reject })
      this.#pipe!.send(id, 'request', parts)
    })
  }

  /** Ends the child at once, whatever it is doing; what waits for it gets ChildLost. */
  kill(): void {
    this.#alive = false
    try {
      this.#process.kill('SIGKILL')
    } catch {}
  }

  /** Closes the channel: a child that is idle ends, after what it does last. */
  leave(): void {
    this.#alive = false
    this.#process.disconnect()
  }

  #send(message: ToChild): void {
    this.#process.send(message)
  }

  #receive(message: FromChild): void {
    if (message.type === 'ready') this.#ready.resolve()
    else if (message.type === 'refused') this.#ready.reject(revive(message.error))
    else {
      const waiting = this.#waiting.get(message.id)
      if (message.type === 'progress') {
        waiting?.timer?.refresh()
        waiting?.onProgress?.(message.progress)
      } else if (waiting) {
        this.#waiting.take(message.id)
        clearTimeout(waiting.timer)
        if (message.type === 'answer') waiting.resolve(message.value)
        else waiting.reject(revive(message.error))
      }
    }
  }

  #settle({ id, kind, payload }: Frame): void {
    if (kind === 'request') return void answerFrame(this.#pipe!, id, () => this.#asked!(payload))
    const waiting = this.#waiting.take(id)
    if (!waiting) return
    if (kind === 'answer') waiting.resolve(payload)
    else waiting.reject(revive(JSON.parse(new TextDecoder().decode(payload))))
  }

  #lost(how: string): void {
    this.#alive = false
    const error = new ChildLost(`the ${this.kind} worker ended (${how})`, { cause: this.#stderr.trim() || undefined })
    this.#ready.reject(error)
    for (const waiting of this.#waiting.takeAll()) {
      clearTimeout(waiting.timer)
      waiting.reject(error)
    }
  }

  async #collectStderr(): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of this.#process.stderr as ReadableStream<Uint8Array>)
        this.#stderr = (this.#stderr + decoder.decode(chunk, { stream: true })).slice(-4000)
    } catch {}
  }
}

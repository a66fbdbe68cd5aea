/**
 * A machine is one instance of the engine, with memory of its own and nothing else; what goes in and out are numbers and
 * strings. An image is a machine's memory at a moment: every call of a function begins from the same one, byte for byte but
 * for the stack and what is free, so that nothing survives from one call to the next.
 */
import { type Engine, engineModule, startEngine } from './engine.ts'
import { MARKS, type Part, putBack, unmark } from './marks.ts'
import { Memory } from './memory.ts'
import prelude from './prelude.js.txt' with { type: 'text' }
import { type Known, Rejections } from './rejections.ts'
import { Stopped } from './stopped.ts'

const EVERY_INTRINSIC = -1
const AS_MODULE = 1
const PENDING = 0
const FULFILLED = 1
/** Of the engine's stack of 1 MiB: a quarter, as its own frames and the report of an overflow need some, too. */
const STACK_BYTES = 256 * 1024
/** Free heap in an image. */
const SPARE_BYTES = 1024 * 1024
const GC_BYTES = 4 * 1024 * 1024
const PAGE = 65536
/** What the allocator may keep at either end of a free piece. */
const ALIGNMENT = 64
/** Lines of the log that are kept of a turn, one more than of a call, so that it is known of others; and bytes of a line. */
const LOG_LINES = 101
const LOG_LINE = 1000
/** Characters of a reply's status and headers, at most; what headers may really take is held elsewhere. */
const REPLY_HEAD = 64 * 1024
/** What host calls of one turn may take together, as a multiple of the largest. */
const REQUESTS = 4

/** The engine's words for it; it has none where there is no memory for words either. */
const NO_MEMORY = /^$|^null$|out of memory/

/** Memory from the end of the stack on, without what is free at its end; and where in it things are. */
export interface Image {
  parts: Part[]
  /** of the whole memory */
  memoryBytes: number
  stackPointer: number
  /** the guest's side of the border, and places for arguments and a length */
  guest: number
  values: number
  length: number
  /** promises that were rejected when the handler was loaded, and that nothing waited for */
  rejections: Known
}

/** What a host call asks for: its number within the call; `fetch`, or `call` and an endpoint's name; its argument in JSON, if any. */
export type HostRequest = [number: number, kind: string, argument: string]

export interface Bounds {
  memoryBytes: number
  /** host calls of one turn */
  hostCalls: number
  /** of one string that comes out */
  outputBytes: number
}

/** What the guest has said while it ran. */
export interface Said {
  requests: HostRequest[]
  /** their characters */
  bytes: number
  log: string[]
}

const random = new Uint32Array(64)
let randomLeft = 0

/** Makes machines. @param interrupt is called while a machine runs, at most some 10 microseconds apart; it may throw */
export async function machineShop(interrupt: () => void): Promise<{ base: Image; make(): Machine }> {
  const module = await engineModule()
  const first = new Machine(module, interrupt)
  const base = first.boot()
  return { base, make: () => new Machine(module, interrupt) }
}

export class Machine {
  readonly #engine: Engine
  readonly #memory: Memory
  /** promises that nothing waits for, or not yet */
  readonly #rejections: Rejections
  #guest = 0
  #values = 0
  #bounds: Bounds = { memoryBytes: Number.POSITIVE_INFINITY, hostCalls: 0, outputBytes: 1 << 20 }
  said: Said = { requests: [], bytes: 0, log: [] }
  /** the image that is in the memory, or was before the call that is in it now */
  #image: Image | undefined
  #restoredBytes = 0

  constructor(module: WebAssembly.Module, interrupt: () => void) {
    this.#engine = startEngine(module, {
      interrupt,
      call: (name, length, _self, count, values) => this.#hostCall(name, length, count, values),
      rejected: (promise, reason, handled) => {
        this.#memory.look()
        this.#rejections.told(this.#memory.word(promise), promise, reason, handled !== 0)
      },
      wrote: (at, length) => this.#memory.mark(at, length),
    })
    this.#memory = new Memory(this.#engine)
    this.#rejections = new Rejections(this.#engine)
  }

  /** How much memory it has; it never has less again. */
  get memoryBytes(): number {
    return this.#engine.memory.buffer.byteLength
  }

  /** Starts the engine with the guest's side of the border in it. Once, in the first machine. */
  boot(): Image {
    const engine = this.#engine
    engine._initialize()
    if (engine.qjs_init2(EVERY_INTRINSIC) !== 0) throw new Error('the engine does not start')
    engine.qjs_set_max_stack_size(STACK_BYTES)
    engine.qjs_set_promise_rejection_handler(1)
    this.#memory.length = engine.wasm_malloc(8)
    this.#values = engine.wasm_malloc(32)
    this.#memory.look()
    const make = this.#evaluate(prelude, 'callgate', 0)
    const functions = ['send', 'log', 'entropy'].map(name => {
      const { at, length } = this.#memory.write(name)
      return engine.qjs_new_host_function(at, length, 0)
    })
    this.#guest = this.#call(make, functions)
    return this.capture()
  }

  /** Of free heap, of which there is some: calls that need no more do not make the memory grow, which cannot be undone. */
  capture(): Image {
    const engine = this.#engine
    const spare = engine.wasm_malloc(SPARE_BYTES)
    engine.wasm_free(spare)
    this.#memory.look()
    const { length: memoryBytes } = this.#memory.bytes
    const stackPointer = engine.__stack_pointer.value
    if (stackPointer < STACK_BYTES + MARKS.bytes) throw new Error('the engine has no room for its stack and the marks')
    const part = (from: number, to: number): Part => ({
      at: from,
      bytes: Buffer.from(this.#memory.bytes.subarray(from, to)),
    })
    // free heap at the end of the memory means nothing; free heap elsewhere is not looked for
    const atEnd = spare + SPARE_BYTES + 2 * PAGE > memoryBytes
    const parts = atEnd
      ? [part(stackPointer, spare + ALIGNMENT), part(spare + SPARE_BYTES - ALIGNMENT, memoryBytes)]
      : [part(stackPointer, memoryBytes)]
    const [guest, values, length] = [this.#guest, this.#values, this.#memory.length]
    const rejections = this.#rejections.copy()
    this.#image = { parts, memoryBytes, stackPointer, guest, values, length, rejections }
    unmark(this.#memory.bytes)
    return this.#image
  }

  /**
   * Puts an image in the place of what is there. Where it is another than before, nothing else is left either; where it is
   * the same, what has been written to is put back, and what an earlier call of the same function left on the stack and in
   * free memory is there still, which no code can reach.
   * @returns whether it could be told what had been written to
   */
  restore(image: Image): boolean {
    const { memory, __stack_pointer } = this.#engine
    const lacking = image.memoryBytes - memory.buffer.byteLength
    if (lacking > 0) memory.grow(lacking / PAGE)
    this.#memory.look()
    // one that was never used has nothing but the engine's own data, which every image has: its free memory is not touched
    if (this.#image && !this.holds(image)) this.#memory.bytes.fill(0)
    const told = this.holds(image) && putBack(this.#memory.bytes, image.parts)
    if (!told) for (const { at, bytes } of image.parts) this.#memory.bytes.set(bytes, at)
    unmark(this.#memory.bytes)
    __stack_pointer.value = image.stackPointer
    this.#guest = image.guest
    this.#values = image.values
    this.#memory.length = image.length
    this.#image = image
    this.#restoredBytes = this.memoryBytes
    this.said = { requests: [], bytes: 0, log: [] }
    this.#rejections.restore(image.rejections)
    return told
  }

  /** Whether putting this image in it takes no more than putting back what was written to. */
  holds(image: Image): boolean {
    return this.#image === image
  }

  /** Whether it has grown since it was restored. It would go on: what it has got is not found again after the next time. */
  get grown(): boolean {
    return this.memoryBytes > this.#restoredBytes
  }

  bound(bounds: Bounds): void {
    this.#bounds = bounds
    this.#engine.qjs_set_memory_limit(bounds.memoryBytes)
    this.#engine.qjs_set_gc_threshold(Math.min(GC_BYTES, bounds.memoryBytes >> 2))
  }

  /**
   * Evaluates a handler's module and takes its default export.
   * @returns the guest's account of what it failed with, `e{...}`; or undefined. @throws Stopped
   */
  load(code: string): string | undefined {
    return this.#running(() => {
      const engine = this.#engine
      const promise = this.#evaluate(code, 'handler.ts', AS_MODULE)
      if (engine.qjs_is_exception(promise)) return this.#describe(engine.qjs_get_exception())
      this.#runJobs()
      const state = engine.qjs_promise_state(promise)
      if (state === PENDING)
        return described('it awaits something at its top level, where there is nothing to wait for')
      const module = engine.qjs_promise_result(promise)
      if (state !== FULFILLED) return this.#describe(module)
      const wrong = this.#string(this.#call(this.#guest, [engine.qjs_new_number(0), module]))
      return wrong === '' ? undefined : described(wrong)
    })
  }

  /** Begins a call. @param request its JSON. @returns the packed answer; undefined: it waits for what it `said`. @throws Stopped */
  start(request: string): string | undefined {
    return this.#running(() => {
      const engine = this.#engine
      const answer = this.#call(this.#guest, [engine.qjs_new_number(1), this.#memory.newString(request)])
      if (engine.qjs_is_string(answer)) return this.#answer(answer)
      this.#promise = answer
      return this.#settle()
    })
  }
  /** of the call's answer */
  #promise = 0

  /** Gives a call what it waited for. @param answers JSON. @returns as `start`. @throws Stopped */
  resume(answers: readonly [number: number, right: boolean, answer: string][]): string | undefined {
    return this.#running(() => {
      const engine = this.#engine
      for (const [number, right, answer] of answers) {
        const values = [
          engine.qjs_new_number(2),
          engine.qjs_new_number(number),
          right ? engine.qjs_get_true() : engine.qjs_get_false(),
          this.#memory.newString(answer),
        ]
        this.#call(this.#guest, values)
      }
      return this.#settle()
    })
  }

  #settle(): string | undefined {
    this.#runJobs()
    const engine = this.#engine
    const state = engine.qjs_promise_state(this.#promise)
    if (state === PENDING) return undefined
    const result = engine.qjs_promise_result(this.#promise)
    // it is the guest's own promise, whose value is an answer; the engine itself rejects it, as where a promise cannot be awaited
    return state === FULFILLED ? this.#answer(result) : this.#describe(result)
  }

  /** Of promises that were rejected, and that nothing waited for until now: the guest's accounts, `e{...}`. It throws nothing. */
  unheard(): string[] {
    const accounts: string[] = []
    // telling them runs the guest's getters, which may wait for one of these, and reject others
    const reasons = this.#rejections.take()
    try {
      this.#running(() => {
        for (const reason of reasons) accounts.push(this.#describe(reason))
      })
    } catch {
      accounts.push(described('an error that takes too much to be told'))
    }
    return accounts
  }

  #runJobs(): void {
    const engine = this.#engine
    while (engine.qjs_is_job_pending()) if (engine.qjs_execute_pending_job() < 0) engine.qjs_get_exception()
  }

  /** What runs in the engine: whatever ends it but its own end is a reason to stop. */
  #running<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof Stopped) throw error
      // the host's own stack, which the engine's frames are on
      if (error instanceof RangeError && /call stack/i.test(error.message)) throw new Stopped('stack')
      throw new Stopped('engine', { cause: error })
    } finally {
      this.#memory.look()
    }
  }

  #evaluate(code: string, filename: string, flags: number): number {
    const source = this.#memory.write(code)
    const name = this.#memory.write(filename)
    const value = this.#engine.qjs_eval(source.at, source.length, name.at, flags)
    this.#memory.look()
    this.#engine.wasm_free(source.at)
    this.#engine.wasm_free(name.at)
    return value
  }

  #call(fn: number, values: number[]): number {
    const engine = this.#engine
    this.#memory.setWords(this.#values, values)
    const answer = engine.qjs_call(fn, engine.qjs_get_undefined(), values.length, this.#values)
    this.#memory.look()
    if (!engine.qjs_is_exception(answer)) return answer
    // what the guest throws it catches itself: there is no memory left, or none of the stack; or the handler has broken JSON
    const message = this.#memory.text(engine.qjs_get_exception(), 200) ?? ''
    const reason = /stack/i.test(message) ? 'stack' : NO_MEMORY.test(message) ? 'memory' : 'engine'
    throw new Stopped(reason, { cause: message })
  }

  #describe(error: number): string {
    return this.#string(this.#call(this.#guest, [this.#engine.qjs_new_number(3), error]))
  }

  /** @throws Stopped it is too long; there was no memory to make a string */
  #string(value: number, most = this.#bounds.outputBytes): string {
    if (!this.#engine.qjs_is_string(value)) throw new Stopped('memory')
    const text = this.#memory.text(value, most)
    if (text === undefined) throw new Stopped('output')
    return text
  }

  /** A packed answer: of a reply its content counts, and of bytes not that they are in base64. @throws Stopped as `#string` */
  #answer(value: number): string {
    const { outputBytes } = this.#bounds
    const text = this.#string(value, Math.ceil(outputBytes / 3) * 4 + REPLY_HEAD)
    if (text.length * 3 <= outputBytes) return text
    const head = text[0] === 'r' ? text.indexOf('\n') + 1 : 1
    const inBase64 = head > 1 && text.startsWith('"kind":"base64"}', head - 17)
    const bytes = Buffer.byteLength(text.slice(head), inBase64 ? 'base64' : 'utf8')
    if (bytes > outputBytes) throw new Stopped('output')
    return text
  }

  /** @throws Stopped they are too many, or too large together */
  #send(number: number, kind: string, argument: string): void {
    const { requests } = this.said
    const { hostCalls, outputBytes } = this.#bounds
    if (requests.length >= hostCalls) throw new Stopped('calls')
    this.said.bytes += kind.length + argument.length
    if (this.said.bytes > REQUESTS * outputBytes) throw new Stopped('output')
    requests.push([number, kind, argument])
  }

  #hostCall(name: number, length: number, count: number, values: number): number {
    this.#memory.look()
    const engine = this.#engine
    const which = this.#memory.bytes.latin1Slice(name, name + length)
    const value = (i: number) => (i < count ? this.#memory.word(values + 4 * i) : engine.qjs_get_undefined())
    if (which === 'entropy') return engine.qjs_new_number(entropy())
    if (which === 'log') {
      const { log } = this.said
      if (log.length < LOG_LINES) log.push(this.#memory.text(value(0), LOG_LINE, true)!)
    } else if (which === 'send')
      this.#send(engine.qjs_get_float64(value(0)), this.#string(value(1)), this.#string(value(2)))
    return engine.qjs_get_undefined()
  }
}

const described = (message: string) => `e${JSON.stringify({ name: 'Error', message, stack: '' })}`

function entropy(): number {
  if (randomLeft === 0) {
    crypto.getRandomValues(random)
    randomLeft = random.length
  }
  return random[--randomLeft]!
}

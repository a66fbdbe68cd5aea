/** The calls inside a function worker: which machine each is in, and what is kept between them (nothing of a call). */

import { cpuOfThread } from '../lib/machine.ts'
import { unheardLine } from './failure.ts'
import type { Limits, Outcome, Resume, Start, Step } from './frames.ts'
import { type Image, type Machine, machineShop } from './machine.ts'
import { Stopped } from './stopped.ts'

/** Bytes of images that are kept: a handler whose image is gone is loaded again from its code. */
const IMAGES_BYTES = 64 * 1024 * 1024
/** Machines that wait for work. */
const IDLE_MACHINES = 32
/** With fewer than these, another handler gets a machine of its own rather than one that has to be filled with its image. */
const OWN_MACHINES = 8
/** What loading a handler may take. */
const LOADING: Limits = { cpuMs: 1000, memoryBytes: 32 * 1024 * 1024, hostCalls: 0, outputBytes: 64 * 1024 }

/** Milliseconds of loading that say nothing of a handler: any may take them in a process that has just begun. */
const LOADS_QUICKLY_MS = 100

interface Handler {
  code: string
  image?: Image
  /** why it does not load */
  failure?: string
  /** a higher number is a later use */
  used: number
}

/** A call that waits for the other side. */
interface Parked {
  call: number
  machine: Machine
  /** its handler's */
  code: string
  limits: Limits
  cpu: number
  /** milliseconds of CPU that its handler took to load for it, if that was long: no limit of the call's is for that */
  loading: number
  /** host calls that were not answered yet */
  open: number
}

/** What the engine throws for want of memory where it has none for an error either, and a handler hardly does. */
const NOTHING_THROWN = `e${JSON.stringify({ name: 'Error', message: 'null', stack: '' })}`

export class Guests {
  readonly #make: () => Machine
  readonly #base: Image
  readonly #clock: CpuClock
  readonly #handlers = new Map<string, Handler>()
  readonly #parked: Parked[] = []
  #uses = 0
  /** the last one used is last: its memory is at hand */
  readonly #idle: Machine[] = []

  static async open(): Promise<Guests> {
    const clock = new CpuClock()
    const { base, make } = await machineShop(() => clock.tick())
    return new Guests(make, base, clock)
  }

  private constructor(make: () => Machine, base: Image, clock: CpuClock) {
    this.#make = make
    this.#base = base
    this.#clock = clock
  }

  get parkedBytes(): number {
    let bytes = 0
    for (const { machine } of this.#parked) bytes += machine.memoryBytes
    return bytes
  }

  /** A frame begins. */
  frame(): void {
    this.#clock.frame()
  }

  learn(handler: string, code: string): void {
    if (!this.#handlers.has(handler)) this.#handlers.set(handler, { code, used: ++this.#uses })
  }

  /** @returns undefined: there is nothing to say */
  take(step: Step): Outcome | undefined {
    if (step[0] === 'start') return this.#start(step)
    if (step[0] === 'resume') return this.#resume(step)
    const parked = this.#unpark(step[1])
    if (parked) this.#release(parked.machine)
    return undefined
  }

  /** Loads a handler by itself. @returns what it failed with, as the guest says it; undefined: it is fit. @throws Stopped */
  try(code: string): string | undefined {
    this.#clock.frame()
    const machine = this.#machine(this.#base)
    try {
      machine.bound(LOADING)
      return this.#clock.within(LOADING.cpuMs, () => machine.load(code)).result
    } finally {
      this.#release(machine)
    }
  }

  #start([, call, name, request, limits]: Start): Outcome {
    const handler = this.#handlers.get(name)
    if (!handler) return { kind: 'unknown', call, cpu: 0, log: [] }
    handler.used = ++this.#uses
    let machine: Machine
    let loading = 0
    try {
      if (!handler.image && handler.failure === undefined) loading = this.#load(handler)
      if (!handler.image) return { kind: 'answered', call, answer: handler.failure!, cpu: loading, log: [] }
      machine = this.#machine(handler.image)
    } catch (error) {
      return { ...stopped(error), call, cpu: this.#clock.spent, log: [] }
    }
    machine.bound(limits)
    return this.#turn({ call, machine, code: handler.code, limits, cpu: 0, loading, open: 0 }, () =>
      machine.start(request),
    )
  }

  #resume([, call, answers]: Resume): Outcome | undefined {
    const parked = this.#unpark(call)
    if (!parked) return undefined
    parked.open -= answers.length
    return this.#turn(parked, () => parked.machine.resume(answers))
  }

  #turn(parked: Parked, run: () => string | undefined): Outcome {
    const { call, machine, limits } = parked
    try {
      const { result: answer, cpu } = this.#clock.within(limits.cpuMs - parked.cpu, run)
      parked.cpu += cpu
      const { log } = machine.said
      if (answer === NOTHING_THROWN && machine.memoryBytes >= limits.memoryBytes) throw new Stopped('memory')
      if (answer !== undefined) {
        const open = parked.open + machine.said.requests.length
        if (open > 0) log.push(`... (host calls that it did not wait for, and that were given up: ${open})`)
        log.push(...this.#unheard(parked))
        this.#release(machine)
        return { kind: 'answered', call, answer, cpu: parked.loading + parked.cpu, log }
      }
      const { requests } = machine.said
      parked.open += requests.length
      if (parked.open === 0) {
        log.push(...this.#unheard(parked))
        throw new Stopped('never')
      }
      machine.said = { requests: [], bytes: 0, log: [] }
      this.#parked.push(parked)
      return { kind: 'waiting', call, requests, cpu: parked.loading + parked.cpu, log }
    } catch (error) {
      const { log } = machine.said
      this.#release(machine)
      return { ...stopped(error), call, cpu: parked.loading + parked.cpu + this.#clock.spent, log }
    }
  }

  /** Lines of the log. They are told by code of the handler, so that what this takes is its call's. */
  #unheard(parked: Parked): string[] {
    const { machine, code, limits } = parked
    const { result, cpu } = this.#clock.within(limits.cpuMs - parked.cpu, () =>
      machine.unheard().map(account => unheardLine(account, code)),
    )
    parked.cpu += cpu
    return result
  }

  #unpark(call: number): Parked | undefined {
    const place = this.#parked.findIndex(parked => parked.call === call)
    return place < 0 ? undefined : this.#parked.splice(place, 1)[0]
  }

  /** Gives it its image, or why it has none. @returns milliseconds of CPU, where it took long. @throws Stopped */
  #load(handler: Handler): number {
    const machine = this.#machine(this.#base)
    machine.bound(LOADING)
    const { result: failure, cpu } = this.#clock.within(LOADING.cpuMs, () => machine.load(handler.code))
    if (failure === undefined) handler.image = machine.capture()
    else handler.failure = failure
    this.#release(machine)
    this.#forget()
    return cpu > LOADS_QUICKLY_MS ? cpu : 0
  }

  /** Images of handlers that were not used lately; their code goes with them, and is sent again. */
  #forget(): void {
    let bytes = 0
    for (const { image } of this.#handlers.values()) bytes += sizeOf(image)
    for (const [name, { image }] of [...this.#handlers].sort(([, a], [, b]) => a.used - b.used)) {
      if (bytes <= IMAGES_BYTES) return
      bytes -= sizeOf(image)
      this.#handlers.delete(name)
    }
  }

  #machine(image: Image): Machine {
    const machine = this.#idleFor(image) ?? this.#make()
    machine.restore(image)
    return machine
  }

  /** One that has the image already, or else the one that was not used for longest. */
  #idleFor(image: Image): Machine | undefined {
    const holding = this.#idle.findLastIndex(machine => machine.holds(image))
    if (holding >= 0) return this.#idle.splice(holding, 1)[0]
    return this.#idle.length < OWN_MACHINES ? undefined : this.#idle.shift()
  }

  #release(machine: Machine): void {
    if (!machine.grown && this.#idle.length < IDLE_MACHINES) this.#idle.push(machine)
  }
}

const sizeOf = (image: Image | undefined) => image?.parts.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? 0

function stopped(error: unknown): { kind: 'stopped'; reason: Stopped['reason']; cause?: string } {
  const { reason, cause } = error instanceof Stopped ? error : new Stopped('engine', { cause: error })
  return { kind: 'stopped', reason, cause: cause === undefined ? undefined : String((cause as Error).stack ?? cause) }
}

/**
 * Stops what takes more CPU than it may. Asking how much that is costs as much as a small call, so the wall clock is asked
 * first, which is never behind: only what has taken long by that is looked at.
 */
class CpuClock {
  /** milliseconds of CPU that this thread had before the turn, but for turns of less than one since the frame began */
  #before = 0
  #began = 0
  #budget = 0
  #askAt = Number.POSITIVE_INFINITY
  /** milliseconds of CPU of the last turn that is over */
  spent = 0

  /** A frame begins: what was before it does not count. */
  frame(): void {
    this.#before = cpuOfThread()
  }

  /** @throws Stopped `cpu` */
  within<T>(milliseconds: number, work: () => T): { result: T; cpu: number } {
    this.#began = performance.now()
    this.#budget = milliseconds
    this.#askAt = this.#began + milliseconds
    try {
      const result = work()
      return { result, cpu: this.#over() }
    } catch (error) {
      this.#over()
      throw error
    } finally {
      this.#askAt = Number.POSITIVE_INFINITY
    }
  }

  /** The turn is over: what it took is not the next one's. @returns `spent` */
  #over(): number {
    this.spent = performance.now() - this.#began
    if (this.spent < CLOSE_ENOUGH_MS) return this.spent
    const cpu = cpuOfThread()
    this.spent = Math.min(this.spent, cpu - this.#before)
    this.#before = cpu
    return this.spent
  }

  tick(): void {
    const now = performance.now()
    if (now < this.#askAt) return
    const left = this.#budget - Math.min(now - this.#began, cpuOfThread() - this.#before)
    if (left <= 0) throw new Stopped('cpu')
    this.#askAt = now + left
  }
}

const CLOSE_ENOUGH_MS = 1

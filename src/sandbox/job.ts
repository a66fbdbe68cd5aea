import { steadyOf } from '../lib/deadline.ts'
import { deadlinePassed, Fault, unavailable } from '../lib/fault.ts'
import type { Limits, Start } from './frames.ts'
import type { Handler } from './handlers.ts'
import type { HostRequest } from './machine.ts'
import type { StopReason } from './stopped.ts'

/** Where calls wait: those of handlers that are known to take little CPU, and all others. */
export type Lane = 'quick' | 'slow'

export interface FunctionLimits extends Limits {
  /** milliseconds from when it begins to run */
  wallMs: number
}

/** A call of a handler. */
export interface FunctionCall {
  handler: Handler
  /** the request as the guest takes it, in JSON */
  request: string
  limits: FunctionLimits
  /** milliseconds since the epoch */
  deadline: number
  caller?: { readonly signal?: AbortSignal }
  /** It is made by another function, which waits for it: it does not wait for a place behind those that are waited for. */
  nested: boolean
  /**
   * Does what the handler asks for, within the time that its run has. @returns JSON
   * @throws Fault a refusal, which the handler gets
   */
  host(kind: string, argument: string, run: HandlerRun): Promise<string>
}

/** A run of a handler, as its host calls see it: whether it is over, and when it is at the latest, as performance.now(). */
export interface HandlerRun {
  readonly settled: boolean
  readonly end: { readonly at: number }
  /** aborted when it is over: nobody waits any more for what it has asked for */
  readonly signal: AbortSignal
}

/** How a call ended: the guest's packed answer, or why there is none; and what it logged. */
export interface Ran {
  answer?: string
  /** of the handler, which places in its answer are in */
  code?: string
  fault?: Fault
  log: string[]
}

/** Lines of the log of a call that are kept. */
const LOG_LINES = 100
const MORE_LINES = '... (no more lines are kept of a call)'

/** Characters of what a call asked for and was answered that are kept for a run that is repeated. */
const MOST_KEPT = 16 * 1024 * 1024

type Answer = [right: boolean, answer: string]

/** A call from when it is taken on until it is settled: once, whatever happens to the process that it is in. */
export class Job {
  /** in the process that it was given to last */
  id = 0
  /** that process; it knows whether it has it still */
  at: { drop(job: Job): void } | undefined
  readonly call: FunctionCall
  readonly done: Promise<Ran>
  settled = false
  /** where it waits */
  lane: Lane = 'slow'
  /** its end is told when its caller goes */
  watched = false
  /** processes that ended under it */
  losses = 0
  /** which of its runs this is: what an earlier one was waiting for is not for this one */
  run = 0
  /** when it is settled at the latest, and with what */
  end: { at: number; fault: () => Fault }
  /** when it was taken on, as performance.now() */
  readonly since: number
  /** the same clock, which nobody sets */
  readonly #deadline: number
  #resolve: (ran: Ran) => void
  /**
   * A run that is repeated asks for the same again, and gets the same answers: nothing is done twice. undefined: it was too much
   * to be kept.
   */
  #answers: Map<number, { kind: string; argument: string; answer: Promise<Answer> } | undefined> | undefined
  /** characters in them */
  #kept = 0
  #log: string[] = []
  #over: AbortController | undefined

  /** @param now as performance.now() */
  constructor(call: FunctionCall, now: number) {
    this.call = call
    this.since = now
    this.#deadline = steadyOf(call.deadline)
    this.end = { at: this.#deadline, fault: deadlinePassed }
    const { promise, resolve } = Promise.withResolvers<Ran>()
    this.done = promise
    this.#resolve = resolve
  }

  /** For the frame: a copy of what the worker needs, and no more. */
  get start(): Start {
    const { handler, request, limits } = this.call
    const { cpuMs, memoryBytes, hostCalls, outputBytes } = limits
    return ['start', this.id, handler.id, request, { cpuMs, memoryBytes, hostCalls, outputBytes }]
  }

  get signal(): AbortSignal {
    this.#over ??= new AbortController()
    if (this.settled) this.#over.abort()
    return this.#over.signal
  }

  /** It waits for a process. */
  waits(): void {
    this.end = { at: this.#deadline, fault: deadlinePassed }
  }

  /** It runs, and has its wall time from now on. */
  begins(now: number): void {
    const { limits } = this.call
    const deadline = this.#deadline
    const wall = now + limits.wallMs
    this.end =
      wall < deadline ? { at: wall, fault: () => overWallTime(limits) } : { at: deadline, fault: deadlinePassed }
  }

  /** Begins anew, in another process. */
  again(): void {
    this.run++
    this.#log = []
  }

  logged(lines: readonly string[]): void {
    for (const line of lines)
      if (this.#log.length <= LOG_LINES) this.#log.push(this.#log.length < LOG_LINES ? line : MORE_LINES)
  }

  answered(answer: string): void {
    this.#settle({ answer, code: this.call.handler.code, log: this.#log })
  }

  refused(fault: Fault): void {
    this.#settle({ fault, log: this.#log })
  }

  #settle(ran: Ran): void {
    if (this.settled) return
    this.settled = true
    this.#resolve(ran)
    this.#over?.abort()
  }

  /** @throws Fault 429 one more than it may ask for; 503 it asks for something else than when it ran before, or for too much to be kept */
  ask([number, kind, argument]: HostRequest): Promise<Answer> {
    this.#answers ??= new Map()
    const answers = this.#answers
    const before = answers.get(number)
    if (before && before.kind === kind && before.argument === argument) return before.answer
    if (answers.has(number))
      throw unavailable("The function's process ended, and what it had begun cannot be repeated.", 1)
    const { hostCalls } = this.call.limits
    if (answers.size >= hostCalls) throw tooManyHostCalls(hostCalls)
    const kept = (answer: Answer): Answer => {
      this.#kept += argument.length + answer[1].length
      if (this.#kept > MOST_KEPT) answers.set(number, undefined)
      return answer
    }
    const answer = this.call.host(kind, argument, this).then<Answer, Answer>(
      text => kept([true, text]),
      error => kept([false, refusalOf(error)]),
    )
    answers.set(number, { kind, argument, answer })
    return answer
  }
}

export const tooManyHostCalls = (limit: number) =>
  new Fault(429, 'host_calls_exceeded', `The function made more than the ${limit} host calls that it may (host_calls).`)

/** A refusal as the handler gets it: what its caller may know, and no more. */
function refusalOf(error: unknown): string {
  const { status, code, message, members } =
    error instanceof Fault ? error : new Fault(500, 'internal', 'Something went wrong on the server.')
  return JSON.stringify({ status, code, messages: [message], errors: members.errors })
}

/** Why a call was stopped, naming the limit. */
export function overLimit(reason: StopReason, limits: FunctionLimits, cause?: string): Fault {
  const fault = (status: number, code: string, message: string) => new Fault(status, code, message, { cause })
  switch (reason) {
    case 'cpu':
      return fault(504, 'cpu_exceeded', `The function took more than ${limits.cpuMs} ms of CPU (cpu_ms).`)
    case 'memory':
      return fault(
        500,
        'memory_exceeded',
        `The function needs more than ${limits.memoryBytes >> 20} MB of memory (memory_mb).`,
      )
    case 'stack':
      return fault(500, 'stack_exceeded', 'The function calls itself too deep: the stack is full.')
    case 'output':
      return fault(
        500,
        'output_exceeded',
        `The function's answer, or an argument of a host call, is larger than ${limits.outputBytes >> 10} KB (output_kb).`,
      )
    case 'calls':
      return tooManyHostCalls(limits.hostCalls)
    case 'never':
      return fault(500, 'function_never_ends', 'The function waits for something that never comes.')
    case 'engine':
      return fault(500, 'function_failed', 'The function failed.')
  }
}

const overWallTime = (limits: FunctionLimits) =>
  new Fault(504, 'wall_exceeded', `The function took longer than ${limits.wallMs} ms (wall_ms).`)

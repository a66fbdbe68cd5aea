/** Code of an author's as an endpoint has it: its limits, what it may reach, and what its answers and failures mean. */
import type { HandlerConfig } from '../catalog/handler.ts'
import { badRequest, Fault, unprocessable } from '../lib/fault.ts'
import { parseLossless, tooDeep, withinStack } from '../lib/json.ts'
import { type HandlerError, handlerError } from '../sandbox/failure.ts'
import { type Handler, handlerOf } from '../sandbox/handlers.ts'
import type { FunctionLimits, Ran } from '../sandbox/job.ts'
import type { HandlerCall, Surroundings } from './endpoint.ts'
import { hostOf } from './host.ts'
import type { EndpointRuntime } from './runtime.ts'

/** The request, in JSON, to the guest's packed answer; it throws nothing. */
type RunHandler = (request: string, call: HandlerCall) => Promise<Ran>

/** @throws Fault 422 there is no handler, or it is none, with the line; it was not checked, where nobody says that it was before */
export function compileHandler(
  config: HandlerConfig,
  what: string,
  surroundings: Surroundings,
  runtime: EndpointRuntime,
  published: boolean,
): RunHandler {
  const { handler: source, grants = {} } = config
  if (source === undefined || source.trim() === '') throw unprocessable(`${what} has no handler.`)
  const limits = limitsOf(config.limits ?? {})
  const { handlers } = runtime.functions
  const verdict = handlers.known(source)
  let handler: Handler | undefined
  if (verdict && 'code' in verdict) handler = handlerOf(verdict.code)
  else if (!published) throw verdict ? badHandler(what, verdict.error) : new UncheckedHandler(source)
  const start = (handler: Handler, request: string, call: HandlerCall): Promise<Ran> => {
    const { deadline, caller, within } = call
    let host: ReturnType<typeof hostOf> | undefined
    return runtime.functions.run({
      handler,
      request,
      limits,
      deadline,
      caller,
      nested: within !== undefined,
      host: (kind, argument, run) => {
        host ??= hostOf(surroundings, grants, limits, call, runtime)
        return host(kind, argument, run)
      },
    })
  }
  return (request, call) => {
    if (handler) return start(handler, request, call)
    return handlers.compiled(source).then(
      compiled => {
        handler = compiled
        return start(compiled, request, call)
      },
      error => ({ fault: error as Fault, log: [] }),
    )
  }
}

/** Of what a handler is given: the engine's parser needs stack for each level, and how much is not ours to know. */
const MAX_DEPTH = 1000

/** What a caller sends must not be what overflows the handler's stack. @throws Fault 400 */
export function checkDepth(json: string): void {
  if (tooDeep(json, MAX_DEPTH)) throw bodyTooDeep()
}

/** What goes through all of what a caller sent. @throws Fault 400 that nests deeper than our own stack is; what `work` throws */
export const withinDepth = <T>(work: () => T): T => withinStack(work, bodyTooDeep)

const bodyTooDeep = () => badRequest(`The body nests deeper than ${MAX_DEPTH} levels.`, 'body_too_deep')

/** With what holds where a definition does not say. */
export const limitsOf = (given: NonNullable<HandlerConfig['limits']>): FunctionLimits => ({
  cpuMs: given.cpu_ms ?? 200,
  wallMs: given.wall_ms ?? 5000,
  memoryBytes: (given.memory_mb ?? 32) << 20,
  outputBytes: (given.output_kb ?? 1024) << 10,
  hostCalls: given.host_calls ?? 100,
})

/** A source that nobody has looked at yet: `Handlers.check` does. */
export class UncheckedHandler extends Error {
  readonly source: string
  constructor(source: string) {
    super('a handler was not checked before it was compiled')
    this.source = source
  }
}

function badHandler(what: string, { name, message, line, column }: HandlerError): Fault {
  const place = line === undefined ? '' : ` (line ${line}${column === undefined ? '' : `, column ${column}`})`
  const text = name === 'Error' ? message : `${name}: ${message}`
  return unprocessable(
    `${what} cannot be used: ${text}${place}.`,
    { handler: { name, message, line, column } },
    'bad_handler',
  )
}

/**
 * What a handler threw. Where it threw an error on purpose (`host.error`) this is its status and text, for its caller; else a
 * 500 that says nothing. What is for its author is `failure`.
 */
export class HandlerFault extends Fault {
  /** what the author wants said, besides the first: porter's error object has a list, and a name of the error */
  readonly messages: string[]
  readonly errorName: string | undefined
  readonly failure: HandlerError

  constructor(failure: HandlerError, refusal?: Refusal) {
    const { status = 500, code = 'function_failed', messages = [], name, errors } = refusal ?? {}
    const message = refusal ? (messages[0] ?? 'The function refused this request.') : 'The function failed.'
    // where, and not what it says: that may hold the caller's values, and this goes into the log
    const where = (failure.stack ?? failure.name).slice(0, LOGGED)
    super(status, code, message, { cause: where, members: errors ? { errors } : {} })
    this.messages = messages
    this.errorName = name
    this.failure = failure
  }
}

/** Characters of what a handler failed with that go into the log: it may say what it likes there. */
const LOGGED = 2000

interface Refusal {
  status: number
  code?: string
  messages: string[]
  name?: string
  errors?: unknown
}

/** What calls logged before they were refused. */
const logs = new WeakMap<Fault, string[]>()

/** What the handler's call had logged when it was refused with this; for its author. */
export const logOf = (fault: Fault): string[] => logs.get(fault) ?? []

/** Reads a call's answer; a refusal remembers the call's log. @throws Fault over a limit, or what `read` refuses; HandlerFault */
export function readAnswer<T>({ answer, code = '', fault, log }: Ran, read: (answer: string) => T): T {
  try {
    if (fault) throw fault
    if (answer![0] !== 'e') return read(answer!)
    const failure = handlerError(answer!, code)
    throw overInside(failure) ?? new HandlerFault(failure, refusalOf(answer!))
  } catch (error) {
    if (error instanceof Fault) logs.set(error, log)
    throw error
  }
}

/** What the engine itself throws inside a handler that has reached a limit. */
function overInside({ name, message }: HandlerError): Fault | undefined {
  if (name === 'RangeError' && message === 'Maximum call stack size exceeded')
    return new Fault(500, 'stack_exceeded', 'The function calls itself too deep: the stack is full.')
  if (name === 'InternalError' && message === 'out of memory')
    return new Fault(500, 'memory_exceeded', 'The function needs more memory than it may have (memory_mb).')
  return undefined
}

/** `host.error`, held against what an error can be. What it is not, is none. */
function refusalOf(answer: string): Refusal | undefined {
  const { refusal } = JSON.parse(answer.slice(1)) as { refusal?: Partial<Record<keyof Refusal, unknown>> }
  if (!refusal) return undefined
  const { status, code, messages, name, errors } = refusal
  if (!Number.isInteger(status) || (status as number) < 400 || (status as number) > 599) return undefined
  return {
    status: status as number,
    code: typeof code === 'string' ? code : 'function_refused',
    messages: Array.isArray(messages) ? messages.filter(message => typeof message === 'string') : [],
    name: typeof name === 'string' ? name : undefined,
    errors,
  }
}

/** A handler's value (of a hook), where it may not be a reply. @throws HandlerFault */
export function hookValue(answer: string): unknown {
  if (answer[0] === 'v') return parseLossless(answer.slice(1))
  throw new HandlerFault({ name: 'Error', message: 'a hook returns a value, and makes no reply' })
}

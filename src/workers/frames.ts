import { Fault, machineTrouble } from '../lib/fault.ts'

/** What the main process and its children say to each other over ipc; what is frequent or large goes through pipe.ts. */
export type WorkerKind =
  | 'score'
  | 'query'
  | 'duckdb'
  | 'write'
  | 'import'
  | 'function'
  | 'guard'
  | 'body'
  | 'schema'
  | 'look'

export type ToChild =
  | { type: 'init'; init: unknown }
  | { type: 'request'; id: number; method: string; payload: unknown }

export interface SentError {
  /** A refusal with a public text, as its thrower meant it. */
  fault?: {
    status: number
    code: string
    message: string
    headers: Record<string, string>
    members: Record<string, unknown>
  }
  /** Anything else, or what caused the refusal: private, for the log. */
  stack?: string
}

export type FromChild =
  | { type: 'ready' }
  | { type: 'refused'; error: SentError }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failed'; id: number; error: SentError }
  | { type: 'progress'; id: number; progress: unknown }

/**
 * As it is sent to the parent, which makes an error of it again (`revive`). What the machine lacks is a refusal from here on: on its
 * way an error loses the code that says so.
 */
export function asSent(error: unknown): SentError {
  const fault = error instanceof Fault ? error : machineTrouble(error)
  if (fault) {
    const { status, code, message, headers, members, cause } = fault
    return { fault: { status, code, message, headers, members }, ...(cause ? { stack: String(cause) } : {}) }
  }
  return { stack: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

/** What a child threw, as it sent it. */
export function revive(error: SentError): Error {
  if (error.fault) {
    const { status, code, message, headers, members } = error.fault
    return new Fault(status, code, message, { headers, members, cause: error.stack })
  }
  return new Error('a worker failed', { cause: error.stack })
}

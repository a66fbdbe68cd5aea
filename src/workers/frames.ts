/** The frames between the main process and its children. Typed arrays travel as they are (structured clone). */
export type WorkerKind = 'score' | 'query' | 'import' | 'function' | 'guard'

export type ToChild =
  | { type: 'init'; init: unknown }
  | { type: 'request'; id: number; method: string; payload: unknown }

export interface SentError {
  /** A refusal with a public text, as its thrower meant it. */
  fault?: { status: number; code: string; message: string; members: Record<string, unknown> }
  /** Anything else: private, for the log. */
  stack?: string
}

export type FromChild =
  | { type: 'ready' }
  | { type: 'refused'; error: SentError }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failed'; id: number; error: SentError }
  | { type: 'progress'; id: number; progress: unknown }

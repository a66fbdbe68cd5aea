/** What the main process and a function worker say to one another. Lists, as thousands of them are copied in a second. */

import type { HandlerError } from './failure.ts'
import type { HostRequest } from './machine.ts'
import type { StopReason } from './stopped.ts'

/** Limits of one call. */
export interface Limits {
  /** milliseconds of CPU, all its turns together */
  cpuMs: number
  memoryBytes: number
  hostCalls: number
  /** of its answer, and of each argument of a host call */
  outputBytes: number
}

/** A call's request, as the guest takes it, in JSON; and the handler by the SHA-256 of its code. */
export type Start = [kind: 'start', call: number, handler: string, request: string, limits: Limits]
/** Answers to what it asked for: its own numbers, and JSON. */
export type Resume = [kind: 'resume', call: number, answers: [number: number, right: boolean, answer: string][]]
/** Nobody waits for it any more. */
type Drop = [kind: 'drop', call: number]
export type Step = Start | Resume | Drop

export interface Frame {
  /** code of handlers that the worker may not have yet */
  code: [handler: string, code: string][]
  steps: Step[]
}

interface Turn {
  call: number
  /** milliseconds of CPU that the call has taken so far, with those of loading its handler where that took long */
  cpu: number
  /** lines of the log since the last turn */
  log: string[]
}
/** Answered: the guest's packed answer. Waiting: for these. Stopped: over a limit. Unknown: its code is needed again. */
export type Outcome = Turn &
  (
    | { kind: 'answered'; answer: string }
    | { kind: 'waiting'; requests: HostRequest[] }
    | { kind: 'stopped'; reason: StopReason; cause?: string }
    | { kind: 'unknown' }
  )

export interface Turns {
  outcomes: Outcome[]
  /** steps at the end of the frame that were not taken, as those before them took long */
  left: number
  /** resident bytes of the process */
  resident: number
  /** of the calls that wait */
  parkedBytes: number
}

/** A handler that can be run: its JavaScript; or why it cannot. Spent: the process that found it out is fit for no other source. */
export type Verdict = { code: string } | { error: HandlerError; spent?: true }

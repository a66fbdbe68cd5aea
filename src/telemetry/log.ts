import { constants, fstatSync, openSync } from 'node:fs'
import pino from 'pino'

/** How much of the log waits, in characters, while it cannot be written; what comes beyond that is lost. */
const MOST_WAITING = 1024 * 1024
const destination = pino.destination({
  dest: withoutWaiting(2),
  sync: true,
  maxLength: MOST_WAITING,
  retryEAGAIN: () => false,
})
/** When what could not be written is tried again, and how often at the end: in vain, and in all, which is a slow reader's. */
const AGAIN_MS = 100
const LAST_TRIES = 5
const ALL_LAST_TRIES = 30
let waits = false
// a disk that is full, a terminal that is gone or a reader that has stopped must not fail the call that is logged, nor hold it up
destination.on('error', () => {
  if (!waits) setTimeout(writeAgain, AGAIN_MS).unref()
  waits = true
})
process.on('exit', () => {
  let inVain = 0
  destination.on('write', () => {
    inVain = 0
  })
  for (let tries = 0; waits && inVain < LAST_TRIES && tries < ALL_LAST_TRIES; tries++) {
    inVain++
    Bun.sleepSync(AGAIN_MS)
    writeAgain()
  }
})

function writeAgain(): void {
  waits = false
  destination.write('')
}

/** A pipe or a terminal opened once more (on Linux), so that to write to it waits for nobody; as it is, it is others' too. */
function withoutWaiting(fd: number): number {
  try {
    const opened = fstatSync(fd)
    if (!opened.isFIFO() && !opened.isCharacterDevice()) return fd
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return fd
  }
}

/**
 * The structured log: JSON lines on stderr. It never holds a secret or a row's value: callers log names, ids, counts and
 * statuses only, and whatever slips through under these names is removed.
 */
export const log = pino(
  {
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'key',
        'token',
        'secret',
        'password',
        'authorization',
        '*.key',
        '*.token',
        '*.secret',
        '*.password',
        '*.authorization',
      ],
      censor: '[removed]',
    },
    formatters: { level: label => ({ level: label }) },
  },
  destination,
)

/** A private error for the log: its name, message and stack, and what it was caused by. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) }
  return { error: error.message, stack: error.stack, ...(error.cause ? { cause: errorFields(error.cause) } : {}) }
}

/** What is said of a failure that nobody waited for. */
export const STRAY = 'nobody waited for what failed here'

/** A promise that fails when nobody waits for it is a defect of ours, and no reason to end everyone's calls: it is logged. */
export function surviveStrays(): void {
  process.on('unhandledRejection', error => log.error(errorFields(error), STRAY))
}

/** A request that failed: at `error` when it is the server's doing, with its private cause; refusals only at `debug`. */
export function logFailure(
  fault: { status: number; code: string },
  error: unknown,
  { requestId, traceId }: { requestId: string; traceId?: string },
): void {
  const fields = { request_id: requestId, ...(traceId ? { trace_id: traceId } : {}), status: fault.status }
  const { stack: _stack, ...brief } = errorFields(error)
  if (fault.status >= 502 && fault.status <= 504) log.warn({ ...fields, ...brief }, fault.code)
  else if (fault.status >= 500 && fault.status !== 501) log.error({ ...fields, ...errorFields(error) }, fault.code)
  else log.debug(fields, fault.code)
}

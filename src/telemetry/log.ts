import pino from 'pino'

/**
 * The structured log: JSON lines on stderr. It never holds a secret or a row's value: callers log names, ids, counts and
 * statuses only, and whatever slips through under these names is removed.
 */
export const log = pino(
  {
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['key', 'token', 'secret', 'password', 'authorization', '*.key', '*.token', '*.secret', '*.password', '*.authorization'],
      censor: '[removed]',
    },
    formatters: { level: label => ({ level: label }) },
  },
  pino.destination({ dest: 2, sync: true }),
)

/** A private error for the log: its name, message and stack, and what it was caused by. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) }
  return { error: error.message, stack: error.stack, ...(error.cause ? { cause: errorFields(error.cause) } : {}) }
}

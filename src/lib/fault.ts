import { closeSync, openSync } from 'node:fs'

/**
 * The one internal error. `message` is the public text: it is sent to callers and never holds their values, SQL or a stack.
 * `cause` (and anything in it) is private: it goes to the log only. Doors render a Fault in their own shape.
 */
export class Fault extends Error {
  readonly status: number
  /** A stable, machine-readable name of what went wrong, e.g. `key_expired`. */
  readonly code: string
  readonly headers: Record<string, string>
  /** Extra public members, e.g. `{ errors: [{ row, feature, message }] }`. */
  readonly members: Record<string, unknown>

  constructor(
    status: number,
    code: string,
    message: string,
    more: { cause?: unknown; headers?: Record<string, string>; members?: Record<string, unknown> } = {},
  ) {
    super(message, { cause: more.cause })
    this.name = 'Fault'
    this.status = status
    this.code = code
    this.headers = more.headers ?? {}
    this.members = more.members ?? {}
  }
}

/** The same in other public words, or with more public members. */
export const reworded = (
  { status, code, cause, headers, members }: Fault,
  message: string,
  more: Record<string, unknown> = {},
): Fault => new Fault(status, code, message, { cause, headers, members: { ...members, ...more } })

export const badRequest = (message: string, code = 'bad_request') => new Fault(400, code, message)
export const unauthorized = (message: string, code = 'unauthorized') =>
  new Fault(401, code, message, { headers: { 'www-authenticate': 'Bearer realm="callgate"' } })
export const forbidden = (message: string, code = 'forbidden') => new Fault(403, code, message)
export const notFound = (message: string, code = 'not_found') => new Fault(404, code, message)
/** HEAD goes with GET, whether it is named or not. */
export const methodNotAllowed = (methods: readonly string[]) => {
  const allow = [...new Set(methods.flatMap(m => (m === 'GET' ? ['GET', 'HEAD'] : [m])))].join(', ')
  return new Fault(405, 'method_not_allowed', `This endpoint takes ${allow}.`, { headers: { allow } })
}
export const conflict = (message: string, code = 'conflict') => new Fault(409, code, message)
export const unprocessable = (message: string, members: Record<string, unknown> = {}, code = 'unprocessable') =>
  new Fault(422, code, message, { members })
export const notServed = (message = 'not part of this server') => new Fault(501, 'not_implemented', message)
export const unavailable = (message: string, retryAfterSeconds = 1, cause?: unknown) =>
  new Fault(503, 'unavailable', message, { cause, headers: { 'retry-after': String(retryAfterSeconds) } })
export const deadlinePassed = (message = 'The deadline for this request has passed.') =>
  new Fault(504, 'deadline_passed', message)
export const callerGone = (cause?: unknown) =>
  new Fault(499, 'cancelled', 'The caller went away before the answer.', { cause })

/** What SQLite says of a file that is damaged, or none of its own. @param code of an error */
export const isDamaged = (code: string): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(code)

const FULL = /^(ENOSPC|EDQUOT|SQLITE_FULL)$/
/** A file system that went read-only or fails, or a limit on the size of files. */
const FAILS = /^(EROFS|EIO|EFBIG|SQLITE_(IOERR|READONLY)\w*)$/

/** The disk is full, or fails: the server's trouble, and not the caller's. undefined: the error is another. */
export function diskTrouble(error: unknown): Fault | undefined {
  const { code = '' } = (error ?? {}) as { code?: string }
  if (FULL.test(code)) return unavailable("There is no room on the server's disk.", 60, error)
  return FAILS.test(code) ? unavailable("The server's disk fails, or cannot be written to.", 60, error) : undefined
}

/** No more files, processes or memory: of a limit on this server, or of the machine. */
const SHORT = /^(EMFILE|ENFILE|EAGAIN|ENOMEM|SQLITE_NOMEM)$/

/** What SQLite opens of a table that can be written. */
const FILES = 3

/**
 * Why this process may not open so many files: where SQLite cannot, it does not say. undefined: it may.
 * None of the table's own is tried: to close one would let go SQLite's locks on it.
 */
function noMoreFiles(): unknown {
  const files: number[] = []
  try {
    while (files.length < FILES) files.push(openSync('/dev/null', 'r'))
    return undefined
  } catch (error) {
    return error
  } finally {
    for (const file of files) closeSync(file)
  }
}

/** What the machine lacks, which may be over in a moment. undefined: the error is another. */
export function shortOf(error: unknown): Fault | undefined {
  const { code = '' } = (error ?? {}) as { code?: string }
  const short = SHORT.test(code) ? error : /^SQLITE_CANTOPEN/.test(code) ? noMoreFiles() : undefined
  return short
    ? unavailable('The server has no files, processes or memory left for this at the moment.', 5, short)
    : undefined
}

/** What the machine lacks, or its disk: the server's trouble. undefined: the error is another. */
export const machineTrouble = (error: unknown): Fault | undefined => shortOf(error) ?? diskTrouble(error)

/** Any thrown value as a Fault; what is not one becomes a 500 that says nothing. */
export function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const trouble = machineTrouble(error)
  if (trouble) return trouble
  return new Fault(
    500,
    'internal',
    'Something went wrong on the server; the log has the details under this request id.',
    {
      cause: error,
    },
  )
}
